"""Packing: what a discriminator sees of the samples that it judges together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.zoo.architectures.pack import Pack


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


SIGNATURES = {
    "mlp": Signature(shape=(2,), kind="points"),
    "rbf": Signature(shape=(2,), kind="points"),
    "dcgan": Signature(shape=(3, 16, 16), kind="image"),
}


def _players(name: str, pack: int, **options: Any) -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build(
            "architecture", name, {"pack": pack, **options}, signature=SIGNATURES[name]
        )
    players.discriminator.eval()
    return players


def test_neighbours_are_joined_along_the_first_axis_of_a_sample() -> None:
    points = torch.arange(12.0).view(6, 2)
    assert Pack(3)(points).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    images = torch.randn(6, 3, 5, 4)
    packed = Pack(2)(images)
    assert packed.shape == (3, 6, 5, 4)
    assert torch.equal(packed[1], torch.cat((images[2], images[3])))


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("pack", [2, 3])
def test_a_pack_is_scored_as_its_concatenation(name: str, pack: int) -> None:
    discriminator = _players(name, pack).discriminator
    x = torch.randn(4 * pack, *SIGNATURES[name].shape)
    joined = torch.cat([x[offset::pack] for offset in range(pack)], dim=1)
    scores = discriminator(x)
    assert scores.shape == (4, 1)
    torch.testing.assert_close(scores, discriminator.net[1:](joined))


@pytest.mark.parametrize("name", SIGNATURES)
def test_order_matters_within_a_pack_and_not_between_packs(name: str) -> None:
    discriminator = _players(name, 2).discriminator
    x = torch.randn(6, *SIGNATURES[name].shape)
    scores = discriminator(x)
    torch.testing.assert_close(discriminator(x[[4, 5, 0, 1, 2, 3]]), scores[[2, 0, 1]])
    swapped = discriminator(x[[1, 0, 2, 3, 4, 5]])
    assert not torch.isclose(swapped[0], scores[0], rtol=1e-4, atol=0)
    torch.testing.assert_close(swapped[1:], scores[1:])


def test_a_pack_of_one_is_no_pack() -> None:
    assert not any(isinstance(layer, Pack) for layer in _players("mlp", 1).discriminator.modules())


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_batch_that_does_not_divide_is_unsupported(name: str) -> None:
    with pytest.raises(Unsupported, match="pack must divide the batch, given pack = 4 and a batch of 6"):
        _players(name, 4).discriminator(torch.randn(6, *SIGNATURES[name].shape))


def test_gradients_reach_every_sample_of_a_pack() -> None:
    discriminator = _players("mlp", 3).discriminator
    x = torch.randn(6, 2, requires_grad=True)
    discriminator(x).sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(1) > 0).all()
