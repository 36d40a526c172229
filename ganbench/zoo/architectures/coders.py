"""Nets that encode: a variational autoencoder, and a discriminator that judges by reconstruction."""

from __future__ import annotations

import math

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Activation, NoiseDistribution, Pieces, Units, Widths
from ganbench.zoo.architectures.layers import output_layers, stack
from ganbench.zoo.architectures.perceptrons import PerceptronDiscriminator, PerceptronGenerator


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
    """Build a fully connected generator against an autoencoder, as in BEGAN (Berthelot et al., 2017).

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
    generator = PerceptronGenerator([*hidden, *last], signature.shape)
    encoder = stack([entries, *encoder_widths, code], activation, pieces=pieces)
    decoder = stack([code, *reversed(encoder_widths), entries], activation, pieces=pieces)
    return Players(
        generator=generator,
        discriminator=PerceptronDiscriminator([*encoder, *decoder]),
        noise=Noise(size=noise, distribution=noise_distribution),
        couples_samples=False,
    )


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
    """Build a fully connected encoder and decoder, Gaussian code (Kingma and Welling, 2014, appendix C.2).

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
        generator=PerceptronGenerator([*decoder, *last], signature.shape),
        discriminator=PerceptronDiscriminator(
            stack([entries, *encoder_widths, 2 * noise], activation, pieces=pieces)
        ),
        noise=Noise(size=noise),
        couples_samples=False,
    )
