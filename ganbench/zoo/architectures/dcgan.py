"""Convolutional players after DCGAN (Radford et al., 2016), for small square images."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Conditional, Normalization, Packed, Units
from ganbench.zoo.architectures.conditioning import classes_of, join_labels
from ganbench.zoo.architectures.layers import normalise_spectrally
from ganbench.zoo.architectures.pack import Pack
from ganbench.zoo.architectures.perceptrons import needs_two_passes

# DCGAN, section 4: all weights from N(0, 0.02).
_INITIAL_STD = 0.02
Channels = Annotated[int, Interval(ge=1, le=1024)]
_SIZES = {8: (4, 1), 16: (4, 2), 28: (7, 2), 32: (4, 3), 64: (4, 4)}


class DcganGenerator(nn.Module):
    """Noise (batch, size), with labels (batch,) where there are classes, to images in [-1, 1]."""

    def __init__(self, noise: int, widths: list[int], base: int, channels: int, classes: int) -> None:
        super().__init__()
        self.base = base
        self.width = widths[0]
        self.classes = classes
        self.project = nn.Linear(noise + classes, widths[0] * base * base, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for index, width in enumerate(widths):
            last = index == len(widths) - 1
            outputs = channels if last else widths[index + 1]
            layers.append(nn.ConvTranspose2d(width, outputs, 4, stride=2, padding=1, bias=last))
            layers += [nn.Tanh()] if last else [nn.BatchNorm2d(outputs), nn.ReLU()]
        self.net = nn.Sequential(*layers)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate images (batch, channels, height, width)."""
        if condition is not None:
            noise = join_labels(noise, condition, self.classes)
        seed = self.project(noise).view(-1, self.width, self.base, self.base)
        images: Tensor = self.net(seed)
        return images


class DcganDiscriminator(nn.Module):
    """Images, with labels (batch,) where there are classes, to raw scores (batch / pack, outputs).

    The first convolution is never followed by a normalisation (DCGAN, section 3).
    """

    def __init__(
        self,
        channels: int,
        widths: list[int],
        base: int,
        outputs: int,
        normalization: Normalization,
        pack: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.classes = classes
        layers: list[nn.Module] = [Pack(pack)] if pack > 1 else []
        inputs = pack * (channels + classes)
        for index, width in enumerate(widths):
            batch_norm = normalization == "batch" and index > 0
            layers.append(nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            elif normalization == "layer" and index > 0:
                # One group: over channels, height and width of each image.
                layers.append(nn.GroupNorm(1, width))
            layers.append(nn.LeakyReLU(0.2))
            inputs = width
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * base * base, outputs))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Raises:
            Unsupported: the pack does not divide the batch.
        """
        if condition is not None:
            x = join_labels(x, condition, self.classes)
        scores: Tensor = self.net(x)
        return scores


def build_dcgan(
    signature: Signature,
    *,
    channels: Channels = 32,
    discriminator_channels: Channels | None = None,
    noise: Units = 64,
    batch_norm: bool = True,
    normalization: Normalization = "batch",
    pack: Packed = 1,
    conditional: Conditional = False,
    discriminator_outputs: int = 1,
) -> Players:
    """Build a convolutional pair.

    Args:
        signature: square images of 8, 16, 28, 32 or 64 pixels.
        channels: width of the layer next to the image; it doubles with each halving of the size.
        discriminator_channels: the same of D; None is that of G.
        noise: entries of one noise vector.
        batch_norm: False is another way to say that `normalization` is `none` where it would be `batch`.
        normalization: of D, after each convolution but the first; `spectral` divides every weight of D by its
            largest singular value. G always normalises over the batch.
        pack: images that D judges together, joined along their channels; must divide the batch.
        conditional: labels for both players, or for `generator` or `discriminator` alone, one-hot: beside the
            noise, and as planes beside the image.
        discriminator_outputs: raw scores of one sample or pack.

    Raises:
        Unsupported: the data are not such images, or have one convolution and so none to normalise by layer,
            or no labels for `conditional`.
        ValueError: an option is out of its bounds.
    """
    if signature.kind != "image":
        raise Unsupported(f"dcgan makes images, the data are {signature.kind}")
    depth, height, width = signature.shape
    if height != width or height not in _SIZES:
        sizes = ", ".join(str(size) for size in _SIZES)
        raise Unsupported(f"dcgan makes square images of {sizes} pixels, the data have {height}x{width}")
    if discriminator_channels is None:
        discriminator_channels = channels
    base, stages = _SIZES[height]
    if normalization == "layer" and stages == 1:
        raise Unsupported(
            f"dcgan has one convolution for {height}x{width} images; normalization = layer follows the second"
        )
    if normalization == "batch" and (stages == 1 or not batch_norm):
        normalization = "none"
    generator_classes, discriminator_classes = classes_of(signature, "dcgan", conditional)
    widths = [channels * 2**stage for stage in range(stages)]
    generator = DcganGenerator(noise, widths[::-1], base, depth, generator_classes)
    # Before D draws anything: what D is given must not move G's initial weights.
    generator.apply(_initialise)
    widths = [discriminator_channels * 2**stage for stage in range(stages)]
    discriminator = DcganDiscriminator(
        depth, widths, base, discriminator_outputs, normalization, pack, discriminator_classes
    )
    discriminator.apply(_initialise)
    if normalization == "spectral":
        normalise_spectrally(discriminator)
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise),
        couples_samples=needs_two_passes(normalization, pack),
        conditional=conditional,
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _INITIAL_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _INITIAL_STD)
        nn.init.zeros_(module.bias)
