"""Recorded rounds: what they leave as it was, what they refuse, and resuming.

That they compute what the eager engine does is tested over all parts of ganbench in test_engine_equality.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_games import (
    Counting,
    awkward_players,
    differing,
    interrupted,
    make_trainer,
    plain_players,
    weights,
)
from torch import Tensor, nn

from ganbench import Noise, Players
from ganbench.engines.recorded_round import NotRecordable
from ganbench.engines.replaying import ReplayingEngine
from ganbench.engines.round_recorder import record_round
from ganbench.grid.optimizer_settings import SGD, Adam
from ganbench.training import EagerEngine, SeedRun, Trainer
from ganbench.training.train_step import PenaltyTerm
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1
from ganbench.zoo.updates.gradient_play import Optimistic


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 3])
def test_a_round_is_recorded_without_a_trace(at: int) -> None:
    def make() -> Trainer:
        return make_trainer(
            {"d_steps": 2, "ema": 0.9}, build=awkward_players, loss=Counting(), penalty=R1(weight=0.1)
        )

    plain, prepared = make(), make()
    for trainer in (plain, prepared):
        trainer.advance(at)
    before = weights(prepared)
    prepared._global = {name: tensor.clone() for name, tensor in prepared._global.items()}
    (run,) = prepared.seed_runs
    record_round(run)
    after = weights(prepared)
    states = {name: after.pop(name) for name in ("game.count", "game.first")}
    if at:
        assert {name: before.pop(name) for name in states} == states
    else:
        assert states["game.count"] == 5.0
        first, _ = make()._feed.draw().batches[0]
        assert torch.equal(states["game.first"], first.mean())
        # Optimizers have the state with which torch begins.
        created = {name: after.pop(name) for name in set(after) - set(before)}
        assert all(name.startswith("optimizer_") and not tensor.any() for name, tensor in created.items())
    assert differing(before, after) == []
    assert all(parameter.grad is None for each in run.step.learners.values() for parameter in each.parameters)
    for trainer in (plain, prepared):
        trainer.advance(9)
    assert differing(weights(plain), weights(prepared)) == []


@pytest.mark.slow
@pytest.mark.parametrize("build", [plain_players, awkward_players])
def test_interrupted_it_goes_on_to_the_same_bits(build: Callable[[], Players]) -> None:
    plain = build is plain_players
    penalties = [PenaltyTerm(penalty=R1(weight=0.1), every=3)] if plain else []

    def make() -> Trainer:
        return make_trainer(
            {"ema": 0.9, "schedule": "cosine", **({"freeze_generator_at": 25} if plain else {})},
            build=build,
            loss=Counting(),
            penalties=penalties,
            engine=ReplayingEngine,
        )

    whole = make()
    whole.advance(40)
    stops = [1, 7, 30] if plain else [7]
    assert differing(weights(whole), weights(interrupted(make, stops, 40))) == []


def test_a_state_of_the_update_rule_begins_with_the_gradients_after_the_first_steps() -> None:
    ends = []
    for engine in ("eager", "replaying"):
        trainer = make_trainer(
            {"precision": "float64"},
            update=Optimistic("d_then_g", 1),
            **({} if engine == "eager" else {"engine": ReplayingEngine}),
        )
        trainer.advance(2)
        ends.append(weights(trainer))
    for name, tensor in ends[0].items():
        if name.startswith("game.update."):
            torch.testing.assert_close(ends[1][name], tensor)


class Reading(NonSaturating):
    def generator_loss(self, game: Any) -> Tensor:
        loss = super().generator_loss(game)
        return loss if loss.item() > 0 else 2 * loss


class Branching(NonSaturating):
    def generator_loss(self, game: Any) -> Tensor:
        loss = super().generator_loss(game)
        return loss if loss > 0 else 2 * loss


class Stepped(nn.Linear):
    def at_step(self, step: int, steps: int) -> None: ...


class Replacing(nn.Linear):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + 1
        return super().forward(x)


def _players(layer: type[nn.Linear]) -> Callable[[], Players]:
    return lambda: Players(generator=layer(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"loss": Reading()}, "the value of a tensor is read (as .item() or a branch on it does) ("),
        ({"loss": Branching()}, "the value of a tensor is read (as .item() or a branch on it does) ("),
        ({"build": _players(Stepped)}, "generator has at_step, so that each round may be another one"),
        ({"build": _players(Replacing)}, "generator replaces its seen and does not change it in place"),
        (
            {"settings": {"d_optimizer": SGD(momentum=0.5, dampening=0.1)}},
            "SGD with dampening, whose first step is another one",
        ),
        (
            {"settings": {"schedules": {"optimizer.betas.1": {"name": "linear", "to": 0.9}}}},
            "a schedule of betas; of an optimizer's hyper-parameters only lr may change",
        ),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_its_line(given: dict[str, Any], reason: str) -> None:
    (run,) = make_trainer(**given).seed_runs
    said = ReplayingEngine.refuses(run.step, torch.device("cpu")) or ReplayingEngine.attempt(run)
    assert said.startswith(reason)
    if "loss" in given:
        line = type(given["loss"]).generator_loss.__code__.co_firstlineno + 2
        assert said.endswith(f"{__file__}, line {line})")
    with pytest.raises(NotRecordable):
        record_round(run)


class Restless(NonSaturating):
    """Draws another number of random numbers each time, which no recording can hold."""

    def __init__(self) -> None:
        self.turns = 0

    def generator_loss(self, game: Any) -> Tensor:
        self.turns += 1
        return super().generator_loss(game) + 0 * game.normal(self.turns).sum()


def test_draws_that_differ_between_two_plays_are_refused() -> None:
    (run,) = make_trainer(loss=Restless()).seed_runs
    assert ReplayingEngine.attempt(run).startswith("two plays of one round draw different random numbers")


@pytest.mark.slow
def test_equal_rounds_of_other_seeds_have_one_key_and_other_shapes_another() -> None:
    def key(settings: dict[str, Any] | None = None, **given: Any) -> str:
        (run,) = make_trainer(settings, **given).seed_runs
        assert isinstance(run, SeedRun)
        return record_round(run).key

    # Learning rates are inputs.
    assert key() == key() == key({"d_optimizer": Adam(lr=0.1)})
    others = [key({"batch_size": 4}), key({"precision": "float64"}), key(loss=Counting())]
    assert len({key(), *others}) == 4


class Lonely(nn.Module):
    """Has a weight that only a penalty reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class OnTheWeight:
    def __call__(self, game: Any) -> Tensor:
        return game.players.discriminator.weight.square().sum()


@pytest.mark.parametrize(("d_steps", "every"), [(1, 2), (2, 2), (1, 1)])
def test_a_weight_that_some_updates_leave_out_counts_its_own_steps(d_steps: int, every: int) -> None:
    ends = []
    for engine in (EagerEngine, ReplayingEngine):
        trainer = make_trainer(
            {"precision": "float64", "d_steps": d_steps},
            build=lambda: Players(
                generator=nn.Linear(4, 2), discriminator=Lonely(), noise=Noise(size=4), couples_samples=True
            ),
            penalties=[PenaltyTerm(penalty=OnTheWeight(), every=every)],
            engine=engine,
        )
        trainer.advance(6)
        ends.append(weights(trainer))
    for name, tensor in ends[0].items():
        torch.testing.assert_close(ends[1][name], tensor, rtol=1e-9, atol=1e-12, equal_nan=True, msg=name)


class Failing(NonSaturating):
    def generator_loss(self, game: Any) -> Tensor:
        raise ValueError("no")


def test_what_the_eager_engine_could_not_play_is_left_to_preflight() -> None:
    (run,) = make_trainer(loss=Failing()).seed_runs
    assert ReplayingEngine.attempt(run) == ""


def test_after_a_freeze_the_other_loss_gives_the_logit() -> None:
    class Doubled(NonSaturating):
        def logit(self, scores: Tensor) -> Tensor:
            return 2 * scores.squeeze(-1)

    trainer = make_trainer(
        {"freeze_generator_at": 5}, loss=Doubled(), loss_before_freeze=NonSaturating(), penalty=R1(weight=0.1)
    )
    before, after = (record_round(run) for run in trainer.seed_runs)
    assert "mul.Tensor" in after.graph.code
    assert before.key != after.key
