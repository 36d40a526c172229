"""Small games for the training tests: any network, any setting, a few steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import Noise, Players, Samples, Signature
from ganbench.grid.seeds import Streams
from ganbench.grid.settings import TrainSettings
from ganbench.training import EagerEngine, Engine, Objective, PenaltyTerm, Trainer
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import NoPenalty


class Counting(NonSaturating):
    """Keeps a number and a tensor between turns, and draws."""

    def discriminator_loss(self, game: Any) -> Tensor:
        count = game.state("count", 5.0)
        count += 1
        first = game.state("first", game.real.mean().detach())
        return super().discriminator_loss(game) * (
            1 + 0.01 * game.uniform(1).squeeze() + 0.001 * count + 0.001 * first
        )


def plain_players() -> Players:
    return Players(
        generator=nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)),
        noise=Noise(size=4),
    )


def awkward_players() -> Players:
    """Everything that keeps state or draws: batch norm, dropout, spectral norm."""
    spectral = nn.utils.parametrizations.spectral_norm
    return Players(
        generator=nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(
            spectral(nn.Linear(2, 16)),
            nn.BatchNorm1d(16),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            spectral(nn.Linear(16, 1)),
        ),
        noise=Noise(size=4, distribution="uniform"),
    )


def make_trainer(
    settings: dict[str, Any] | None = None,
    *,
    build: Callable[[], Players] = plain_players,
    loss: Any = None,
    loss_before_freeze: Any = None,
    update: Any = None,
    penalty: Any = None,
    penalties: Sequence[PenaltyTerm] = (),
    value: bool = True,
    augmentation: Any = None,
    data: Samples | None = None,
    signature: Signature | None = None,
    device: str = "cpu",
    engine: type[Engine] = EagerEngine,
    seed: int = 0,
) -> Trainer:
    """A game of a few steps on 30 points: no multiple of 8, so every epoch drops a partial batch."""
    stream = torch.Generator().manual_seed(7)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        players = build()
    seeds = tuple(range(5, 5 + len(penalties))) if len(penalties) > 1 else ()
    return Trainer(
        settings=TrainSettings(**({"batch_size": 8, "steps": 40, "diagnostics_every": 5} | (settings or {}))),
        players=players,
        objective=Objective(loss=loss if loss is not None else NonSaturating(), outputs=1, value=value),
        loss_before_freeze=None
        if loss_before_freeze is None
        else Objective(loss=loss_before_freeze, outputs=1, value=value),
        update=update,
        penalties=penalties or [PenaltyTerm(penalty=penalty if penalty is not None else NoPenalty())],
        augmentation=augmentation,
        signature=signature or Signature(shape=(2,), kind="points"),
        samples=data or Samples(x=torch.randn(30, 2, generator=stream)),
        streams=Streams(
            init=0,
            data=1 + 1000 * seed,
            noise=2 + 1000 * seed,
            loss=3 + 1000 * seed,
            network=4,
            penalties=seeds,
            augmentation=None if augmentation is None else 99,
        ),
        device=torch.device(device),
        engine=engine,
        seed=seed,
    )


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Everything that training leaves behind, for comparison bit by bit."""
    tensors, _ = trainer.state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def differing(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> list[str]:
    """Names of tensors that are not the same bits."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name].numpy().tobytes() != other[name].numpy().tobytes()]


def interrupted(make: Callable[[], Trainer], stops: Sequence[int], until: int) -> Trainer:
    """Train to `until` with a fresh trainer after each stop, as a run that is killed and started again."""
    trainer = make()
    for step in stops:
        trainer.advance(step)
        tensors, record = trainer.state()
        # As a file gives them back: without their order in memory.
        contiguous = torch.contiguous_format
        tensors = {name: tensor.detach().clone(memory_format=contiguous) for name, tensor in tensors.items()}
        trainer = make()
        trainer.restore(tensors, json.loads(json.dumps(record)))
        assert trainer.step == step
    trainer.advance(until)
    return trainer
