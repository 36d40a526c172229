"""R3GAN's networks, written after the paper's section 3 and appendix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.2
_GAIN = math.sqrt(2 / (1 + _SLOPE**2))
"""Keeps the variance through a leaky ReLU."""
_LAYERS = 3
"""Of a block's residual branch."""
_FILTER = (1.0, 3.0, 3.0, 1.0)
"""Bilinear, for a factor of 2: (1, 1) convolved with (1, 2, 1)."""
_BASE = 4
"""Side of the smallest feature maps."""

Form = tuple[int, int, int]
"""Blocks of a stage, how much wider they are within, channels of a group."""


def _drawn(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
    """Draw a layer's weights from N(0, gain² / inputs of one output)."""
    nn.init.normal_(layer.weight, 0, gain / math.sqrt(layer.weight[0].numel()))
    return layer


def _convolution(
    inputs: int, outputs: int, *, gain: float = 1.0, kernel: int = 1, groups: int = 1
) -> nn.Module:
    return _drawn(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False), gain)


class BiasedActivation(nn.Module):
    """A bias for each channel, then a leaky ReLU; convolutions have no bias of their own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape, (N, channels, H, W)."""
        return functional.leaky_relu(x + self.bias, _SLOPE)


class Block(nn.Module):
    """A residual block: 1x1 wider, 3x3 in groups, 1x1 narrower; the last begins at 0.

    Args:
        channels: in and out.
        form: of all blocks.
        depth: number of blocks of the whole network, which scales the weights.
    """

    def __init__(self, channels: int, form: Form, depth: int) -> None:
        super().__init__()
        _, expansion, group = form
        wide = channels * expansion
        gain = _GAIN * depth ** (-1 / (2 * _LAYERS - 2))
        self.branch = nn.Sequential(
            _convolution(channels, wide, gain=gain),
            BiasedActivation(wide),
            _convolution(wide, wide, gain=gain, kernel=3, groups=wide // group),
            BiasedActivation(wide),
            _convolution(wide, channels, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape."""
        y: Tensor = x + self.branch(x)
        return y


class Resampling(nn.Module):
    """Doubles or halves the sides of maps by the bilinear filter; beyond the border are zeros.

    Args:
        up: double them.
    """

    kernel: Tensor

    def __init__(self, *, up: bool) -> None:
        super().__init__()
        line = torch.tensor(_FILTER)
        kernel = torch.outer(line, line)
        self.register_buffer("kernel", kernel[None, None] / kernel.sum() * (4 if up else 1))
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 2H, 2W) or (N, C, H/2, W/2)."""
        apart = x.reshape(-1, 1, *x.shape[2:])
        kernel = self.kernel.to(x.dtype)
        resample = functional.conv_transpose2d if self.up else functional.conv2d
        y = resample(apart, kernel, stride=2, padding=1)
        return y.reshape(*x.shape[:2], *y.shape[2:])


class GeneratorBasis(nn.Module):
    """Maps of 4x4 that are learnt, each times a linear function of the input."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.maps = nn.Parameter(torch.randn(channels, _BASE, _BASE))
        self.linear = _drawn(nn.Linear(inputs, channels, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs) to (N, channels, 4, 4)."""
        maps: Tensor = self.maps * self.linear(x)[:, :, None, None]
        return maps


class Generator(nn.Module):
    """Noise (N, size), with labels (N,) where there are classes, to images (N, depth, side, side).

    Args:
        noise: entries of one noise vector.
        widths: channels of each stage, from 4x4 on.
        depth: channels of the images.
        form: of the blocks.
        classes: of the labels; None without.
        bounded: whether a tanh comes last.
    """

    def __init__(
        self, noise: int, widths: Sequence[int], depth: int, form: Form, classes: int | None, *, bounded: bool
    ) -> None:
        super().__init__()
        total = form[0] * len(widths)
        self.embedding = None if classes is None else _embedding(classes, noise, 1.0)
        layers: list[nn.Module] = [GeneratorBasis(noise if classes is None else 2 * noise, widths[0])]
        before = widths[0]
        for place, channels in enumerate(widths):
            if place:
                layers += [] if before == channels else [_convolution(before, channels)]
                layers.append(Resampling(up=True))
            layers += [Block(channels, form, total) for _ in range(form[0])]
            before = channels
        self.net = nn.Sequential(*layers, _convolution(before, depth), *([nn.Tanh()] if bounded else []))

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate images."""
        if self.embedding is not None and condition is not None:
            noise = torch.cat([noise, self.embedding(condition)], dim=1)
        images: Tensor = self.net(noise)
        return images


class Discriminator(nn.Module):
    """Images, with labels (N,) where there are classes, to raw scores (N, outputs).

    Args:
        depth: channels of the images.
        widths: channels of each stage, down to 4x4.
        form: of the blocks.
        classes: of the labels; None without.
        outputs: scores of one sample.
    """

    def __init__(
        self, depth: int, widths: Sequence[int], form: Form, classes: int | None, outputs: int
    ) -> None:
        super().__init__()
        total = form[0] * len(widths)
        layers: list[nn.Module] = [_convolution(depth, widths[0])]
        before = widths[0]
        for place, channels in enumerate(widths):
            if place:
                layers.append(Resampling(up=False))
                layers += [] if before == channels else [_convolution(before, channels)]
            layers += [Block(channels, form, total) for _ in range(form[0])]
            before = channels
        entries = outputs if classes is None else widths[0]
        basis = _drawn(nn.Conv2d(before, before, _BASE, groups=before, bias=False))
        self.net = nn.Sequential(*layers, basis, nn.Flatten(), _drawn(nn.Linear(before, entries, bias=False)))
        self.embedding = None if classes is None else _embedding(classes, entries, 1 / math.sqrt(entries))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (N, outputs)."""
        scores: Tensor = self.net(x)
        if self.embedding is not None and condition is not None:
            scores = (scores * self.embedding(condition)).sum(1, keepdim=True)
        return scores


def _embedding(classes: int, entries: int, gain: float) -> nn.Embedding:
    """A linear layer of labels in one-hot form, drawn as the others are: its inputs are the classes."""
    embedding = nn.Embedding(classes, entries)
    nn.init.normal_(embedding.weight, 0, gain / math.sqrt(classes))
    return embedding
