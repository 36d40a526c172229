"""Schedules, clipping, accumulation and networks that are told the step: what each does in a round."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from small_games import differing, make_trainer, plain_players, weights
from torch import nn

from ganbench import Players
from ganbench.grid.optimizer_settings import SGD, Adam
from ganbench.grid.schedule_settings import RateSchedule
from ganbench.grid.settings import TrainSettings
from ganbench.training.optimizers import ema_decay, optimizer_schedules, rate_factor
from ganbench.zoo.losses.adversarial import NonSaturating


def values(function: Any, *steps: int) -> list[float]:
    return [function(step) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "at"),
    [
        ("linear", {0: 1.0, 25: 0.75, 99: 0.01}),
        ("cosine", {0: 1.0, 50: 0.5}),
        ("exponential", {0: 1.0, 50: 0.1}),
        (RateSchedule(name="linear", final=0.5), {0: 1.0, 50: 0.75, 99: 0.505}),
        (RateSchedule(name="cosine", final=0.2), {0: 1.0, 50: 0.6}),
        (RateSchedule(name="exponential", final=0.25), {0: 1.0, 50: 0.5}),
        (RateSchedule(name="constant", warmup=0.1), {0: 0.1, 4: 0.5, 9: 1.0, 10: 1.0, 99: 1.0}),
        (RateSchedule(name="linear", warmup=0.2), {0: 0.05, 19: 1.0, 20: 1.0, 60: 0.5, 99: 0.0125}),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule: Any, at: dict[int, float]) -> None:
    assert values(rate_factor(schedule, 100), *at) == pytest.approx(list(at.values()), rel=1e-12)


def test_a_constant_schedule_is_none() -> None:
    assert rate_factor("constant", 100) is None


def test_ramps_reach_their_value_and_stay_there() -> None:
    settings = TrainSettings(
        steps=100,
        d_optimizer=Adam(betas=(0.0, 0.9)),
        schedules={
            "d_optimizer.betas.1": {"name": "linear", "to": 0.99, "until": 0.5},
            "d_optimizer.lr": {"name": "cosine", "from": 1e-3, "to": 1e-4},
            "g_optimizer.lr": {"name": "exponential", "from": 1e-2, "to": 1e-4, "until": 0.8},
        },
    )
    discriminator = optimizer_schedules("d_optimizer", settings)
    assert sorted(discriminator) == ["betas", "lr"]
    assert [discriminator["betas"](step) for step in (0, 50, 99)] == [(0.0, 0.9), (0.0, 0.99), (0.0, 0.99)]
    assert discriminator["betas"](25)[1] == pytest.approx(0.945)
    assert values(discriminator["lr"], 0, 50) == pytest.approx([1e-3, 5.5e-4])
    assert values(optimizer_schedules("g_optimizer", settings)["lr"], 0, 40, 80, 99) == pytest.approx(
        [1e-2, 1e-3, 1e-4, 1e-4]
    )


def test_a_shared_ramp_is_each_players() -> None:
    ramp = {"name": "linear", "from": 0.5, "to": 0.9}
    shared = TrainSettings(schedules={"optimizer.betas.0": ramp})
    apart = TrainSettings(schedules={"d_optimizer.betas.0": ramp, "g_optimizer.betas.0": ramp})
    assert shared == apart
    assert shared.changed() == apart.changed()


def test_the_average_has_a_half_life_and_a_ramp() -> None:
    assert ema_decay(TrainSettings(ema=0.999)) == 0.999
    decay = ema_decay(TrainSettings(ema={"half_life": 10}))
    assert decay**10 == pytest.approx(0.5)
    ramped = ema_decay(TrainSettings(ema={"half_life": 10, "ramp": 0.5}))
    assert callable(ramped)
    # After n rounds the half-life is n/2, until it is 10.
    assert [math.log(0.5) / math.log(ramped(step)) for step in (1, 9, 19, 99)] == pytest.approx(
        [1, 5, 10, 10]
    )


def test_the_optimizer_is_given_the_scheduled_values() -> None:
    trainer = make_trainer(
        {"steps": 10, "schedules": {"optimizer.betas.1": {"name": "linear", "from": 0.5, "to": 0.9}}}
    )
    trainer.advance(6)
    groups = [
        group
        for learner in trainer.seed_runs[0].step.learners.values()
        for group in learner.optimizer.param_groups  # type: ignore[union-attr]
    ]
    # The sixth round follows five.
    assert [group["betas"] for group in groups] == [(0.5, pytest.approx(0.7))] * 2


def sgd(**more: Any) -> dict[str, Any]:
    return {"d_optimizer": SGD(lr=0.1), "g_optimizer": SGD(lr=0.1), "precision": "float64", **more}


def moved(settings: dict[str, Any]) -> list[float]:
    """Return how far D and G move in one round."""
    trainer = make_trainer(settings)
    before = [
        torch.cat([parameter.detach().flatten().clone() for parameter in player.parameters()])
        for player in (trainer.players.discriminator, trainer.players.generator)
    ]
    trainer.advance(1)
    after = [
        torch.cat([parameter.detach().flatten() for parameter in player.parameters()])
        for player in (trainer.players.discriminator, trainer.players.generator)
    ]
    return [float((new - old).norm()) for new, old in zip(after, before, strict=True)]


def test_a_gradient_is_cut_to_the_norm_and_a_shorter_one_left_alone() -> None:
    # Simultaneous, so that the generator meets the same discriminator.
    free = moved(sgd(order="simultaneous"))
    assert moved(sgd(order="simultaneous", gradient_clip=1e-3)) == pytest.approx([1e-4, 1e-4], rel=1e-3)
    assert moved(sgd(order="simultaneous", gradient_clip=1e3)) == free


def test_the_curves_tell_the_norm_before_it_was_cut() -> None:
    free, cut = make_trainer(sgd()), make_trainer(sgd(gradient_clip=1e-3))
    for trainer in (free, cut):
        trainer.advance(1)
    first, second = free.diagnostics.columns(), cut.diagnostics.columns()
    assert second["grad_norm_d"] == pytest.approx(first["grad_norm_d"])
    assert second["grad_norm_g"][0] > 0.01


class Recording(NonSaturating):
    """Keeps what its turns saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, torch.Tensor, torch.Tensor]] = []

    def discriminator_loss(self, game: Any) -> torch.Tensor:
        self.seen.append(("D", game.real, game.noise))
        return super().discriminator_loss(game)

    def generator_loss(self, game: Any) -> torch.Tensor:
        self.seen.append(("G", game.real, game.noise))
        return super().generator_loss(game)


def test_accumulating_is_training_on_a_batch_of_as_many_samples() -> None:
    """These players judge each sample by itself, so the mean of gradients is the gradient of the mean."""
    loss = Recording()
    parts = make_trainer(sgd(accumulate=3, d_steps=2, batch_size=5), loss=loss)
    parts.advance(1)
    turns = [turn for turn, _, _ in loss.seen]
    assert turns == ["D"] * 6 + ["G"] * 3
    real, noise = ([seen[index] for seen in loss.seen] for index in (1, 2))
    assert all(torch.equal(real[index + 6], real[index + 3]) for index in range(3))
    assert len({tuple(each.flatten().tolist()) for each in noise}) == 9

    whole = make_trainer(sgd(d_steps=2, batch_size=15))
    step = whole.seed_runs[0].step
    for player, first in (("discriminator", 0), ("discriminator", 3), ("generator", 6)):
        inputs = torch.cat(real[first : first + 3]), None, torch.cat(noise[first : first + 3])
        step.game.begin(player, *inputs)  # type: ignore[arg-type]
        learner = step.learners[player]
        for parameter in learner.parameters:
            parameter.grad = None
        step.losses(player)[0].backward()  # type: ignore[arg-type, no-untyped-call]
        learner.optimizer.step()  # type: ignore[union-attr]
    for one, other in (
        (parts.players.generator, whole.players.generator),
        (parts.players.discriminator, whole.players.discriminator),
    ):
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_the_curves_of_accumulated_batches_hold_their_mean() -> None:
    class Numbered(NonSaturating):
        """D's loss is 0 in its value, and 1, 2, 3 by its batches."""

        def discriminator_loss(self, game: Any) -> torch.Tensor:
            count = game.state("count", 0.0)
            count += 1
            bare = super().discriminator_loss(game)
            return bare - bare.detach() + count.clone()

    trainer = make_trainer(sgd(accumulate=3), loss=Numbered())
    trainer.advance(1)
    assert trainer.diagnostics.columns()["loss_d"] == [2.0]


class Fading(nn.Module):
    """A generator whose output grows with the progress that it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.told: list[tuple[int, int]] = []
        self.share = math.nan

    def at_step(self, step: int, steps: int) -> None:
        self.told.append((step, steps))
        self.share = step / steps

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layer(noise) * (1 + self.share)
        return made


def fading_players() -> Players:
    plain = plain_players()
    return Players(generator=Fading(), discriminator=plain.discriminator, noise=plain.noise)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_networks_are_told_the_step_before_each_round_and_before_they_are_scored(ema: float) -> None:
    trainer = make_trainer({"steps": 4, "ema": ema}, build=fading_players)
    generator: Any = trainer.players.generator
    assert generator.told == [(0, 4)]
    trainer.advance(4)
    assert generator.told == [(0, 4), (0, 4), (1, 4), (2, 4), (3, 4)]
    scored: Any = trainer.scored_generator
    assert scored.share == 1.0
    assert (scored is generator) == (ema == 0)


def test_a_network_that_is_told_the_step_resumes_to_the_same_bits() -> None:
    whole = make_trainer(build=fading_players)
    whole.advance(40)
    first = make_trainer(build=fading_players)
    first.advance(13)
    tensors, record = first.state()
    tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    second = make_trainer(build=fading_players)
    second.restore(tensors, record)
    second.advance(40)
    assert differing(weights(whole), weights(second)) == []


def test_a_loss_sees_the_progress() -> None:
    seen: list[tuple[int, float, int]] = []

    class Progressing(NonSaturating):
        def generator_loss(self, game: Any) -> torch.Tensor:
            seen.append((int(game.step), float(game.progress), game.steps))
            assert game.progress.shape == ()
            assert game.progress.dtype == game.real.dtype
            return super().generator_loss(game)

    make_trainer({"steps": 4}, loss=Progressing()).advance(4)
    assert seen == [(0, 0.0, 4), (1, 0.25, 4), (2, 0.5, 4), (3, 0.75, 4)]
