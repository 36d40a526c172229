"""The radial-basis-function generator against its formula."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganbench import Players, Signature
from ganbench.catalog import load_catalog


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


POINTS = Signature(shape=(2,), kind="points")


def _build(signature: Signature = POINTS, **options: Any) -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build("architecture", "rbf", options, signature=signature)
    return players


@pytest.mark.parametrize("bounded", [False, True])
def test_it_is_a_weighted_sum_of_bumps(bounded: bool) -> None:
    signature = Signature(shape=(1, 2, 3), kind="image") if bounded else POINTS
    generator = _build(signature, centres=7, bandwidth=0.4, noise=3).generator
    noise = torch.randn(5, 3)
    linear = generator.net[0]
    width = 0.4 * math.sqrt(3)
    for z, made in zip(noise, generator(noise), strict=True):
        bumps = [
            math.exp(-float((z - c).square().sum()) / (2 * width**2)) for c in generator.centres.detach()
        ]
        expected = linear(torch.tensor(bumps))
        torch.testing.assert_close(made.flatten(), torch.tanh(expected) if bounded else expected)


def test_a_bump_is_highest_at_its_centre_and_bandwidths_learn() -> None:
    generator = _build(centres=1).generator
    assert {name for name, _ in generator.named_parameters()} == {
        "centres",
        "log_bandwidth",
        "net.0.weight",
        "net.0.bias",
    }
    at_the_centre = generator(generator.centres.detach())
    linear = generator.net[0]
    torch.testing.assert_close(at_the_centre, linear.weight.sum(1)[None] + linear.bias)
    generator(torch.randn(4, 2)).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in generator.parameters())


@pytest.mark.parametrize(("distribution", "std"), [("normal", 1.0), ("uniform", 1 / math.sqrt(3))])
def test_centres_begin_where_the_noise_falls(distribution: str, std: float) -> None:
    players = _build(centres=4000, noise_distribution=distribution)
    assert players.noise.distribution == distribution
    assert players.generator.centres.std().item() == pytest.approx(std, rel=0.03)
    if distribution == "uniform":
        assert players.generator.centres.abs().max() <= 1
