"""Labels in the built-in nets: both players heed them, and data without labels are refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.zoo.architectures.conditioning import join_labels


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


CLASSES = 3
IMAGES = Signature(shape=(2, 8, 8), kind="image", classes=CLASSES)
NETS: dict[str, dict[str, Any]] = {"dcgan": {"channels": 4, "noise": 5}}


def _players(name: str, signature: Signature = IMAGES, **options: Any) -> Players:
    players: Players = load_catalog().build(
        "architecture",
        name,
        {**NETS[name], "conditional": True, **options},
        signature=signature,
        discriminator_outputs=1,
    )
    players.generator.eval()
    players.discriminator.eval()
    return players


def test_labels_become_entries_and_planes() -> None:
    labels = torch.tensor([2, 0])
    vector = join_labels(torch.tensor([[7.0], [8.0]]), labels, 3)
    assert vector.tolist() == [[7, 0, 0, 1], [8, 1, 0, 0]]
    images = torch.randn(2, 1, 2, 2, dtype=torch.float64)
    joined = join_labels(images, labels, 3)
    assert joined.dtype == torch.float64
    assert torch.equal(joined[:, :1], images)
    assert joined[0, 1:].flatten(1).tolist() == [[0] * 4, [0] * 4, [1] * 4]
    assert joined[1, 1:].flatten(1).tolist() == [[1] * 4, [0] * 4, [0] * 4]


@pytest.mark.parametrize("pack", [1, 2])
@pytest.mark.parametrize("name", NETS)
def test_both_players_heed_the_label_of_each_sample(name: str, pack: int) -> None:
    players = _players(name, pack=pack)
    assert players.conditional
    # One sample four times, the last one with another label.
    noise = torch.randn(1, players.noise.size).expand(4, -1)
    x = torch.randn(1, *IMAGES.shape).expand(4, -1, -1, -1)
    labels = torch.tensor([1, 1, 1, 2])
    made = players.generator(noise, labels)
    assert torch.equal(made[0], made[2])
    assert not torch.allclose(made[0], made[3])
    scores = players.discriminator(x, labels)
    assert scores.shape == (4 // pack, 1)
    assert not torch.isclose(scores[0], scores[-1])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (Signature(shape=(1, 8, 8), kind="image"), "conditional needs labels, and the data have none"),
        (
            Signature(shape=(1, 8, 8), kind="image", classes=3, condition=(5,)),
            r"conditional takes labels, the data's condition has shape \(5,\)",
        ),
    ],
)
def test_without_labels_it_is_unsupported(name: str, signature: Signature, reason: str) -> None:
    with pytest.raises(Unsupported, match=f"{name}: {reason}"):
        _players(name, signature)
    assert not _players(name, signature, conditional=False).conditional
