"""Small games to train any loss and penalty in: players that suit the loss, points, a few steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import Loss, Noise, Penalty, Players, Samples, Signature
from ganbench.grid.seeds import Streams
from ganbench.grid.settings import TrainSettings
from ganbench.training import Objective, PenaltyTerm, Trainer

NOISE = 4
POINTS = Signature(shape=(2,), kind="points")


def plain_players(outputs: int) -> Players:
    """A pair for points; the discriminator has this many outputs."""
    return Players(
        generator=nn.Sequential(nn.Linear(NOISE, 16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs)),
        noise=Noise(size=NOISE),
    )


def noisy_players(outputs: int) -> Players:
    """Batch normalisation and dropout in the discriminator."""
    return Players(
        generator=nn.Sequential(nn.Linear(NOISE, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(
            nn.Linear(2, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, outputs)
        ),
        noise=Noise(size=NOISE),
    )


class _Pack(nn.Module):
    """Samples (batch, 2) to packs (batch / 2, 4)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 4)


def packed_players(outputs: int) -> Players:
    """A discriminator that judges two samples together (PacGAN)."""
    return Players(
        generator=nn.Sequential(nn.Linear(NOISE, 16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(_Pack(), nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs)),
        noise=Noise(size=NOISE),
    )


def make_trainer(
    build: Callable[[], Players],
    loss: Loss,
    penalty: Penalty,
    *,
    outputs: int | None = 1,
    settings: Mapping[str, Any] | None = None,
) -> Trainer:
    """A game on 30 points, set up the same each time."""
    stream = torch.Generator().manual_seed(7)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        players = build()
    chosen: dict[str, Any] = {"batch_size": 8, "steps": 50, "diagnostics_every": 5, **(settings or {})}
    return Trainer(
        settings=TrainSettings(**chosen),
        players=players,
        objective=Objective(loss=loss, outputs=outputs, value=False),
        penalties=[PenaltyTerm(penalty=penalty)],
        signature=POINTS,
        samples=Samples(x=torch.randn(30, 2, generator=stream)),
        streams=Streams(init=0, data=1, noise=2, loss=3, network=4),
        device=torch.device("cpu"),
    )


def state_of(trainer: Trainer) -> dict[str, Tensor]:
    """Everything that decides what comes next, copied."""
    return {name: tensor.detach().clone() for name, tensor in trainer.state()[0].items()}


def resumed(trainer: Trainer, fresh: Trainer) -> Trainer:
    """The other trainer, set to where this one is, through what a checkpoint holds."""
    fresh.restore(state_of(trainer), json.loads(json.dumps(trainer.state()[1])))
    return fresh
