"""Augmentations that steer themselves by the discriminator's scores of real samples."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from small_games import differing, interrupted, make_trainer, plain_players, weights
from torch import Tensor, nn

from ganbench import Noise, Players, Samples, Signature
from ganbench.engines.round_recorder import record_round
from ganbench.training import Trainer
from ganbench.zoo.augmentations.ada import Ada
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1
from ganbench.zoo.updates.gradient_play import Consensus, Extragradient, Optimistic

IMAGES = Signature(shape=(3, 8, 8), kind="image")


class Steered:
    """Scales samples by a number that it keeps, which the gradient needs, and counts what it is told."""

    def __init__(self) -> None:
        self.told: list[Tensor] = []

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return x * game.state("scale", 1.0)

    def after_discriminator_scores(self, logit: Tensor, game: Any) -> None:
        assert not torch.is_grad_enabled()
        assert len(game.real) == 8
        self.told.append(logit.clone())
        scale = game.state("scale", 1.0)
        scale += 0.125


@pytest.mark.parametrize("coupled", [False, True])
def test_it_is_told_the_logits_of_the_real_batch(coupled: bool) -> None:
    augmentation, given = Steered(), []
    players = replace(plain_players(), couples_samples=coupled)
    players.discriminator.register_forward_hook(lambda _, __, scores: given.append(scores.detach()[:8, 0]))
    trainer = make_trainer({"d_steps": 2}, build=lambda: players, augmentation=augmentation, penalty=R1(0.1))
    trainer.advance(2)
    # In each of D's turns the real batch, then the penalty, whose scores are not told; in G's nothing.
    turn = 3 if coupled else 2
    of_real = [given[start] for start in range(0, len(given), 2 * turn + 1)]
    of_real += [given[start] for start in range(turn, len(given), 2 * turn + 1)]
    assert len(augmentation.told) == len(of_real) == 4
    for found, expected in zip(augmentation.told, [of_real[at] for at in (0, 2, 1, 3)], strict=True):
        assert torch.equal(found, expected)


RULES: dict[str, tuple[Any, dict[str, Any], int]] = {
    "alternating": (None, {}, 1),
    "several": (None, {"d_steps": 3}, 3),
    "accumulated": (None, {"accumulate": 2}, 2),
    "simultaneous": (None, {"order": "simultaneous"}, 1),
    "optimistic": (lambda: Optimistic("d_then_g", 1), {}, 1),
    # Two gradients in each round, of which the first one's changes are taken back.
    "extragradient": (Extragradient, {}, 1),
    "consensus": (lambda: Consensus(weight=0.1), {}, 1),
    "consensus, accumulated": (lambda: Consensus(weight=0.1), {"accumulate": 2}, 2),
}


@pytest.mark.parametrize("rule", RULES)
def test_it_is_told_once_for_each_batch_of_the_discriminator_under_every_rule(rule: str) -> None:
    build, settings, batches = RULES[rule]
    trainer = make_trainer(settings, update=None if build is None else build(), augmentation=Steered())
    trainer.advance(4)
    assert trainer.state()[0]["game.augmentation.scale"].item() == 1 + 0.125 * 4 * batches


def test_what_it_changes_comes_after_the_gradient() -> None:
    # The first update is that of a scale of 1, as without an augmentation.
    bare, steered = make_trainer(), make_trainer(augmentation=Steered())
    for trainer in (bare, steered):
        (step,) = (run.step for run in trainer.seed_runs)
        step.game.begin("discriminator", *trainer._feed.draw().batches[0], trainer._feed.draw().noises[0])
        loss, _ = step.losses("discriminator")
        loss.backward()
        step.game.tell_augmentation()
    grads = [
        [each.grad for each in trainer.players.discriminator.parameters()] for trainer in (bare, steered)
    ]
    assert all(torch.equal(one, other) for one, other in zip(*grads, strict=True))  # type: ignore[arg-type]


def test_without_scores_of_real_samples_it_is_told_nothing() -> None:
    class Apart(NonSaturating):
        def discriminator_loss(self, game: Any) -> Tensor:
            return game.score(torch.cat((game.real, game.fake))).square().mean()

    augmentation = Steered()
    make_trainer(augmentation=augmentation, loss=Apart()).advance(2)
    assert augmentation.told == []


class Certain(nn.Module):
    """Says of every sample that it is real, or not, by a sign."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.sign = sign

    def forward(self, x: Tensor) -> Tensor:
        return self.sign + self.weight * 0 * x.flatten(1).sum(1, keepdim=True)


def painters(discriminator: nn.Module | None = None) -> Players:
    return Players(
        generator=nn.Sequential(nn.Linear(4, 192), nn.Tanh(), nn.Unflatten(1, (3, 8, 8))),
        discriminator=discriminator or nn.Sequential(nn.Flatten(), nn.Linear(192, 1)),
        noise=Noise(size=4),
    )


def of_images(augmentation: Ada, discriminator: nn.Module | None = None, **settings: Any) -> Trainer:
    pixels = torch.randint(0, 256, (30, 3, 8, 8), generator=torch.Generator().manual_seed(3))
    return make_trainer(
        settings,
        build=functools.partial(painters, discriminator),
        augmentation=augmentation,
        signature=IMAGES,
        data=Samples(x=pixels.to(torch.uint8)),
        penalty=R1(0.1) if discriminator is None else None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize(("sign", "share"), [(1.0, 0.75), (-1.0, 0.25)])
def test_adas_probability_follows_a_discriminator_that_is_certain(
    sign: float, share: float, coupled: bool
) -> None:
    augmentation = Ada(images=320, interval=2, initial=0.5)
    trainer = of_images(augmentation, Certain(sign))
    trainer._game.couples_samples = coupled
    # Ten batches of eight images: a quarter of what takes p from 0 to 1.
    trainer.advance(10)
    assert trainer.state()[0]["game.augmentation.p"].item() == pytest.approx(share)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"accumulate": 2, "precision": "bfloat16"}])
def test_ada_goes_on_to_the_same_bits(settings: dict[str, Any]) -> None:
    def make() -> Trainer:
        return of_images(Ada(images=640, interval=2, initial=0.5), **settings)

    whole = make()
    whole.advance(5)
    # Between two moves of p, and after one.
    assert differing(weights(whole), weights(interrupted(make, stops=(1, 4), until=5))) == []
    state = weights(whole)
    assert 0 < state["game.augmentation.p"].item() < 0.5
    assert state["game.augmentation.batches"].item() in (0, 1)
    assert math.isfinite(state["generator.0.weight"].sum().item())


def test_recording_a_round_creates_its_states_and_changes_nothing() -> None:
    trainer = of_images(Ada(images=64, interval=1, initial=0.25))
    before = weights(trainer)
    (run,) = trainer.seed_runs
    record_round(run)
    created = {name: t for name, t in weights(trainer).items() if name in before or name.startswith("game")}
    states = {name: created.pop(name).item() for name in list(created) if name.startswith("game.")}
    assert states == {
        "game.augmentation.p": 0.25,
        "game.augmentation.signs": 0,
        "game.augmentation.batches": 0,
    }
    assert differing(before, created) == []
