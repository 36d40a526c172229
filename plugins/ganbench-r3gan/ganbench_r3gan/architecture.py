"""`r3gan_resnet`: its options; the networks are in the module beside, which imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Interval

from ganbench import Noise, Players, Signature, Unsupported

_SIZES = (8, 16, 32, 64)
_SMALLEST_MAPS = 4


def r3gan_resnet(
    signature: Signature,
    width: Annotated[int, Interval(ge=2, le=4096)] = 768,
    blocks: Annotated[int, Interval(ge=1, le=64)] = 2,
    expansion: Annotated[int, Interval(ge=1, le=16)] = 2,
    group_width: Annotated[int, Interval(ge=1, le=4096)] = 16,
    noise: Annotated[int, Interval(ge=1, le=16384)] = 64,
    conditional: bool = False,
    output: Literal["linear", "tanh"] = "linear",
    discriminator_outputs: int = 1,
) -> Players:
    """Build R3GAN's nets: the defaults are the authors' for CIFAR-10 at 32 pixels, and for FFHQ at 64.

    Each stage of feature maps has some blocks (1x1, 3x3 in groups, 1x1, between which maps are wider), and
    sides are doubled or halved between stages by a bilinear filter. No layer normalises: blocks begin as the
    identity, and their other weights are smaller the more blocks there are, as in Fixup.

    Args:
        signature: square images of 8, 16, 32 or 64 pixels.
        width: channels of each stage, even; at 64 pixels, that of the largest maps has half.
        blocks: residual blocks of each stage.
        expansion: how many times wider the maps within a block are.
        group_width: channels of a group of the 3x3 convolutions; divides the width within a block.
        noise: entries of one noise vector.
        conditional: labels for both players: an embedding joins the noise, and D projects onto one.
        output: `linear` as published, where values beyond [-1, 1] are cut when samples are scored; or `tanh`.
        discriminator_outputs: raw scores of one sample.

    Raises:
        Unsupported: the data are not such images, or have no labels for `conditional`.
        ValueError: a group does not divide the width.
    """
    shape = signature.shape
    if signature.kind != "image" or shape[1] != shape[2] or shape[1] not in _SIZES:
        sizes = ", ".join(map(str, _SIZES))
        raise Unsupported(f"r3gan_resnet makes square images of {sizes} pixels, the data have {shape}")
    if conditional and signature.classes is None:
        raise Unsupported("r3gan_resnet: the data have no labels for conditional = true")
    if conditional and discriminator_outputs != 1:
        raise Unsupported("r3gan_resnet with conditional = true gives one score, the loss needs more")
    stages = (shape[1] // _SMALLEST_MAPS).bit_length()
    widths = [width] * stages
    if shape[1] == _SIZES[-1]:
        widths[-1] = width // 2
    for wide in sorted({each * expansion for each in widths}):
        if wide % group_width:
            raise ValueError(
                f"group_width must divide the width within a block, given {group_width} and {wide}"
            )
    # Imported here: it imports torch, which a list of names can do without.
    from ganbench_r3gan.networks import Discriminator, Generator

    form = (blocks, expansion, group_width)
    classes = signature.classes if conditional else None
    generator = Generator(noise, widths, shape[0], form, classes, bounded=output == "tanh")
    discriminator = Discriminator(shape[0], widths[::-1], form, classes, discriminator_outputs)
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise),
        conditional=conditional,
        couples_samples=False,
        bounded=output == "tanh",
    )
