"""Update rules: each held to its recursion worked out by hand, who converges, and what is kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_games import awkward_players, differing, interrupted, make_trainer, weights

from ganbench import Players, Samples, Signature, UpdateRule
from ganbench.grid.optimizer_settings import SGD, Adam
from ganbench.training.update import Alternating
from ganbench.zoo.architectures.dirac import build_dirac
from ganbench.zoo.losses.adversarial import NonSaturating, WassersteinLoss
from ganbench.zoo.updates.gradient_play import Consensus, Extragradient, Optimistic

RATE = 0.3
START = (0.5, 1.0)
POINT = Signature(shape=(1,), kind="points")
Point = tuple[float, float]


def dirac() -> Players:
    return build_dirac(POINT, psi=START[0], theta=START[1])


def played(update: UpdateRule, loss: Any, rounds: int = 25, **settings: Any) -> list[Point]:
    """Return (psi, theta) at the start and after each round; the data are a point at 0."""
    trainer = dirac_trainer(update, loss, **settings)
    return [START, *(_after(trainer, step) for step in range(1, rounds + 1))]


def dirac_trainer(update: UpdateRule, loss: Any, **settings: Any) -> Any:
    sgd = {"d_optimizer": SGD(lr=RATE), "g_optimizer": SGD(lr=RATE), "precision": "float64", "steps": 400}
    return make_trainer(
        sgd | {"diagnostics_every": 1, "batch_size": 4} | settings,
        build=dirac,
        loss=loss,
        update=update,
        signature=POINT,
        data=Samples(x=torch.zeros(30, 1)),
    )


def _after(trainer: Any, step: int) -> Point:
    trainer.advance(step)
    psi, theta = trainer.players.discriminator.psi, trainer.players.generator.theta
    return psi.item(), theta.item()


class Bilinear:
    """D minimises psi · theta and G its negative: v = (theta, -psi)."""

    loss = staticmethod(lambda: WassersteinLoss(clip=0))

    @staticmethod
    def field(psi: float, theta: float) -> Point:
        return theta, -psi

    @staticmethod
    def norm_gradient(psi: float, theta: float) -> Point:
        """Of (theta² + psi²) / 2."""
        return psi, theta


class Saturating:
    """D minimises softplus(s), up to a constant, and G softplus(-s), with s = psi · theta."""

    loss = NonSaturating

    @staticmethod
    def field(psi: float, theta: float) -> Point:
        a = 1 / (1 + math.exp(-psi * theta))
        return a * theta, -(1 - a) * psi

    @staticmethod
    def norm_gradient(psi: float, theta: float) -> Point:
        """Of (a² theta² + b² psi²) / 2, where a = sigmoid(s), b = 1 - a and da/ds = a b."""
        a = 1 / (1 + math.exp(-psi * theta))
        b = 1 - a
        common = a * a * b * theta**2 - a * b * b * psi**2
        return b * b * psi + common * theta, a * a * theta + common * psi


GAMES = pytest.mark.parametrize("game", [Bilinear, Saturating])


def by_hand(step: Callable[[Point], Point], rounds: int = 25) -> list[Point]:
    return list(itertools.accumulate(range(rounds), lambda at, _: step(at), initial=START))


def moved(at: Point, along: Point) -> Point:
    return at[0] - RATE * along[0], at[1] - RATE * along[1]


def hold(found: list[Point], expected: list[Point]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-10, abs=1e-12)


@GAMES
@pytest.mark.parametrize("accumulate", [1, 3])
def test_extragradient_is_its_recursion(game: Any, accumulate: int) -> None:
    def step(at: Point) -> Point:
        return moved(at, game.field(*moved(at, game.field(*at))))

    hold(played(Extragradient(), game.loss(), accumulate=accumulate), by_hand(step))


@GAMES
@pytest.mark.parametrize("accumulate", [1, 3])
def test_consensus_is_its_recursion(game: Any, accumulate: int) -> None:
    def step(at: Point) -> Point:
        field, norm = game.field(*at), game.norm_gradient(*at)
        return moved(at, (field[0] + 0.7 * norm[0], field[1] + 0.7 * norm[1]))

    hold(played(Consensus(weight=0.7), game.loss(), accumulate=accumulate), by_hand(step))


def test_consensus_without_weight_is_simultaneous_play() -> None:
    simultaneous = played(Alternating("simultaneous", 1), NonSaturating())
    hold(played(Consensus(weight=0.0), NonSaturating()), simultaneous)


@GAMES
def test_optimistic_is_its_recursion(game: Any) -> None:
    last = game.field(*START)

    def step(at: Point) -> Point:
        nonlocal last
        field = game.field(*at)
        ahead = 2 * field[0] - last[0], 2 * field[1] - last[1]
        last = field
        return moved(at, ahead)

    hold(played(Optimistic("simultaneous", 1), game.loss(), order="simultaneous"), by_hand(step))


@GAMES
@pytest.mark.parametrize(("order", "d_steps"), [("d_then_g", 1), ("g_then_d", 1), ("d_then_g", 3)])
def test_optimistic_players_may_take_turns(game: Any, order: Any, d_steps: int) -> None:
    turns = [0] * d_steps
    turns = [*turns, 1] if order == "d_then_g" else [1, *turns]
    last: list[float | None] = [None, None]

    def step(at: Point) -> Point:
        for player in turns:
            gradient = game.field(*at)[player]
            before = last[player]
            along = [0.0, 0.0]
            along[player] = gradient if before is None else 2 * gradient - before
            last[player] = gradient
            at = moved(at, (along[0], along[1]))
        return at

    hold(played(Optimistic(order, d_steps), game.loss(), order=order, d_steps=d_steps), by_hand(step))


def test_the_moments_of_adam_follow_the_second_gradients_of_extragradient_alone() -> None:
    betas, eps, moments = (0.5, 0.9), 1e-8, [[0.0, 0.0], [0.0, 0.0]]

    def adam(at: Point, gradient: Point, count: int, first: list[float], second: list[float]) -> Point:
        place = list(at)
        for index in (0, 1):
            first[index] = betas[0] * first[index] + (1 - betas[0]) * gradient[index]
            second[index] = betas[1] * second[index] + (1 - betas[1]) * gradient[index] ** 2
            scale = math.sqrt(second[index] / (1 - betas[1] ** count)) + eps
            place[index] -= 0.05 * first[index] / (1 - betas[0] ** count) / scale
        return place[0], place[1]

    expected = [START]
    for count in range(1, 31):
        at = expected[-1]
        ahead = adam(at, Bilinear.field(*at), count, *([*each] for each in moments))
        expected.append(adam(at, Bilinear.field(*ahead), count, *moments))
    optimizer = Adam(lr=0.05, betas=betas, eps=eps)
    settings = {"d_optimizer": optimizer, "g_optimizer": optimizer}
    hold(played(Extragradient(), Bilinear.loss(), 30, **settings), expected)


def radii(update: UpdateRule, **settings: Any) -> list[float]:
    return [math.hypot(*at) for at in played(update, Bilinear.loss(), 200, **settings)]


@pytest.mark.slow
@pytest.mark.parametrize("update", [Extragradient(), Optimistic("simultaneous", 1), Consensus(weight=1.0)])
def test_they_converge_on_the_bilinear_game(update: UpdateRule) -> None:
    found = radii(update)
    assert found[-1] < 1e-3 < found[0]


@pytest.mark.slow
def test_steps_along_the_gradients_go_round_or_away_there() -> None:
    turns = radii(Alternating("d_then_g", 1))
    assert 0.5 < min(turns[-50:]) < max(turns[-50:]) < 2
    away = radii(Alternating("simultaneous", 1), order="simultaneous")
    assert all(
        math.isclose(after, before * math.hypot(1, RATE)) for before, after in itertools.pairwise(away)
    )


def rules() -> list[UpdateRule]:
    return [Extragradient(), Optimistic("d_then_g", 1), Consensus(weight=0.1)]


class Counting(NonSaturating):
    """Counts D's turns in the game, and lets the count steer the loss."""

    def discriminator_loss(self, game: Any) -> torch.Tensor:
        count = game.state("count", 0.0)
        count += 1
        return super().discriminator_loss(game) * (1 + 0.001 * count.clone())


@pytest.mark.slow
@pytest.mark.parametrize("rule", range(3), ids=lambda rule: rules()[rule].name)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_interrupted_they_go_on_to_the_same_bits(rule: int, accumulate: int) -> None:
    def trainer() -> Any:
        settings = {"ema": 0.9, "accumulate": accumulate, "gradient_clip": 1.0, "steps": 24, "batch_size": 4}
        return make_trainer(settings, build=awkward_players, loss=Counting(), update=rules()[rule])

    whole = trainer()
    whole.advance(24)
    broken = interrupted(trainer, (5, 13), 24)
    found = weights(whole)
    assert differing(found, weights(broken)) == []
    # Once per round and batch, whatever the number of gradients.
    assert float(found["game.count"]) == 24 * accumulate


def test_the_last_gradients_of_optimistic_are_in_its_checkpoint() -> None:
    trainer = dirac_trainer(Optimistic("simultaneous", 1), Bilinear.loss())
    (_, before), (psi, _) = _after(trainer, 1), _after(trainer, 2)
    tensors, _ = trainer.state()
    assert psi == pytest.approx(START[0] - RATE * START[1] - RATE * (2 * before - START[1]))
    assert tensors["game.update.discriminator.0"].tolist() == [before]


@pytest.mark.parametrize("update", rules(), ids=lambda update: update.name)
def test_a_frozen_generator_stays_and_the_discriminator_learns_on(update: UpdateRule) -> None:
    found = played(update, NonSaturating(), 8, freeze_generator_at=3)
    assert len({theta for _, theta in found[:4]}) == 4
    assert {theta for _, theta in found[3:]} == {found[3][1]}
    assert len({psi for psi, _ in found}) == 9


def test_consensus_leaves_a_frozen_generators_gradient_out_of_the_norm() -> None:
    def step(at: Point) -> Point:
        psi, theta = at
        a = 1 / (1 + math.exp(-psi * theta))
        # v is a theta alone, whose half square has the derivative a² (1 - a) theta³ in psi.
        return psi - RATE * (a * theta + 0.7 * a * a * (1 - a) * theta**3), theta

    hold(played(Consensus(weight=0.7), NonSaturating(), freeze_generator_at=0), by_hand(step))


@pytest.mark.parametrize("update", rules(), ids=lambda update: update.name)
def test_the_norm_of_what_the_optimizer_gets_is_cut(update: UpdateRule) -> None:
    settings = {"gradient_clip": 1e-3, "order": "simultaneous"}
    (first, second) = played(update, Bilinear.loss(), 1, **settings)
    assert math.dist(first, second) == pytest.approx(RATE * 1e-3 * math.sqrt(2), rel=1e-3)


def test_the_curves_tell_of_the_gradients_that_the_step_goes_along() -> None:
    def first(update: UpdateRule) -> Point:
        trainer = dirac_trainer(update, Bilinear.loss(), order="simultaneous")
        trainer.advance(1)
        columns = trainer.diagnostics.columns()
        return columns["grad_norm_d"][0], columns["grad_norm_g"][0]

    (psi, theta), weight = START, 0.7
    ahead = Bilinear.field(*moved(START, Bilinear.field(*START)))
    assert first(Extragradient()) == pytest.approx([abs(each) for each in ahead])
    assert first(Optimistic("simultaneous", 1)) == pytest.approx([theta, psi])
    consensus = first(Consensus(weight=weight))
    assert consensus == pytest.approx([theta + weight * psi, abs(-psi + weight * theta)])
