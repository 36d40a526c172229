"""What cells of one process share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganbench import Samples, Signature
from ganbench.errors import GridError
from ganbench.grid import Choice
from ganbench.runner import build

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


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Ring()
    monkeypatch.setattr(build, "dataset_of", lambda _: made)
    build._samples.cache_clear()
    yield made
    build._samples.cache_clear()


def test_a_split_is_loaded_once_and_always_the_same(ring: Ring) -> None:
    shared = build._Shared(DIGITS)
    first = shared.load("train").x
    assert shared.load("train").x is first
    assert ring.loaded == ["train"]
    build._samples.cache_clear()
    torch.rand(3)
    # A data set that draws from torch's own generator draws the same each time.
    assert torch.equal(shared.load("train").x, first)
    assert torch.equal(shared.modes, torch.eye(2))


def test_what_a_plugin_raises_is_named_with_its_provider(ring: Ring) -> None:
    with pytest.raises(
        GridError, match=r"dataset 'digits' \(from ganbench .*\) cannot be used: OSError: the disk"
    ):
        build._Shared(DIGITS).load("test")
