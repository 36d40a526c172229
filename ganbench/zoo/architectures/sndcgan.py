"""Convolutional players for spectral normalisation (Miyato et al., 2018, table 3; Kurach et al., 2019)."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Conditional, NoiseDistribution, Normalization, Packed, Units
from ganbench.zoo.architectures.conditioning import Layers, ProjectionHead, classes_of
from ganbench.zoo.architectures.convolutions import (
    Sides,
    batch_norm,
    doubling,
    halved,
    halving,
    image_shape,
    normalisation,
)
from ganbench.zoo.architectures.layers import check_layer, normalise_spectrally
from ganbench.zoo.architectures.pack import Pack
from ganbench.zoo.architectures.perceptrons import needs_two_passes

_INITIAL_STD = 0.02
_SLOPE = 0.1
Channels = Annotated[int, Interval(ge=1, le=512)]
_MIN_SIDE, _MAX_SIDE = 8, 128


class SndcganGenerator(nn.Module):
    """Noise (batch, size), with labels (batch,) where there are classes, to images in [-1, 1]."""

    def __init__(self, noise: int, channels: int, depth: int, sides: Sides, classes: int) -> None:
        super().__init__()
        half = halved(sides)
        quarter = halved(half)
        seed = 8 * channels, *halved(quarter)
        entries = seed[0] * seed[1] * seed[2]
        check_layer(noise, entries, "noise and channels")
        layers: list[nn.Module] = [
            nn.Linear(noise, entries),
            # Each unit by itself, not each channel: as compare_gan has it.
            batch_norm(entries, classes, flat=True),
            nn.ReLU(),
            nn.Unflatten(1, seed),
        ]
        for factor, made in ((4, quarter), (2, half), (1, sides)):
            width = factor * channels
            layers += [*doubling(2 * width, width, made), batch_norm(width, classes), nn.ReLU()]
        self.net = Layers(*layers, nn.Conv2d(channels, depth, 3, padding=1), nn.Tanh())

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate images (batch, channels, height, width)."""
        images: Tensor = self.net(noise, condition)
        return images


class SndcganDiscriminator(nn.Module):
    """Images, with labels (batch,) where there are classes, to raw scores (batch / pack, outputs).

    The first convolution is never followed by a normalisation.
    """

    def __init__(
        self,
        depth: int,
        sides: Sides,
        channels: int,
        outputs: int,
        normalization: Normalization,
        pack: int,
        classes: int,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Pack(pack)] if pack > 1 else []
        layers += [nn.Conv2d(pack * depth, channels, 3, padding=1), nn.LeakyReLU(_SLOPE)]
        width = channels
        for _ in range(3):
            layers += [
                *halving(width, 2 * width, sides),
                *normalisation(normalization, 2 * width),
                nn.LeakyReLU(_SLOPE),
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
                *normalisation(normalization, 2 * width),
                nn.LeakyReLU(_SLOPE),
            ]
            width, sides = 2 * width, halved(sides)
        features = width * sides[0] * sides[1]
        self.net = nn.Sequential(*layers, nn.Flatten())
        self.head = (
            ProjectionHead(features, outputs, classes, pack) if classes else nn.Linear(features, outputs)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Raises:
            Unsupported: the pack does not divide the batch.
        """
        features = self.net(x)
        scores: Tensor = self.head(features) if condition is None else self.head(features, condition)
        return scores


def build_sndcgan(
    signature: Signature,
    *,
    channels: Channels = 64,
    discriminator_channels: Channels | None = None,
    noise: Units = 128,
    noise_distribution: NoiseDistribution = "uniform",
    normalization: Normalization = "spectral",
    pack: Packed = 1,
    conditional: Conditional = False,
    discriminator_outputs: int = 1,
) -> Players:
    """Three transposed convolutions against seven convolutions.

    After compare_gan (`architectures/sndcgan.py`): sides are halved three times, rounding up, so that 28
    becomes 14, 7 and 4; weights from N(0, 0.02). Where Miyato et al. give D's strided convolutions 64, 128
    and 256 channels, compare_gan gives them 128, 256 and 512; so does this net.

    Args:
        signature: images with sides from 8 to 128.
        channels: of the layer next to the image; they double with each halving of the size.
        discriminator_channels: the same of D; None is that of G.
        noise: entries of one noise vector.
        noise_distribution: N(0, 1), or U(-1, 1).
        normalization: of D, after each convolution but the first; `spectral` divides every weight of D by its
            largest singular value. G always normalises over the batch.
        pack: images that D judges together, joined along their channels; must divide the batch.
        conditional: labels for both players, or for `generator` or `discriminator` alone: G's batch
            normalisations have gains and biases for each class, D projects.
        discriminator_outputs: raw scores of one sample or pack.

    Raises:
        Unsupported: the data are not such images, or have no labels for `conditional`.
        ValueError: an option is out of its bounds.
    """
    depth, height, width = image_shape(signature, "sndcgan")
    if any(not _MIN_SIDE <= side <= _MAX_SIDE for side in (height, width)):
        raise Unsupported(
            f"sndcgan makes images with sides from {_MIN_SIDE} to {_MAX_SIDE}, the data have {height}x{width}"
        )
    if discriminator_channels is None:
        discriminator_channels = channels
    generator_classes, discriminator_classes = classes_of(signature, "sndcgan", conditional)
    sides = height, width
    generator = SndcganGenerator(noise, channels, depth, sides, generator_classes)
    # Before D draws anything: what D is given must not move G's initial weights.
    _initialise(generator)
    discriminator = SndcganDiscriminator(
        depth,
        sides,
        discriminator_channels,
        discriminator_outputs,
        normalization,
        pack,
        discriminator_classes,
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
    for module in player.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, _INITIAL_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, ProjectionHead):
            nn.init.normal_(module.embedding.weight, 0.0, _INITIAL_STD)
