"""Residual blocks as in SNGAN (Miyato et al., 2018, figure 8): pre-activated, 3x3, with 1x1 shortcuts.

A 1x1 convolution and a change of size by averaging or copying commute; the shortcuts put first what makes the
maps smaller, or last what makes them larger, whichever way they were published.
"""

from __future__ import annotations

from torch import Tensor, nn

from ganbench.zoo.architectures.choices import Normalization, Upsampling
from ganbench.zoo.architectures.conditioning import Labelled, Layers
from ganbench.zoo.architectures.convolutions import batch_norm, normalisation


class UpBlock(Labelled):
    """A generator's block: maps (batch, inputs, h, w) to (batch, outputs, 2h, 2w).

    Args:
        inputs: channels.
        outputs: channels.
        classes: of conditional batch normalisation, 0 for none.
        upsampling: how sides are doubled.
    """

    def __init__(self, inputs: int, outputs: int, classes: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.residual = Layers(
            batch_norm(inputs, classes),
            nn.ReLU(),
            nn.Upsample(scale_factor=2, mode=upsampling),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            batch_norm(outputs, classes),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1), nn.Upsample(scale_factor=2, mode=upsampling)
        )

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Apply the block: (batch, outputs, 2h, 2w)."""
        maps: Tensor = self.residual(x, labels) + self.shortcut(x)
        return maps


class FirstBlock(nn.Module):
    """A discriminator's first block, which has the image for input and so no activation before it.

    Args:
        inputs: channels.
        outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: (batch, outputs, h / 2, w / 2)."""
        maps: Tensor = self.residual(x) + self.shortcut(x)
        return maps


class DownBlock(nn.Module):
    """A discriminator's block: maps (batch, inputs, h, w) to (batch, outputs, h, w) or half as large.

    Args:
        inputs: channels; the block's own middle has as many.
        outputs: channels.
        normalization: before each activation; none for `spectral`, which is in the weights.
        halve: whether sides are halved.
    """

    def __init__(self, inputs: int, outputs: int, normalization: Normalization, *, halve: bool) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *normalisation(normalization, inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, inputs, 3, padding=1),
            *normalisation(normalization, inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            *([nn.AvgPool2d(2)] if halve else []),
        )
        shortcut = [nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1)] if halve else []
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: (batch, outputs, h, w), or half as large."""
        maps: Tensor = self.residual(x) + self.shortcut(x)
        return maps
