"""Networks beside the players and losses that learn: who trains them, by which steps, and what is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal

import pytest
import torch
from small_games import awkward_players, differing, interrupted, make_trainer, plain_players, weights
from torch import Tensor, nn

from ganbench import Extra, Players, UpdateRule
from ganbench.engines.round_recorder import record_round
from ganbench.grid.optimizer_settings import SGD
from ganbench.training import PenaltyTerm, Trainer
from ganbench.training.update import Alternating
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1
from ganbench.zoo.updates.gradient_play import Consensus, Extragradient, Optimistic

PLAYERS: tuple[Literal["generator", "discriminator"], ...] = ("generator", "discriminator")
START, GOAL, RATE = 1.0, 3.0, 0.05


class Number(nn.Module):
    """One parameter, and how often it was told the step."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(START))
        self.told: list[tuple[int, int]] = []

    def at_step(self, step: int, steps: int) -> None:
        self.told.append((step, steps))


class Drawn(NonSaturating):
    """Draws the numbers `g` and `d` to 3, in the turns with which they learn; each turn sees both."""

    def __init__(self) -> None:
        self.learning: list[set[str]] = []

    def distance(self, game: Any) -> Tensor:
        learning = {name for name, network in game.networks.items() if network.value.requires_grad}
        self.learning.append(learning)
        total: Tensor = sum((network.value - GOAL).square() for network in game.networks.values())
        return total

    def discriminator_loss(self, game: Any) -> Tensor:
        return super().discriminator_loss(game) + self.distance(game)

    def generator_loss(self, game: Any) -> Tensor:
        return super().generator_loss(game) + self.distance(game)


class Learning(nn.Module):
    """A loss with a number of its own that it draws to 3, beside what does not learn."""

    def __init__(self, learns_with: str = "generator") -> None:
        super().__init__()
        self.learns_with = learns_with
        self.value = nn.Parameter(torch.tensor(START))
        self.more = nn.ParameterList([nn.Parameter(torch.tensor(START))])
        self.fixed = nn.Parameter(torch.tensor(START), requires_grad=False)
        self.held = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
        self.register_buffer("turns", torch.zeros(()))
        self.turns: Tensor
        self.base = NonSaturating()

    def own(self, game: Any) -> Tensor:
        self.turns += 1
        distances = [(value - GOAL).square() for value in (self.value, *self.more, self.fixed)]
        return sum(distances[1:], distances[0]) + 0 * self.held(game.real).mean()

    def discriminator_loss(self, game: Any) -> Tensor:
        return self.base.discriminator_loss(game) + self.own(game)

    def generator_loss(self, game: Any) -> Tensor:
        return self.base.generator_loss(game) + self.own(game)


def with_numbers() -> Players:
    extra = {turn[0]: Extra(Number(), turn) for turn in PLAYERS}
    return replace(plain_players(), extra=extra)


def sgd(**settings: Any) -> dict[str, Any]:
    both = {"d_optimizer": SGD(lr=RATE), "g_optimizer": SGD(lr=RATE)}
    return {**both, "precision": "float64", **settings}


def alternating() -> Alternating:
    return Alternating("d_then_g", 1)


def _optimistic(distance: float, last: float) -> float:
    return distance - RATE * 2 * (2 * distance - last)


# The distance to 3 after a step, from that and the distance before it; the gradient is twice the distance.
RULES: dict[str, tuple[Callable[[], UpdateRule], Callable[[float, float], float]]] = {
    "alternating": (alternating, lambda now, _: now * (1 - 2 * RATE)),
    "extragradient": (Extragradient, lambda now, _: now * (1 - 2 * RATE * (1 - 2 * RATE))),
    "optimistic": (lambda: Optimistic("d_then_g", 1), _optimistic),
    # The squared norm of a gradient 2 x has the gradient 8 x, of which the weight takes half.
    "consensus": (lambda: Consensus(weight=0.5), lambda now, _: now * (1 - RATE * (2 + 0.5 * 4))),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_steps_with_its_player_by_every_rule(rule: str) -> None:
    build, step = RULES[rule]
    loss = Learning("discriminator")
    loss.base = Drawn()  # type: ignore[assignment]
    trainer = make_trainer(sgd(), build=with_numbers, loss=loss, update=build())
    before = distance = START - GOAL
    for round_ in range(1, 6):
        trainer.advance(round_)
        distance, before = step(distance, before), distance
        found = [extra.module.value for extra in trainer.players.extra.values()]
        for value in (*found, loss.value, loss.more[0]):
            assert value.item() == pytest.approx(GOAL + distance, rel=1e-12)
    assert loss.fixed.item() == START


def test_what_learns_with_a_player_learns_in_its_turns_alone() -> None:
    # Two discriminator updates in each round, one of the generator.
    loss = Learning("generator")
    trainer = make_trainer(sgd(d_steps=2), build=with_numbers, loss=loss, update=Alternating("d_then_g", 2))
    base = loss.base = Drawn()  # type: ignore[assignment]
    trainer.advance(3)
    assert base.learning == [{"d"}, {"d"}, {"g"}] * 3
    numbers = {name: extra.module.value.item() for name, extra in trainer.players.extra.items()}
    assert numbers["d"] == pytest.approx(GOAL + (START - GOAL) * (1 - 2 * RATE) ** 6)
    assert numbers["g"] == loss.value.item() == pytest.approx(GOAL + (START - GOAL) * (1 - 2 * RATE) ** 3)


def test_gradients_are_clipped_and_accumulated_with_the_players() -> None:
    class Far(Drawn):
        def distance(self, game: Any) -> Tensor:
            return 1e6 * super().distance(game)

    trainer = make_trainer(sgd(gradient_clip=1.0, diagnostics_every=1), build=with_numbers, loss=Far())
    trainer.advance(1)
    # Beside a gradient of millions the players' own are nothing: the step has the length of the clip.
    assert [extra.module.value.item() for extra in trainer.players.extra.values()] == pytest.approx(
        [START + RATE] * 2
    )
    columns = trainer.diagnostics.columns()
    assert min(*columns["grad_norm_d"], *columns["grad_norm_g"]) > 1e6
    accumulated = make_trainer(sgd(accumulate=3), build=with_numbers, loss=Drawn())
    accumulated.advance(1)
    value = accumulated.players.extra["g"].module.value
    assert value.item() == pytest.approx(GOAL + (START - GOAL) * (1 - 2 * RATE))


def test_one_that_serves_the_generator_is_averaged() -> None:
    trainer = make_trainer(sgd(ema=0.75), build=with_numbers, loss=Drawn())
    averages = trainer.seed_runs[0].step.ema
    assert averages is not None
    assert averages.networks.keys() == {"g"}
    distance = mean = START - GOAL
    for step in range(1, 4):
        trainer.advance(step)
        distance *= 1 - 2 * RATE
        mean = 0.75 * mean + 0.25 * distance
        assert averages.networks["g"].value.item() == pytest.approx(GOAL + mean)
    assert "average_extra.g.value" in trainer.state()[0]


def test_each_is_told_the_step() -> None:
    trainer = make_trainer(sgd(steps=9), build=with_numbers, loss=Drawn())
    trainer.advance(2)
    for extra in trainer.players.extra.values():
        assert extra.module.told == [(0, 9), (0, 9), (1, 9)]


def test_one_that_no_loss_uses_changes_nothing() -> None:
    with_, without = make_trainer(build=with_numbers), make_trainer()
    for trainer in (with_, without):
        trainer.advance(10)
    mine, others = weights(with_), weights(without)
    for name in [name for name in mine if name.startswith("extra.")]:
        assert float(mine.pop(name)) == START
    assert differing(mine, others) == []


def test_what_a_loss_holds_beside_its_parameters_stays_as_it_is() -> None:
    loss = Learning()
    held = copy.deepcopy(loss.held.state_dict())
    trainer = make_trainer(loss=loss)
    trainer.advance(3)
    assert not loss.held.training
    assert all(torch.equal(held[name], value) for name, value in loss.held.state_dict().items())
    kept = {name for name in trainer.state()[0] if name.startswith("loss.")}
    assert kept == {"loss.value", "loss.more.0", "loss.fixed", "loss.turns"}


class Coder(nn.Sequential):
    """A network with everything that keeps state or draws."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, outputs))


def with_coders() -> Players:
    extra = {"encoder": Extra(Coder(2, 4), "generator"), "q": Extra(Coder(2, 4), "discriminator")}
    return replace(awkward_players(), extra=extra)


class Coding(Learning):
    """A loss that learns and uses coders in both turns: codes of what is generated, and of data."""

    def own(self, game: Any) -> Tensor:
        codes = [network(game.fake) for network in game.networks.values()]
        found = torch.stack([(code - game.noise).square().mean() for code in codes]).sum()
        scale = 1 + torch.exp(-self.value) * game.networks["encoder"](game.real).square().mean()
        return super().own(game) + found * scale


class Smooth:
    """A penalty that asks for the game's networks and a gradient through one."""

    def __call__(self, game: Any) -> Tensor:
        gradient = game.gradient(lambda x: game.networks["encoder"](x).sum(), game.fake)
        penalty: Tensor = gradient.square().sum(1).mean()
        return penalty


SETTINGS: dict[str, dict[str, Any]] = {
    "alternating": {"update": alternating, "d_steps": 1},
    "accumulated": {"accumulate": 2, "gradient_clip": 0.5, "schedule": "cosine"},
    "extragradient": {"update": Extragradient},
    "optimistic": {"update": lambda: Optimistic("d_then_g", 1)},
    "consensus": {"update": lambda: Consensus(weight=0.1)},
    "frozen": {"freeze_generator_at": 7},
    "bfloat16": {"precision": "bfloat16"},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SETTINGS)
def test_an_interrupted_training_goes_on_to_the_same_bits(case: str) -> None:
    given = dict(SETTINGS[case])
    update = given.pop("update", None)

    def make() -> Trainer:
        penalties = [PenaltyTerm(penalty=R1(0.1)), PenaltyTerm(penalty=Smooth(), player="generator")]
        if case == "consensus":
            # Torch has no third derivative of batch normalisation.
            penalties = penalties[:0]
        return make_trainer(
            {"ema": 0.9, "diagnostics_every": 1, **given},
            build=with_coders,
            loss=Coding("generator"),
            loss_before_freeze=Coding("discriminator") if "freeze_generator_at" in given else None,
            update=None if update is None else update(),
            penalties=penalties,
        )

    whole = make()
    begun = weights(whole)
    whole.advance(12)
    ended = weights(whole)
    assert differing(ended, weights(interrupted(make, stops=(3, 8), until=12))) == []
    # A loss that learns with a generator that is frozen comes too late.
    learned = "loss_before_freeze.value" if case == "frozen" else "loss.value"
    for name in (learned, "extra.encoder.0.weight", "extra.q.0.weight", "average_extra.encoder.0.weight"):
        assert not torch.equal(begun[name], ended[name])


def test_recording_a_round_changes_none_of_them() -> None:
    trainer = make_trainer({"ema": 0.9}, build=with_coders, loss=Coding())
    before = weights(trainer)
    (run,) = trainer.seed_runs
    record_round(run)
    after = weights(trainer)
    assert differing(before, {name: after[name] for name in before}) == []


def test_weights_that_are_not_finite_are_seen() -> None:
    class Bad(Drawn):
        learns_with: ClassVar[None] = None

        def distance(self, game: Any) -> Tensor:
            return super().distance(game) * math.inf

    trainer = make_trainer({**sgd(), "diagnostics_every": 50}, build=with_numbers, loss=Bad())
    with pytest.raises(Exception, match="not finite"):
        trainer.advance(40)
