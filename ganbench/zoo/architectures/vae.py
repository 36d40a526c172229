"""A variational autoencoder played as a game: the encoder stands where a discriminator stands."""

from __future__ import annotations

import math

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Activation, Pieces, Units, Widths
from ganbench.zoo.architectures.layers import output_layers, stack
from ganbench.zoo.architectures.perceptrons import Discriminator, Generator


def build_vae(
    signature: Signature,
    *,
    decoder_widths: Widths = (256, 256),
    encoder_widths: Widths = (256, 256),
    noise: Units = 16,
    activation: Activation = "relu",
    pieces: Pieces = 5,
    discriminator_outputs: int | None = None,
) -> Players:
    """A fully connected encoder and decoder with a Gaussian code (Kingma and Welling, 2014, appendix C.2).

    The discriminator is the encoder q(z | x): samples (batch, *shape) to (batch, 2 · noise), the code's mean
    followed by the logarithm of its variance. The generator is the decoder: code (batch, noise) to the mean
    of p(x | z), images through a tanh. It goes with a loss that takes any number of outputs and knows what
    these are, as `elbo` does.

    Args:
        signature: images or points of any shape.
        decoder_widths: of the generator's hidden layers.
        encoder_widths: of the encoder's.
        noise: entries of one code; its prior is N(0, 1).
        activation: of the hidden layers of both.
        pieces: linear pieces of a maxout unit.
        discriminator_outputs: raw scores that a loss insists on; None where it takes any number.

    Raises:
        Unsupported: the loss needs a discriminator.
        ValueError: an option is out of its bounds.
    """
    if discriminator_outputs is not None:
        raise Unsupported(
            "vae has an encoder in the discriminator's place, with outputs of its own; "
            f"the loss needs a discriminator with {discriminator_outputs}"
        )
    entries = math.prod(signature.shape)
    decoder = stack([noise, *decoder_widths, entries], activation, pieces=pieces)
    last = output_layers("auto", bounded=signature.kind == "image")
    return Players(
        generator=Generator([*decoder, *last], signature.shape),
        discriminator=Discriminator(stack([entries, *encoder_widths, 2 * noise], activation, pieces=pieces)),
        noise=Noise(size=noise),
        couples_samples=False,
    )
