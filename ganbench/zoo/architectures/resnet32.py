"""Residual players for spectral normalisation (Miyato et al., 2018, table 4), for 32 and 64 pixels."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

from annotated_types import Interval
from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import (
    Conditional,
    NoiseDistribution,
    Normalization,
    Packed,
    Units,
    Upsampling,
)
from ganbench.zoo.architectures.conditioning import Layers, ProjectionHead, classes_of
from ganbench.zoo.architectures.convolutions import batch_norm, image_shape
from ganbench.zoo.architectures.layers import check_layer, normalise_spectrally
from ganbench.zoo.architectures.pack import Pack
from ganbench.zoo.architectures.perceptrons import needs_two_passes
from ganbench.zoo.architectures.residual import DownBlock, FirstBlock, UpBlock

Channels = Annotated[int, Interval(ge=1, le=4096)]
# Size of the images: that of the smallest feature maps of G, and G's blocks, each of which doubles it.
_SIZES = {8: (4, 1), 16: (4, 2), 28: (7, 2), 32: (4, 3), 64: (4, 4)}
_LARGE = 64
# At 64 pixels widths halve (G) or double (D) with each block, to or from a sixteenth.
_NARROWEST = 16


class ResnetGenerator(nn.Module):
    """Noise (batch, size), with labels (batch,) where there are classes, to images in [-1, 1]."""

    def __init__(
        self, noise: int, widths: list[int], base: int, depth: int, classes: int, upsampling: Upsampling
    ) -> None:
        super().__init__()
        entries = widths[0] * base * base
        check_layer(noise, entries, "noise and generator_channels")
        self.net = Layers(
            nn.Linear(noise, entries),
            nn.Unflatten(1, (widths[0], base, base)),
            *(UpBlock(inputs, outputs, classes, upsampling) for inputs, outputs in pairwise(widths)),
            # Not conditional, in conditional nets either.
            batch_norm(widths[-1]),
            nn.ReLU(),
            nn.Conv2d(widths[-1], depth, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate images (batch, channels, height, width)."""
        images: Tensor = self.net(noise, condition)
        return images


class ResnetDiscriminator(nn.Module):
    """Images, with labels (batch,) where there are classes, to raw scores (batch / pack, outputs)."""

    def __init__(
        self,
        depth: int,
        widths: list[int],
        halvings: int,
        outputs: int,
        normalization: Normalization,
        pack: int,
        classes: int,
    ) -> None:
        super().__init__()
        first = [Pack(pack)] if pack > 1 else []
        # The first block is one of those that halve.
        blocks = [
            DownBlock(inputs, outputs, normalization, halve=index < halvings - 1)
            for index, (inputs, outputs) in enumerate(pairwise(widths))
        ]
        self.net = nn.Sequential(*first, FirstBlock(pack * depth, widths[0]), *blocks, nn.ReLU())
        self.head = (
            ProjectionHead(widths[-1], outputs, classes, pack) if classes else nn.Linear(widths[-1], outputs)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Raises:
            Unsupported: the pack does not divide the batch.
        """
        features = self.net(x).sum((2, 3))
        scores: Tensor = self.head(features) if condition is None else self.head(features, condition)
        return scores


def build_resnet32(
    signature: Signature,
    *,
    generator_channels: Channels | None = None,
    discriminator_channels: Channels | None = None,
    noise: Units = 128,
    noise_distribution: NoiseDistribution = "normal",
    upsampling: Upsampling = "nearest",
    normalization: Normalization = "spectral",
    pack: Packed = 1,
    conditional: Conditional = False,
    discriminator_outputs: int = 1,
) -> Players:
    """Residual blocks on either side; the nets of SNGAN, of cGANs with projection and of Mimicry.

    32 and 64 pixels are the published nets. The net for 32 goes on to smaller images with as many fewer of
    G's blocks as they have halvings less: for 28 pixels two blocks double feature maps of 7x7. Weights are
    drawn after Glorot, with a gain of √2 in the residual branches; biases begin at 0.

    Args:
        signature: square images of 8, 16, 28, 32 or 64 pixels.
        generator_channels: of G's widest layer, a multiple of 16 at 64 pixels; None is 256, and 1024 at 64.
        discriminator_channels: of D's widest layer, the same way; None is 128, and 1024 at 64.
        noise: entries of one noise vector.
        noise_distribution: N(0, 1), or U(-1, 1).
        upsampling: `nearest` in SNGAN, `bilinear` in Mimicry.
        normalization: of D; `spectral` divides every weight of D by its largest singular value, `batch` and
            `layer` come before the activations of all blocks but the first. G always normalises over the
            batch.
        pack: images that D judges together, joined along their channels; must divide the batch.
        conditional: labels for both players, or for `generator` or `discriminator` alone: the batch
            normalisations of G's blocks have gains and biases for each class, D projects.
        discriminator_outputs: raw scores of one sample or pack.

    Raises:
        Unsupported: the data are not such images, or have no labels for `conditional`.
        ValueError: an option is out of its bounds.
    """
    depth, height, width = image_shape(signature, "resnet32")
    if height != width or height not in _SIZES:
        sizes = ", ".join(str(size) for size in _SIZES)
        raise Unsupported(f"resnet32 makes square images of {sizes} pixels, the data have {height}x{width}")
    large = height == _LARGE
    if generator_channels is None:
        generator_channels = 1024 if large else 256
    if discriminator_channels is None:
        discriminator_channels = 1024 if large else 128
    for option, channels in (
        ("generator_channels", generator_channels),
        ("discriminator_channels", discriminator_channels),
    ):
        if large and channels % _NARROWEST:
            raise ValueError(f"{option} must be a multiple of {_NARROWEST} at 64x64 pixels, given {channels}")
    generator_classes, discriminator_classes = classes_of(signature, "resnet32", conditional)
    base, doublings = _SIZES[height]
    widths = [generator_channels >> (index if large else 0) for index in range(doublings + 1)]
    generator = ResnetGenerator(noise, widths, base, depth, generator_classes, upsampling)
    # Before D draws anything: what D is given must not move G's initial weights.
    _initialise(generator)
    widths = [discriminator_channels] * 4
    if large:
        widths = [discriminator_channels >> index for index in (4, 3, 2, 1, 0)]
    discriminator = ResnetDiscriminator(
        depth, widths, 5 if large else 2, discriminator_outputs, normalization, pack, discriminator_classes
    )
    _initialise(discriminator)
    if normalization == "spectral":
        normalise_spectrally(discriminator)
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise, distribution=noise_distribution),
        couples_samples=needs_two_passes(normalization, pack),
        conditional=conditional,
    )


def _initialise(player: nn.Module) -> None:
    branches = {
        layer
        for block in player.modules()
        if isinstance(block, UpBlock | FirstBlock | DownBlock)
        for layer in block.residual.modules()
    }
    for module in player.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight, math.sqrt(2) if module in branches else 1.0)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, ProjectionHead):
            nn.init.xavier_uniform_(module.embedding.weight)
