"""What cells of one process share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganbench import Samples, Signature
from ganbench.catalog import Catalog
from ganbench.catalog.loader import load_plugins
from ganbench.errors import GridError
from ganbench.grid import Choice
from ganbench.runner import SharedParts

DIGITS = Choice("digits")


class Ring:
    signature = Signature(shape=(2,), kind="points")
    fingerprint = "ring"
    modes = torch.eye(2)

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def load(self, split: str) -> Samples:
        self.loaded.append(split)
        if split == "test":
            raise OSError("the disk is gone")
        return Samples(x=torch.randn(5, 2))


class Rings(Catalog):
    """In which every data set is a Ring."""

    def __init__(self) -> None:
        super().__init__(load_plugins())
        self.built: list[Ring] = []

    def build(self, kind: str, name: str, options: Any, **context: Any) -> Any:  # type: ignore[override]
        self.built.append(Ring())
        return self.built[-1]


def test_a_split_is_loaded_once_and_always_the_same() -> None:
    rings = Rings()
    shared = SharedParts(rings)
    first = shared.dataset(DIGITS).load("train").x
    assert shared.dataset(DIGITS).load("train").x is first
    assert [ring.loaded for ring in rings.built] == [["train"]]
    torch.rand(3)
    again = SharedParts(rings).dataset(DIGITS)
    # A data set that draws from torch's own generator draws the same each time.
    assert torch.equal(again.load("train").x, first)
    assert again.load("train").x is not first
    assert torch.equal(again.modes, torch.eye(2))  # type: ignore[attr-defined]


def test_what_a_built_in_data_set_raises_is_named_with_its_provider() -> None:
    with pytest.raises(
        GridError, match=r"dataset 'digits' \(from ganbench .*\) cannot be used: OSError: the disk"
    ):
        SharedParts(Rings()).dataset(DIGITS).load("test")


def test_eight_data_sets_are_kept() -> None:
    rings = Rings()
    shared = SharedParts(rings)
    choices = [Choice("digits", {"size": size}) for size in range(9)]
    for choice in (*choices[:8], choices[0], choices[8]):
        shared.dataset(choice)
    assert len(rings.built) == 9
    shared.dataset(choices[0])
    assert len(rings.built) == 9
    # The one that was not used for longest went first.
    shared.dataset(choices[1])
    assert len(rings.built) == 10
