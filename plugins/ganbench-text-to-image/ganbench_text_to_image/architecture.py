"""`text_gan_nets`: its options; the networks are in the module beside, which imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Interval

from ganbench import Noise, Players, Signature, Unsupported

_SIZES = (32, 64)


def text_gan_nets(
    signature: Signature,
    width: Annotated[int, Interval(ge=2, le=2048)] = 128,
    text: Annotated[int, Interval(ge=1, le=4096)] = 128,
    noise: Annotated[int, Interval(ge=1, le=16384)] = 100,
    discriminator_norm: Literal["batch", "none"] = "batch",
    discriminator_outputs: int = 1,
) -> Players:
    """Build Reed et al.'s conditional DCGAN: the defaults are the authors' at 64 pixels.

    Both players compress the embedded text by a linear layer and a leaky ReLU. G appends it to the noise; D
    repeats it at each place of its last maps, of 4x4 pixels, and joins the two by a 1x1 convolution.

    Args:
        signature: square images of 32 or 64 pixels with a vector as condition.
        width: channels of the largest maps; each halving of the sides doubles them.
        text: numbers that the text is compressed to.
        noise: entries of one noise vector.
        discriminator_norm: batch normalisation in D, as published, or none.
        discriminator_outputs: raw scores of one sample.

    Raises:
        Unsupported: the data are not such images, or their conditions are no vectors.
    """
    shape, condition = signature.shape, signature.condition
    if signature.kind != "image" or shape[1] != shape[2] or shape[1] not in _SIZES:
        sizes = " or ".join(map(str, _SIZES))
        raise Unsupported(f"text_gan_nets makes square images of {sizes} pixels, the data have {shape}")
    if condition is None or len(condition) != 1:
        what = "no condition" if condition is None else f"conditions of shape {tuple(condition)}"
        raise Unsupported(f"text_gan_nets needs embedded texts as conditions, the data have {what}")
    # Imported here: it imports torch, which a list of names can do without.
    from ganbench_text_to_image.networks import Discriminator, Generator

    normalised = discriminator_norm == "batch"
    widths = [width << halving for halving in range(shape[1].bit_length() - 3)]
    generator = Generator(noise, condition[0], text, widths[::-1], shape[0])
    discriminator = Discriminator(condition[0], text, widths, shape[0], discriminator_outputs, normalised)
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise),
        conditional=True,
        couples_samples=normalised,
    )
