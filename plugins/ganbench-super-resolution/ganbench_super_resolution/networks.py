"""SRGAN's networks (Ledig et al., 2017, figure 4), and bicubic interpolation as a network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ganbench_super_resolution.resampling import enlarged

_SLOPE = 0.2
_OUTER = 9
"""Side of the first and last kernels."""
_DENSE = 16
"""Width of the discriminator's hidden layer, in widths of its first layer: 1024 of 64."""
# Of the discriminator's layers after the first: channels in widths of the first, stride.
_LAYERS = ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2))


class Block(nn.Module):
    """Two convolutions around a PReLU, added to the input."""

    def __init__(self, width: int, *, batch_norm: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(width, batch_norm), nn.PReLU(), *_convolution(width, batch_norm)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape, (N, width, H, W)."""
        y: Tensor = x + self.branch(x)
        return y


class Generator(nn.Module):
    """SRResNet: residual blocks on the small picture, then sub-pixel convolutions (Shi et al., 2016).

    Args:
        channels: of the pictures.
        width: channels of the layers.
        blocks: how many.
        scale: 2 or 4.
        batch_norm: whether there is batch normalisation.
        skip: add the output to a bicubic interpolation; the last layer begins at 0.
    """

    def __init__(
        self, channels: int, width: int, blocks: int, scale: int, *, batch_norm: bool, skip: bool
    ) -> None:
        super().__init__()
        self.scale, self.skip = scale, skip
        self.first = nn.Sequential(nn.Conv2d(channels, width, _OUTER, padding=_OUTER // 2), nn.PReLU())
        self.blocks = nn.Sequential(
            *(Block(width, batch_norm=batch_norm) for _ in range(blocks)), *_convolution(width, batch_norm)
        )
        doublings: list[nn.Module] = []
        for _ in range(scale.bit_length() - 1):
            doublings += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
        self.doublings = nn.Sequential(*doublings)
        self.last = nn.Conv2d(width, channels, _OUTER, padding=_OUTER // 2)
        if skip:
            for parameter in self.last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map small pictures (N, C, h, w) to large ones (N, C, h * scale, w * scale); noise is ignored."""
        assert condition is not None
        features = self.first(condition)
        made: Tensor = self.last(self.doublings(features + self.blocks(features)))
        return made + enlarged(condition, self.scale) if self.skip else made


class Interpolation(nn.Module):
    """Bicubic interpolation, without a weight."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """As the generator."""
        assert condition is not None
        return enlarged(condition, self.scale)


class Discriminator(nn.Module):
    """Eight convolutions, of which every second halves the sides, and a hidden layer.

    Args:
        shape: of an image, (C, H, W).
        width: channels of the first convolution.
        outputs: scores of one sample.
        batch_norm: whether there is batch normalisation after all convolutions but the first.
    """

    def __init__(self, shape: Sequence[int], width: int, outputs: int, *, batch_norm: bool) -> None:
        super().__init__()
        channels, height, width_ = shape
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(_SLOPE)]
        before = width
        for times, stride in _LAYERS:
            layers.append(nn.Conv2d(before, times * width, 3, stride=stride, padding=1, bias=not batch_norm))
            layers += [nn.BatchNorm2d(times * width)] if batch_norm else []
            layers.append(nn.LeakyReLU(_SLOPE))
            before = times * width
        halvings = sum(stride == 2 for _, stride in _LAYERS)
        left = (-(-height // 2**halvings)) * (-(-width_ // 2**halvings))
        self.net = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(before * left, _DENSE * width),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(_DENSE * width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Raw scores (N, outputs) of images (N, C, H, W)."""
        scores: Tensor = self.net(x)
        return scores


def _convolution(width: int, batch_norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)]
    return [*layers, nn.BatchNorm2d(width)] if batch_norm else layers
