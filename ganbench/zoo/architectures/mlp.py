"""A fully connected pair, for images and for points."""

from __future__ import annotations

import math

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import (
    Activation,
    Conditional,
    Factor,
    Init,
    NoiseDistribution,
    Normalization,
    OutputActivation,
    Packed,
    Pieces,
    Rate,
    Units,
    Widths,
)
from ganbench.zoo.architectures.conditioning import classes_of
from ganbench.zoo.architectures.layers import Scale, initialise, output_layers, stack
from ganbench.zoo.architectures.perceptrons import PerceptronGenerator, build_discriminator, needs_two_passes


def build_mlp(
    signature: Signature,
    *,
    generator_widths: Widths = (256, 256),
    discriminator_widths: Widths = (256, 256),
    noise: Units = 64,
    noise_distribution: NoiseDistribution = "normal",
    noise_scale: Factor = 1.0,
    generator_activation: Activation = "relu",
    discriminator_activation: Activation = "leaky_relu",
    pieces: Pieces = 5,
    generator_batch_norm: bool = False,
    output_activation: OutputActivation = "auto",
    normalization: Normalization = "none",
    input_dropout: Rate = 0.0,
    hidden_dropout: Rate = 0.0,
    pack: Packed = 1,
    init: Init = "default",
    generator_init_scale: Factor = 0.02,
    discriminator_init_scale: Factor = 0.02,
    conditional: Conditional = False,
    discriminator_outputs: int = 1,
) -> Players:
    """Build a fully connected pair.

    Args:
        signature: images or points of any shape.
        generator_widths: units of G's hidden layers; none makes a linear map.
        discriminator_widths: the same of D.
        noise: entries of one noise vector.
        noise_distribution: N(0, 1), or U(-1, 1).
        noise_scale: what G multiplies its noise by before its first layer.
        generator_activation: of G's hidden layers.
        discriminator_activation: of D's.
        pieces: linear pieces of a maxout unit, of either player.
        generator_batch_norm: batch normalisation before each activation of G.
        output_activation: after G's last layer; `sigmoid` is stretched from [0, 1] to [-1, 1].
        normalization: of D's hidden layers; `spectral` divides every weight matrix of D by its largest
            singular value, the last one's too.
        input_dropout: part of D's inputs set to zero in training, in both players' turns.
        hidden_dropout: the same of D's hidden units.
        pack: samples that D judges together; must divide the batch.
        init: weights as torch draws them, or uniform or normal with zero biases.
        generator_init_scale: G's: half the width of the uniform, the standard deviation of the normal; of no
            effect on torch's own.
        discriminator_init_scale: the same of D.
        conditional: labels for both players, or for `generator` or `discriminator` alone, one-hot: beside the
            noise, scaled as it is, and behind the entries of a sample.
        discriminator_outputs: raw scores of one sample or pack.

    Raises:
        Unsupported: an output that is not bounded, for images; data without labels, for `conditional`.
        ValueError: an option is out of its bounds.
    """
    images = signature.kind == "image"
    if images and output_activation == "linear":
        raise Unsupported("mlp: images lie in [-1, 1], which output_activation = linear does not keep to")
    entries = math.prod(signature.shape)
    generator_classes, discriminator_classes = classes_of(signature, "mlp", conditional)
    first = [Scale(noise_scale)] if noise_scale != 1 else []
    hidden = stack(
        [noise + generator_classes, *generator_widths, entries],
        generator_activation,
        pieces=pieces,
        normalization="batch" if generator_batch_norm else "none",
    )
    last = output_layers(output_activation, bounded=images)
    generator = PerceptronGenerator([*first, *hidden, *last], signature.shape, generator_classes)
    # Before D draws anything: what D is given must not move G's initial weights.
    initialise(generator, init, generator_init_scale)
    discriminator = build_discriminator(
        entries,
        discriminator_widths,
        discriminator_outputs,
        activation=discriminator_activation,
        pieces=pieces,
        normalization=normalization,
        input_dropout=input_dropout,
        hidden_dropout=hidden_dropout,
        pack=pack,
        init=init,
        init_scale=discriminator_init_scale,
        classes=discriminator_classes,
    )
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=Noise(size=noise, distribution=noise_distribution),
        couples_samples=needs_two_passes(normalization, pack, input_dropout, hidden_dropout),
        conditional=conditional,
    )
