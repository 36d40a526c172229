"""The players of Lucic et al. (2018), who took them from InfoGAN (Chen et al., 2016)."""

from __future__ import annotations

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
    Rate,
    Units,
)
from ganbench.zoo.architectures.conditioning import classes_of, join_labels
from ganbench.zoo.architectures.convolutions import (
    Sides,
    batch_norm,
    doubling,
    halved,
    halving,
    image_shape,
    normalisation,
)
from ganbench.zoo.architectures.layers import CentredSigmoid, check_layer, normalise_spectrally
from ganbench.zoo.architectures.pack import Pack
from ganbench.zoo.architectures.perceptrons import needs_two_passes

_INITIAL_STD = 0.02
_EPSILON = 1e-3
Channels = Annotated[int, Interval(ge=1, le=1024)]
_MIN_SIDE, _MAX_SIDE = 8, 128


class InfoganGenerator(nn.Module):
    """Noise (batch, size), with labels (batch,) where there are classes, to images in [-1, 1]."""

    def __init__(
        self, noise: int, units: int, channels: int, depth: int, sides: Sides, classes: int, decay: float
    ) -> None:
        super().__init__()
        self.classes = classes
        half = halved(sides)
        seed = 2 * channels, *halved(half)
        entries = seed[0] * seed[1] * seed[2]
        check_layer(noise + classes, units, "noise and units")
        check_layer(units, entries, "units and channels")

        def after(width: int, *, flat: bool = False) -> list[nn.Module]:
            return [batch_norm(width, flat=flat, decay=decay, epsilon=_EPSILON), nn.LeakyReLU(0.2)]

        self.net = nn.Sequential(
            nn.Linear(noise + classes, units),
            *after(units, flat=True),
            nn.Linear(units, entries),
            *after(entries, flat=True),
            nn.Unflatten(1, seed),
            *doubling(2 * channels, channels, half),
            *after(channels),
            *doubling(channels, depth, sides),
            CentredSigmoid(),
        )

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate images (batch, channels, height, width)."""
        if condition is not None:
            noise = join_labels(noise, condition, self.classes)
        images: Tensor = self.net(noise)
        return images


class InfoganDiscriminator(nn.Module):
    """Images, with labels (batch,) where there are classes, to raw scores (batch / pack, outputs).

    The first convolution is never followed by a normalisation.
    """

    def __init__(
        self,
        depth: int,
        sides: Sides,
        channels: int,
        units: int,
        outputs: int,
        normalization: Normalization,
        pack: int,
        classes: int,
        decay: float,
    ) -> None:
        super().__init__()
        self.classes = classes
        half = halved(sides)
        quarter = halved(half)
        entries = 2 * channels * quarter[0] * quarter[1]
        check_layer(entries, units, "units and channels")

        def after(width: int, *, flat: bool = False) -> list[nn.Module]:
            norm = normalisation(normalization, width, flat=flat, decay=decay, epsilon=_EPSILON)
            return [*norm, nn.LeakyReLU(0.2)]

        self.net = nn.Sequential(
            *([Pack(pack)] if pack > 1 else []),
            *halving(pack * (depth + classes), channels, sides),
            nn.LeakyReLU(0.2),
            *halving(channels, 2 * channels, half),
            *after(2 * channels),
            nn.Flatten(),
            nn.Linear(entries, units),
            *after(units, flat=True),
            nn.Linear(units, outputs),
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Raises:
            Unsupported: the pack does not divide the batch.
        """
        # The published nets see images in [0, 1]: their background is what convolutions pad with.
        x = (x + 1) / 2
        if condition is not None:
            x = join_labels(x, condition, self.classes)
        scores: Tensor = self.net(x)
        return scores


def build_infogan(
    signature: Signature,
    *,
    channels: Channels = 64,
    units: Units = 1024,
    noise: Units = 64,
    noise_distribution: NoiseDistribution = "uniform",
    batch_norm_decay: Rate = 0.999,
    normalization: Normalization = "batch",
    pack: Packed = 1,
    conditional: Conditional = False,
    discriminator_outputs: int | None = None,
) -> Players:
    """Build two convolutions and two fully connected layers on either side.

    After compare_gan 1.0 (`gans/abstract_gan.py`, `gans/ops.py`): leaky ReLU of slope 0.2 in both players,
    weights from N(0, 0.02), those of D's convolutions cut at two standard deviations, batch normalisation
    with an epsilon of 0.001. G's sigmoid is stretched to [-1, 1], where images are here; D maps them back to
    [0, 1], as published. A gradient penalty sees gradients with respect to [-1, 1], half of those to [0, 1].

    Args:
        signature: images whose sides are multiples of 4, from 8 to 128.
        channels: of the convolution next to the image; the other one has twice as many.
        units: of the fully connected layer.
        noise: entries of one noise vector.
        noise_distribution: N(0, 1), or U(-1, 1); N(0, 1) for an encoder, whose code it is.
        batch_norm_decay: of the running averages, which samples are made with: the published 0.999 needs some
            thousands of steps to forget where it began.
        normalization: of D, after its second convolution and its first fully connected layer; `spectral`
            divides every weight of D by its largest singular value. G always normalises over the batch.
        pack: images that D judges together, joined along their channels; must divide the batch.
        conditional: labels for both players, or for `generator` or `discriminator` alone, one-hot: beside the
            noise, and as planes beside the image.
        discriminator_outputs: raw scores of one sample or pack; None, where the loss takes any number, makes
            D an encoder, with the mean and the log-variance of the noise, as in Lucic et al.'s VAE.

    Raises:
        Unsupported: the data are not such images, or have no labels for `conditional`.
        ValueError: an option is out of its bounds.
    """
    depth, height, width = image_shape(signature, "infogan")
    if any(side % 4 or not _MIN_SIDE <= side <= _MAX_SIDE for side in (height, width)):
        raise Unsupported(
            f"infogan makes images with sides that are multiples of 4, from {_MIN_SIDE} to {_MAX_SIDE}; "
            f"the data have {height}x{width}"
        )
    generator_classes, discriminator_classes = classes_of(signature, "infogan", conditional)
    sides = height, width
    generator = InfoganGenerator(noise, units, channels, depth, sides, generator_classes, batch_norm_decay)
    # Before D draws anything: what D is given must not move G's initial weights.
    generator.apply(_initialise)
    outputs = 2 * noise if discriminator_outputs is None else discriminator_outputs
    discriminator = InfoganDiscriminator(
        depth, sides, channels, units, outputs, normalization, pack, discriminator_classes, batch_norm_decay
    )
    discriminator.apply(_initialise)
    if normalization == "spectral":
        normalise_spectrally(discriminator)
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(
            size=noise, distribution="normal" if discriminator_outputs is None else noise_distribution
        ),
        couples_samples=needs_two_passes(normalization, pack),
        conditional=conditional,
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=_INITIAL_STD, a=-2 * _INITIAL_STD, b=2 * _INITIAL_STD)
    elif isinstance(module, nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _INITIAL_STD)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
