from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_games import awkward_players, differing, interrupted, make_trainer, plain_players, weights
from torch import nn

from ganbench import Noise, Players
from ganbench.grid.optimizer_settings import SGD, Adam, AdamW, RMSprop
from ganbench.training import Diverged
from ganbench.zoo.losses.adversarial import Minimax, NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1

OPTIMIZERS = [
    Adam(lr=1e-3),
    Adam(lr=1e-3, amsgrad=True),
    AdamW(lr=1e-3),
    SGD(lr=1e-2),
    SGD(lr=1e-2, momentum=0.9),
    RMSprop(lr=1e-3, momentum=0.5, centered=True),
]
# Settings that change in the course of training, or what a round is.
FURTHER: list[dict[str, Any]] = [
    {},
    {"gradient_clip": 0.5, "accumulate": 3, "schedule": {"name": "cosine", "final": 0.1, "warmup": 0.2}},
    {
        "schedule": "constant",
        "schedules": {
            "g_optimizer.lr": {"name": "linear", "to": 1e-4, "until": 0.5},
            "ema": {"name": "cosine", "from": 0.1, "to": 0.9},
        },
    },
    {"ema": {"half_life": 5, "ramp": 0.5}},
]


class Counting(NonSaturating):
    """Keeps a number between turns and draws from the loss stream, as BEGAN and a gradient penalty do."""

    def discriminator_loss(self, game: Any) -> torch.Tensor:
        count = game.state("count", 0.0)
        count += 1
        return super().discriminator_loss(game) * (1 + 0.01 * game.uniform(1).squeeze() + 0.001 * count)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    optimizer=st.sampled_from(OPTIMIZERS),
    order=st.sampled_from(["d_then_g", "g_then_d", "simultaneous"]),
    d_steps=st.integers(1, 3),
    ema=st.sampled_from([0.0, 0.9]),
    schedule=st.sampled_from(["constant", "linear", "cosine", "exponential"]),
    precision=st.sampled_from(["float32", "float64", "bfloat16"]),
    awkward=st.booleans(),
    further=st.sampled_from(FURTHER),
    breaks=st.lists(st.integers(1, 19), max_size=3, unique=True),
)
def test_interrupted_anywhere_is_the_same_to_the_bit(
    optimizer: Any,
    order: str,
    d_steps: int,
    ema: float,
    schedule: str,
    precision: str,
    awkward: bool,
    further: dict[str, Any],
    breaks: list[int],
) -> None:
    chosen = {
        "steps": 20,
        "d_optimizer": optimizer,
        "g_optimizer": optimizer,
        "order": order,
        "d_steps": 1 if order == "simultaneous" else d_steps,
        "ema": ema,
        "schedule": schedule,
        "precision": precision,
    } | further
    build = awkward_players if awkward else plain_players
    whole = make_trainer(chosen, build=build, loss=Counting())
    whole.advance(20)
    broken = interrupted(lambda: make_trainer(chosen, build=build, loss=Counting()), sorted(breaks), 20)
    assert differing(weights(whole), weights(broken)) == []


def test_equal_seeds_give_equal_bits_whatever_the_caller_draws() -> None:
    one = make_trainer(build=awkward_players)
    one.advance(40)
    other = make_trainer(build=awkward_players)
    for step in (10, 20, 40):
        torch.manual_seed(step)
        torch.rand(step)
        before = torch.get_rng_state()
        other.advance(step)
        assert torch.equal(torch.get_rng_state(), before)
    assert differing(weights(one), weights(other)) == []


def test_both_objectives_see_the_same_batches_noise_and_initial_weights() -> None:
    seen: dict[str, list[torch.Tensor]] = {}

    def spying(kind: type, name: str) -> Any:
        class Spy(kind):  # type: ignore[misc]
            def discriminator_loss(self, game: Any) -> torch.Tensor:
                seen[name] += [game.real.clone(), game.noise.clone()]
                return super().discriminator_loss(game)

            def generator_loss(self, game: Any) -> torch.Tensor:
                seen[name] += [game.real.clone(), game.noise.clone()]
                return super().generator_loss(game)

        return Spy()

    first: dict[str, dict[str, torch.Tensor]] = {}
    last: dict[str, dict[str, torch.Tensor]] = {}
    for kind, name in ((Minimax, "minimax"), (NonSaturating, "non_saturating")):
        seen[name] = []
        trainer = make_trainer({"d_steps": 2}, build=awkward_players, loss=spying(kind, name))
        first[name] = weights(trainer)
        trainer.advance(12)
        last[name] = weights(trainer)
    assert differing(first["minimax"], first["non_saturating"]) == []
    assert len(seen["minimax"]) == 12 * 3 * 2
    for one, other in zip(seen["minimax"], seen["non_saturating"], strict=True):
        assert torch.equal(one, other)
    changed = differing(last["minimax"], last["non_saturating"])
    # Dropout's stream stays the same too; what differs is what the objective decides.
    assert "network.cpu" not in changed
    assert any(name.startswith("generator.") for name in changed)


def test_a_round_is_algorithm_1_worked_by_hand() -> None:
    trainer = make_trainer({"d_optimizer": SGD(lr=0.1), "g_optimizer": SGD(lr=0.2)}, loss=Minimax())
    generator = copy.deepcopy(trainer.players.generator)
    discriminator = copy.deepcopy(trainer.players.discriminator)
    batches = copy.deepcopy(trainer._feed._batches)
    noise = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(2))
    real, _ = batches.next()

    fake = generator(noise[0]).detach()
    loss_d = -torch.log(torch.sigmoid(discriminator(real))).mean()
    loss_d = loss_d - torch.log(1 - torch.sigmoid(discriminator(fake))).mean()
    _descend(discriminator, loss_d, 0.1)
    _descend(generator, torch.log(1 - torch.sigmoid(discriminator(generator(noise[1])))).mean(), 0.2)

    trainer.advance(1)
    for mine, theirs in zip(
        [*generator.parameters(), *discriminator.parameters()],
        [*trainer.players.generator.parameters(), *trainer.players.discriminator.parameters()],
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
    row = trainer.diagnostics.tensor()[0]
    assert float(row[1]) == pytest.approx(loss_d.item(), rel=1e-5)
    assert float(row[7]) == pytest.approx((math.log(4) - loss_d.item()) / 2, rel=1e-5)


def _descend(module: nn.Module, loss: torch.Tensor, rate: float) -> None:
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter -= rate * gradient


def test_simultaneous_takes_both_gradients_before_either_step() -> None:
    settings = {"order": "simultaneous", "d_optimizer": SGD(lr=0.1), "g_optimizer": SGD(lr=0.2)}
    trainer = make_trainer(settings, loss=Minimax())
    generator = copy.deepcopy(trainer.players.generator)
    discriminator = trainer.players.discriminator
    noise = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(2))
    # The untouched discriminator decides the generator's step.
    _descend(generator, torch.log(1 - torch.sigmoid(discriminator(generator(noise[1])))).mean(), 0.2)
    trainer.advance(1)
    for mine, theirs in zip(generator.parameters(), trainer.players.generator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


def test_the_generator_gradients_differ_by_e_to_the_minus_s() -> None:
    scores = torch.linspace(-12, 12, 97, dtype=torch.float64)

    class Fixed:
        fake = None

        def __init__(self, s: torch.Tensor) -> None:
            self._s = s

        def score(self, _: Any) -> torch.Tensor:
            return self._s

    gradients = {}
    for loss in (Minimax(), NonSaturating()):
        s = scores.clone().requires_grad_()
        (gradients[type(loss)],) = torch.autograd.grad(loss.generator_loss(Fixed(s)) * len(s), s)
    sigmoid = torch.sigmoid(scores)
    torch.testing.assert_close(gradients[Minimax], -sigmoid, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradients[NonSaturating], -(1 - sigmoid), rtol=1e-9, atol=0)
    ratio = gradients[NonSaturating] / gradients[Minimax]
    torch.testing.assert_close(ratio, torch.exp(-scores), rtol=1e-5, atol=0)


def test_d_steps_are_updates_on_fresh_batches() -> None:
    trainer = make_trainer({"d_steps": 3, "batch_size": 8})
    trainer.advance(1)
    assert trainer._feed.cursor == 24
    trainer.advance(2)
    # 30 samples hold three whole batches; the fourth begins a new epoch.
    assert trainer._feed.cursor == 24


def test_the_average_follows_and_copies_buffers() -> None:
    trainer = make_trainer({"ema": 0.5}, build=awkward_players)
    start = copy.deepcopy(trainer.players.generator.state_dict())
    trainer.advance(1)
    now = trainer.players.generator.state_dict()
    average = trainer.scored_generator.state_dict()
    torch.testing.assert_close(average["0.weight"], (start["0.weight"] + now["0.weight"]) / 2)
    assert torch.equal(average["1.running_mean"], now["1.running_mean"])


def test_schedules_scale_the_learning_rate() -> None:
    ends = {}
    for schedule in ("constant", "linear", "cosine", "exponential"):
        trainer = make_trainer({"schedule": schedule, "steps": 10, "g_optimizer": SGD(lr=1.0)})
        trainer.advance(10)
        ends[schedule] = trainer._learners["generator"].optimizer.param_groups[0]["lr"]
    assert ends["constant"] == 1.0
    assert ends["linear"] == pytest.approx(0.1)
    assert ends["cosine"] == pytest.approx((1 + math.cos(0.9 * math.pi)) / 2)
    assert ends["exponential"] == pytest.approx(0.01**0.9)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_named_with_its_step(bad: float) -> None:
    class Breaks(NonSaturating):
        def generator_loss(self, game: Any) -> torch.Tensor:
            return super().generator_loss(game) + torch.where(game.step == 16, bad, 0.0)

    trainer = make_trainer({"diagnostics_every": 1}, loss=Breaks())
    with pytest.raises(Diverged, match="loss_g is not finite at step 17") as caught:
        trainer.advance(40)
    assert caught.value.step == 17
    assert trainer.diagnostics.columns()["step"] == list(range(1, 18))


def test_a_weight_that_is_not_finite_is_divergence() -> None:
    class Poison(NonSaturating):
        def after_discriminator_step(self, discriminator: nn.Module) -> None:
            discriminator.unused.fill_(math.inf)

    def build() -> Players:
        players = plain_players()
        players.discriminator.register_buffer("unused", torch.zeros(1))
        return players

    with pytest.raises(Diverged, match="a weight is not finite at step 40"):
        make_trainer(build=build, loss=Poison()).advance(40)


def test_frozen_parameters_of_an_author_stay_frozen() -> None:
    def build() -> Players:
        players = plain_players()
        players.generator[0].weight.requires_grad_(False)
        return players

    trainer = make_trainer(build=build)
    before = trainer.players.generator[0].weight.clone()
    trainer.advance(5)
    assert torch.equal(before, trainer.players.generator[0].weight)


class Still(torch.nn.Module):
    """Nothing to learn."""

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return noise[:, :2]


class TowardsMoreGradient:
    """Differentiates the field of both players."""

    name = "towards_more_gradient"

    def play(self, turns: Any) -> None:
        field = turns.field(0, 0)
        turns.add_gradient(torch.stack([each.square().sum() for each in field]).sum())
        turns.apply("discriminator")
        turns.apply("generator")


@pytest.mark.parametrize("update", [None, TowardsMoreGradient()])
def test_a_generator_without_weights_leaves_the_discriminator_to_learn(update: Any) -> None:
    def make() -> Any:
        return make_trainer(
            {"steps": 10, "accumulate": 2, "ema": 0.5},
            build=lambda: replace(plain_players(), generator=Still()),
            update=update,
        )

    trainer = make()
    before = {name: each for name, each in weights(trainer).items() if name.startswith("discriminator.")}
    trainer.advance(10)
    after = weights(trainer)
    assert set(differing(before, {name: after[name] for name in before})) == set(before)
    assert not differing(after, weights(interrupted(make, [3], 10)))


def test_r1_is_half_the_weighted_squared_gradient_norm() -> None:
    linear = nn.Linear(2, 1)
    players = Players(generator=nn.Linear(4, 2), discriminator=linear, noise=Noise(size=4))
    seen = []

    class Spy(R1):
        def __call__(self, game: Any) -> torch.Tensor:
            value = super().__call__(game)
            seen.append((value.item(), (0.3 / 2 * linear.weight.square().sum()).item()))
            return value

    make_trainer(build=lambda: players, penalty=Spy(weight=0.3)).advance(3)
    assert len(seen) == 3
    for value, expected in seen:
        assert value == pytest.approx(expected, rel=1e-5)
