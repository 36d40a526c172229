"""The networks of Reed et al. (2016), section 4.1: DCGAN's, with the text in both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

_SLOPE = 0.2
_BASE = 4
"""Side of the smallest maps."""


class Compressed(nn.Sequential):
    """Embedded texts (N, numbers) to (N, fewer): a linear layer and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, outputs), nn.LeakyReLU(_SLOPE))


class Generator(nn.Module):
    """Noise (N, size) and embedded texts (N, numbers) to images (N, channels, side, side) in [-1, 1].

    Args:
        noise: entries of one noise vector.
        embedding: numbers of an embedded text.
        text: numbers that it is compressed to.
        widths: channels of the maps, from 4x4 on.
        channels: of the images.
    """

    def __init__(self, noise: int, embedding: int, text: int, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.text = Compressed(embedding, text)
        first = widths[0]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(noise + text, first, _BASE, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        last = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)
        self.images = nn.Sequential(*layers, last, nn.Tanh())
        self.apply(_draw)

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Generate images."""
        images: Tensor = self.images(torch.cat([noise, self.text(condition)], 1)[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Images and embedded texts (N, numbers) to raw scores (N, outputs).

    Args:
        embedding: numbers of an embedded text.
        text: numbers that it is compressed to.
        widths: channels of the maps, down to 4x4.
        channels: of the images.
        outputs: scores of one image.
        normalised: whether batches are normalised.
    """

    def __init__(
        self,
        embedding: int,
        text: int,
        widths: Sequence[int],
        channels: int,
        outputs: int,
        normalised: bool,
    ) -> None:
        super().__init__()

        def norm(width: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(width)] if normalised else []

        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(_SLOPE),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normalised),
                *norm(after),
                nn.LeakyReLU(_SLOPE),
            ]
        last = widths[-1]
        self.maps = nn.Sequential(*layers)
        self.text = Compressed(embedding, text)
        self.joined = nn.Sequential(
            nn.Conv2d(last + text, last, 1, bias=not normalised),
            *norm(last),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(last, outputs, _BASE),
            nn.Flatten(),
        )
        self.apply(_draw)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Score images with texts."""
        maps = self.maps(x)
        text = self.text(condition)[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        scores: Tensor = self.joined(torch.cat([maps, text], 1))
        return scores


def _draw(module: nn.Module) -> None:
    """Draw weights as DCGAN does: N(0, 0.02²), of batch normalisation N(1, 0.02²)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
