"""The Dirac-GAN: every step worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganbench import Players, Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.grid.optimizer_settings import SGD
from ganbench.grid.seeds import Streams
from ganbench.grid.settings import TrainSettings
from ganbench.training import Objective, PenaltyTerm, Trainer


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


LINE = Signature(shape=(1,), kind="points")


def _build(dimension: int, **options: Any) -> Players:
    players: Players = load_catalog().build(
        "architecture", "dirac", options, signature=Signature(shape=(dimension,), kind="points")
    )
    return players


def test_the_generator_is_a_point_and_the_discriminator_a_direction() -> None:
    players = _build(3, theta=[1, 2, 3], psi=0.5)
    made = players.generator(torch.randn(4, players.noise.size))
    assert made.tolist() == [[1, 2, 3]] * 4
    assert players.discriminator(made).tolist() == [[3.0]] * 4
    assert players.discriminator(torch.zeros(2, 3)).tolist() == [[0.0]] * 2
    assert [p.numel() for p in players.discriminator.parameters()] == [3]


def test_seeds_play_the_same_game() -> None:
    before = torch.get_rng_state()
    assert torch.equal(_build(2).generator.theta, torch.ones(2, dtype=torch.float64))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theta": [1, 2, 3]}, "theta must be one number, or 2, one a coordinate of the data, given 3"),
        ({"psi": []}, "psi must be one number, or 2, one a coordinate of the data, given 0"),
        ({"psi": -1e9}, "'psi' .* at least -1e\\+06 and at most 1e\\+06, given -1000000000.0"),
    ],
)
def test_impossible_beginnings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        _build(2, **options)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-14)])
@pytest.mark.parametrize("order", ["d_then_g", "simultaneous"])
def test_a_run_is_gradient_play_by_hand(precision: str, tolerance: float, order: str) -> None:
    steps, rate = 30, 0.2
    players = _build(1, theta=0.3, psi=-0.7)
    Trainer(
        settings=TrainSettings(
            batch_size=4,
            steps=steps,
            order=order,
            precision=precision,
            d_optimizer=SGD(lr=rate),
            g_optimizer=SGD(lr=rate),
        ),
        players=players,
        objective=Objective(loss=load_catalog().build("loss", "minimax", {}), outputs=1, value=True),
        penalties=[PenaltyTerm(penalty=load_catalog().build("penalty", "none", {}))],
        signature=LINE,
        samples=Samples(x=torch.zeros(8, 1)),
        streams=Streams(init=0, data=1, noise=2, loss=3, network=4),
        device=torch.device("cpu"),
    ).advance(steps)

    theta, psi = 0.3, -0.7
    for _ in range(steps):
        # V = log sigmoid(psi · 0) + log sigmoid(-psi · theta): psi climbs, theta descends.
        moved = psi - rate * theta / (1 + math.exp(-psi * theta))
        seen = moved if order == "d_then_g" else psi
        theta, psi = theta + rate * seen / (1 + math.exp(-seen * theta)), moved
    assert players.generator.theta.item() == pytest.approx(theta, abs=tolerance)
    assert players.discriminator.psi.item() == pytest.approx(psi, abs=tolerance)
