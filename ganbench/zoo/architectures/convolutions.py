"""Shared parts of convolutional players: image shapes, normalisation, halving and doubling of sides."""

from __future__ import annotations

from torch import Tensor, nn

from ganbench.api import Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Normalization
from ganbench.zoo.architectures.conditioning import ConditionalBatchNorm

Sides = tuple[int, int]
"""Height and width."""


class Crop(nn.Module):
    """The upper left of each image: (batch, c, ≥ height, ≥ width) to (batch, c, height, width)."""

    def __init__(self, sides: Sides) -> None:
        super().__init__()
        self.height, self.width = sides

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers: (batch, c, height, width)."""
        return x[..., : self.height, : self.width]


def image_shape(signature: Signature, architecture: str) -> tuple[int, int, int]:
    """Channels, height and width of the data.

    Args:
        signature: what the data look like.
        architecture: whose name the reason bears.

    Raises:
        Unsupported: the data are not images.
    """
    if signature.kind != "image":
        raise Unsupported(f"{architecture} makes images, the data are {signature.kind}")
    channels, height, width = signature.shape
    return channels, height, width


def batch_norm(
    width: int, classes: int = 0, *, flat: bool = False, decay: float = 0.9, epsilon: float = 1e-5
) -> nn.Module:
    """Batch normalisation of a generator's layer, conditional where there are classes.

    Args:
        width: channels, or units.
        classes: how many, 0 for none.
        flat: whether the layer's outputs are (batch, units).
        decay: of the running averages that stand for the batch's statistics in eval mode.
        epsilon: added to the variance.
    """
    kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
    norm = kind(width, eps=epsilon, momentum=1 - decay, affine=classes == 0)
    return ConditionalBatchNorm(norm, classes) if classes else norm


def normalisation(
    normalization: Normalization,
    width: int,
    *,
    flat: bool = False,
    decay: float = 0.9,
    epsilon: float = 1e-5,
) -> list[nn.Module]:
    """Make what follows a discriminator's layer: nothing for `none` or `spectral`, which is in the weights.

    Args:
        normalization: as chosen; `layer` is over channels, height and width of each image.
        width: channels, or units.
        flat: whether the layer's outputs are (batch, units).
        decay: of batch normalisation's running averages.
        epsilon: added to batch normalisation's variance.
    """
    if normalization == "batch":
        return [batch_norm(width, flat=flat, decay=decay, epsilon=epsilon)]
    if normalization == "layer":
        return [nn.LayerNorm(width) if flat else nn.GroupNorm(1, width)]
    return []


def halved(sides: Sides) -> Sides:
    """Half of each side, rounded up."""
    return (sides[0] + 1) // 2, (sides[1] + 1) // 2


def halving(inputs: int, outputs: int, sides: Sides) -> list[nn.Module]:
    """Make a 4x4 convolution of stride 2 that halves each side, rounded up.

    An odd side is padded by one more at its end, as TensorFlow's `SAME` does.

    Args:
        inputs: channels.
        outputs: channels.
        sides: of the input.
    """
    odd = sides[0] % 2, sides[1] % 2
    padding = [nn.ZeroPad2d((0, odd[1], 0, odd[0]))] if any(odd) else []
    return [*padding, nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)]


def doubling(inputs: int, outputs: int, sides: Sides) -> list[nn.Module]:
    """Make the transposed convolution of `halving`: from sides that are half of these, rounded up.

    Args:
        inputs: channels.
        outputs: channels.
        sides: of the output.
    """
    crop = [Crop(sides)] if sides[0] % 2 or sides[1] % 2 else []
    return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), *crop]
