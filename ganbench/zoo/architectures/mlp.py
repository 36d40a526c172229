"""Fully connected players, for images and for points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature


class Generator(nn.Module):
    """Noise (batch, size) to samples (batch, *shape); images pass a tanh, points do not."""

    def __init__(self, sizes: Sequence[int], shape: tuple[int, ...], bounded: bool) -> None:
        super().__init__()
        self.shape = shape
        layers = _stack(sizes, nn.ReLU)
        self.net = nn.Sequential(*layers, nn.Tanh()) if bounded else nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Samples (batch, *shape)."""
        samples: Tensor = self.net(noise)
        return samples.view(-1, *self.shape)


class Discriminator(nn.Module):
    """Samples (batch, *shape) to raw scores (batch, outputs)."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), *_stack(sizes, lambda: nn.LeakyReLU(0.2)))

    def forward(self, x: Tensor) -> Tensor:
        """Raw scores (batch, outputs)."""
        scores: Tensor = self.net(x)
        return scores


def build_mlp(
    signature: Signature,
    *,
    generator_widths: Sequence[int],
    discriminator_widths: Sequence[int],
    noise: int,
    noise_distribution: Literal["normal", "uniform"],
    discriminator_outputs: int,
) -> Players:
    """A fully connected pair.

    Raises:
        ValueError: a width or the noise is not positive.
    """
    for option, widths in (
        ("generator_widths", generator_widths),
        ("discriminator_widths", discriminator_widths),
        ("noise", (noise,)),
    ):
        if any(width < 1 for width in widths):
            raise ValueError(f"{option} must be at least 1, given {', '.join(map(str, widths))}")
    entries = math.prod(signature.shape)
    generator = Generator(
        [noise, *generator_widths, entries], signature.shape, bounded=signature.kind == "image"
    )
    discriminator = Discriminator([entries, *discriminator_widths, discriminator_outputs])
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise, distribution=noise_distribution),
        couples_samples=False,
    )


def _stack(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    """Linear layers with an activation between them, none after the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return layers[:-1]
