"""A discriminator that judges a sample by how well it can rebuild it, for BEGAN."""

from __future__ import annotations

import math

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Activation, NoiseDistribution, Pieces, Units, Widths
from ganbench.zoo.architectures.layers import output_layers, stack
from ganbench.zoo.architectures.perceptrons import Discriminator, Generator


def build_autoencoder(
    signature: Signature,
    *,
    generator_widths: Widths = (256, 256),
    encoder_widths: Widths = (256, 256),
    code: Units = 64,
    noise: Units = 64,
    noise_distribution: NoiseDistribution = "uniform",
    activation: Activation = "elu",
    pieces: Pieces = 5,
    discriminator_outputs: int | None = None,
) -> Players:
    """A fully connected generator against an autoencoder, as in BEGAN (Berthelot et al., 2017).

    D takes samples (batch, *shape) to their reconstructions, flattened: (batch, entries of a sample). Its
    decoder is its encoder in reverse; the code and the reconstruction are linear in what is before them.

    Args:
        signature: images or points of any shape.
        generator_widths: of G's hidden layers; images pass a tanh.
        encoder_widths: of D's hidden layers before its code; those after it are the same in reverse.
        code: entries of D's code.
        noise: entries of one noise vector; the paper takes as many as the code has.
        noise_distribution: N(0, 1), or the paper's U(-1, 1).
        activation: of the hidden layers of both.
        pieces: linear pieces of a maxout unit.
        discriminator_outputs: raw scores that a loss insists on; None where it takes any number.

    Raises:
        Unsupported: the loss needs a discriminator with scores.
        ValueError: an option is out of its bounds.
    """
    if discriminator_outputs is not None:
        raise Unsupported(
            "autoencoder has a discriminator that gives reconstructions; "
            f"the loss needs one with {discriminator_outputs}"
        )
    entries = math.prod(signature.shape)
    hidden = stack([noise, *generator_widths, entries], activation, pieces=pieces)
    last = output_layers("auto", bounded=signature.kind == "image")
    generator = Generator([*hidden, *last], signature.shape)
    encoder = stack([entries, *encoder_widths, code], activation, pieces=pieces)
    decoder = stack([code, *reversed(encoder_widths), entries], activation, pieces=pieces)
    return Players(
        generator=generator,
        discriminator=Discriminator([*encoder, *decoder]),
        noise=Noise(size=noise, distribution=noise_distribution),
        couples_samples=False,
    )
