from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from fixed_turns import FixedTurn
from torch import nn
from trained_objectives import NOISE, make_trainer, plain_players, resumed, state_of

from ganbench import Noise, Players
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, Unsupported
from ganbench.training import CellGame
from ganbench.zoo.losses.began import Began
from ganbench.zoo.penalties.gradient_penalties import NoPenalty

REAL = torch.tensor([[1.0, -1.0], [0.5, 0.0]], dtype=torch.float64)
FAKE = torch.tensor([[0.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
# Errors of 0.1, 0.3, 0.1, 0.1 on data, of 0.4, 0.0, 0.5, 0.3 on generated samples.
REBUILT_REAL = REAL + torch.tensor([[0.1, -0.3], [0.1, -0.1]], dtype=torch.float64)
REBUILT_FAKE = FAKE + torch.tensor([[0.4, 0.0], [-0.5, 0.3]], dtype=torch.float64)
ERROR_REAL, ERROR_FAKE = 0.15, 0.3


def turn(states: dict[str, torch.Tensor]) -> FixedTurn:
    return FixedTurn(REBUILT_REAL, REBUILT_FAKE, real=REAL, fake=FAKE, states=states)


def autoencoding_players() -> Players:
    return Players(
        generator=nn.Sequential(nn.Linear(NOISE, 8), nn.ReLU(), nn.Linear(8, 2)),
        discriminator=nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2)),
        noise=Noise(size=NOISE),
    )


def test_both_losses_are_reconstruction_errors_and_k_keeps_their_balance() -> None:
    loss = Began(gamma=0.8, lambda_k=0.5)
    states = {"began_k": torch.tensor(0.25, dtype=torch.float64)}
    value = loss.discriminator_loss(turn(states))
    assert value.item() == pytest.approx(ERROR_REAL - 0.25 * ERROR_FAKE)
    assert loss.generator_loss(turn(states)).item() == pytest.approx(ERROR_FAKE)
    assert states["began_k"].item() == pytest.approx(0.25 + 0.5 * (0.8 * ERROR_REAL - ERROR_FAKE))
    # The next discriminator's turn weighs by the new k.
    value = loss.discriminator_loss(turn(states))
    assert value.item() == pytest.approx(ERROR_REAL - 0.16 * ERROR_FAKE)


def test_squared_errors() -> None:
    states: dict[str, torch.Tensor] = {}
    value = Began(exponent=2).discriminator_loss(turn(states))
    assert value.item() == pytest.approx((0.01 + 0.09 + 0.01 + 0.01) / 4)
    value = Began(exponent=2).generator_loss(turn(states))
    assert value.item() == pytest.approx((0.16 + 0.25 + 0.09) / 4)


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.0), (0.001, 0.0), (1.0, 0.0)])
def test_k_does_not_fall_below_0(start: float, end: float) -> None:
    states = {"began_k": torch.tensor(start, dtype=torch.float64)}
    loss = Began(gamma=0.0, lambda_k=10.0)
    loss.discriminator_loss(turn(states))
    loss.generator_loss(turn(states))
    assert states["began_k"].item() == end


def test_k_does_not_rise_above_1() -> None:
    states = {"began_k": torch.tensor(0.9, dtype=torch.float64)}
    loss = Began(gamma=1.0, lambda_k=10.0)
    swapped = FixedTurn(REBUILT_FAKE, REBUILT_REAL, real=FAKE, fake=REAL, states=states)
    loss.discriminator_loss(swapped)
    loss.generator_loss(swapped)
    assert states["began_k"].item() == 1


def test_k_is_moved_once_a_round_by_the_errors_of_the_round() -> None:
    seen: list[tuple[float, float, float]] = []

    class Watched(Began):
        def generator_loss(self, game: Any) -> torch.Tensor:
            before = game.state("began_k", 0.0).item()
            value = super().generator_loss(game)
            real = game.state("began_real_error", 0.0).item()
            expected = min(max(before + self.lambda_k * (self.gamma * real - value.item()), 0), 1)
            seen.append((before, game.state("began_k", 0.0).item(), expected))
            return value

    loss = Watched(gamma=0.9, lambda_k=0.05)
    settings = {"d_steps": 3, "precision": "float64"}
    make_trainer(autoencoding_players, loss, NoPenalty(), outputs=None, settings=settings).advance(30)
    assert len(seen) == 30
    assert seen[0][0] == 0
    for (_, after, expected), (before, _, _) in pairwise(seen):
        assert after == pytest.approx(expected, abs=1e-12)
        assert before == after
    assert len({after for _, after, _ in seen}) > 10


def test_k_is_part_of_a_checkpoint() -> None:
    def fresh() -> Any:
        loss = Began(gamma=0.9, lambda_k=0.3)
        return make_trainer(autoencoding_players, loss, NoPenalty(), outputs=None)

    whole, broken = fresh(), fresh()
    whole.advance(50)
    broken.advance(20)
    state = state_of(broken)
    assert state["game.began_k"].item() > 0
    assert state["game.began_real_error"].item() > 0
    broken = resumed(broken, fresh())
    broken.advance(50)
    expected, found = state_of(whole), state_of(broken)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected if name != "diagnostics")
    # A run that forgot k would end elsewhere.
    forgetful = fresh()
    state["game.began_k"].zero_()
    forgetful.restore(state, {"step": 20, "cursor": broken.state()[1]["cursor"]})
    forgetful.advance(50)
    assert not torch.equal(state_of(forgetful)["generator.0.weight"], expected["generator.0.weight"])


@pytest.mark.parametrize("outputs", [1, 3, 4])
def test_a_discriminator_that_rebuilds_nothing_is_unsupported(outputs: int) -> None:
    trainer = make_trainer(lambda: plain_players(outputs), Began(), NoPenalty(), outputs=None)
    with pytest.raises(Unsupported, match=rf"shape \(8, 2\) for this batch, .* gives \(8, {outputs}\)"):
        trainer.advance(1)


def test_it_has_no_logit() -> None:
    game = CellGame(
        autoencoding_players(),
        Began(),
        couples_samples=False,
        loss_stream=torch.Generator(),
        device=torch.device("cpu"),
        steps=100,
        dtype=torch.float32,
        outputs=None,
    )
    assert not game.has_logit


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"gamma": -0.1}, "'gamma' .* at least 0 and at most 1, given -0.1"),
        ({"gamma": 1.5}, "'gamma' .* at least 0 and at most 1, given 1.5"),
        ({"lambda_k": -1}, "'lambda_k' .* at least 0.*, given -1"),
        ({"exponent": 3}, "must be one of 1, 2, given 3"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], reason: str) -> None:
    with pytest.raises(CatalogError, match=reason):
        load_catalog().build("loss", "began", options)
