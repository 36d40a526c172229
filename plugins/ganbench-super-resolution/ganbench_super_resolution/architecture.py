"""`sr_resnet` and `sr_bicubic`: their options; the networks are in the module beside, which imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Interval

from ganbench import Noise, Players, Signature, Unsupported

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Interval(ge=1, le=1024)]
Norm = Literal["batch", "none"]

_SCALES = (2, 4)


def sr_resnet(
    signature: Signature,
    width: Width = 64,
    blocks: Annotated[int, Interval(ge=1, le=64)] = 16,
    norm: Norm = "batch",
    skip: bool = False,
    d_width: Width = 64,
    d_norm: Norm = "batch",
    discriminator_outputs: int = 1,
) -> Players:
    """Build SRGAN's nets: the defaults are the paper's, but for what this says.

    The generator takes the condition, a small picture, and no noise: equal inputs give equal outputs. It ends
    without a bound; values beyond [-1, 1] are cut where samples are scored. The discriminator is shown images
    alone, as in the paper.

    Args:
        signature: images whose conditions are the same pictures, 2 or 4 times smaller; at least 16 pixels.
        width: channels of the generator.
        blocks: residual blocks.
        norm: normalisation in the generator.
        skip: whether its output is added to a bicubic interpolation, with which it then begins; the paper's
            is not, and short trainings need it.
        d_width: channels of the discriminator's first layer; the last has 8 times as many.
        d_norm: normalisation in the discriminator, from its second layer on.
        discriminator_outputs: raw scores of one sample.

    Raises:
        Unsupported: the data are not such pairs of pictures.
    """
    scale = _scale(signature, "sr_resnet")
    # Imported here: it imports torch, which a list of names can do without.
    from ganbench_super_resolution.networks import Generator

    generator = Generator(signature.shape[0], width, blocks, scale, batch_norm=norm == "batch", skip=skip)
    return _players(signature, generator, d_width, d_norm, discriminator_outputs, bounded=False)


def sr_bicubic(
    signature: Signature, d_width: Width = 64, d_norm: Norm = "batch", discriminator_outputs: int = 1
) -> Players:
    """Put bicubic interpolation in the generator's place; a discriminator learns to tell its images.

    Args:
        signature: as for sr_resnet.
        d_width: as for sr_resnet.
        d_norm: as for sr_resnet.
        discriminator_outputs: raw scores of one sample.

    Raises:
        Unsupported: the data are not such pairs of pictures.
    """
    scale = _scale(signature, "sr_bicubic")
    from ganbench_super_resolution.networks import Interpolation

    return _players(signature, Interpolation(scale), d_width, d_norm, discriminator_outputs, bounded=True)


def _players(
    signature: Signature, generator: nn.Module, width: int, norm: str, outputs: int, *, bounded: bool
) -> Players:
    from ganbench_super_resolution.networks import Discriminator

    return Players(
        generator=generator,
        discriminator=Discriminator(signature.shape, width, outputs, batch_norm=norm == "batch"),
        noise=Noise(size=1),
        conditional="generator",
        couples_samples=norm == "batch",
        bounded=bounded,
    )


def _scale(signature: Signature, name: str) -> int:
    """Find how many times larger the images are than the conditions.

    Raises:
        Unsupported: they are no such pairs.
    """
    if signature.kind != "image" or signature.condition is None:
        have = "are points" if signature.kind != "image" else "have none"
        if signature.kind == "image" and signature.classes is not None:
            have = "have labels"
        raise Unsupported(f"{name} needs small pictures as conditions, as sr_pairs has, and the data {have}")
    shape, small = signature.shape, signature.condition
    for scale in _SCALES:
        if tuple(shape) == (small[0], *(side * scale for side in small[1:])) and min(shape[1:]) >= 16:
            return scale
    raise Unsupported(
        f"{name} makes pictures 2 or 4 times larger, to at least 16 pixels; the data have "
        f"conditions of {tuple(small)} for images of {tuple(shape)}"
    )
