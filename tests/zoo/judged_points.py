"""The real game in a discriminator's turn, with a judge whose gradients are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganbench import Noise, Players
from ganbench.training import CellGame
from ganbench.zoo.losses.adversarial import NonSaturating

BATCH = 6


class Quadratic(nn.Module):
    """s(x) = scale · |x|² / 2, whose gradient is scale · x."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x.flatten(1).square().sum(1, keepdim=True) / 2


def quadratic(scale: float = 1.0) -> Any:
    return Quadratic(scale)


def game_of(
    discriminator: nn.Module,
    *,
    loss: Any = None,
    outputs: int | None = 1,
    shape: tuple[int, ...] = (3,),
    real: Tensor | None = None,
    seed: int = 0,
    draws: int = 1,
) -> CellGame:
    """A discriminator's turn in float64: six real samples around 2, six generated around -1."""
    stream = torch.Generator().manual_seed(seed)
    entries = torch.Size(shape).numel()
    generator = nn.Sequential(nn.Linear(2, entries), nn.Unflatten(1, shape)).double()
    with torch.no_grad():
        generator[0].weight.copy_(torch.randn(entries, 2, generator=stream))
        generator[0].bias.fill_(-1)
    game = CellGame(
        Players(generator=generator, discriminator=discriminator, noise=Noise(size=2)),
        NonSaturating() if loss is None else loss,
        couples_samples=True,
        loss_stream=torch.Generator().manual_seed(draws),
        device=torch.device("cpu"),
        steps=100,
        dtype=torch.float64,
        outputs=outputs,
    )
    if real is None:
        real = torch.randn(BATCH, *shape, generator=stream, dtype=torch.float64) + 2
    noise = torch.randn(len(real), 2, generator=stream, dtype=torch.float64)
    game.begin("discriminator", real, None, noise)
    return game
