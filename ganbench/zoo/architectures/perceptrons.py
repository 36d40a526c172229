"""Fully connected players, which several architectures are made of."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ganbench.zoo.architectures.choices import Activation, Init, Normalization
from ganbench.zoo.architectures.conditioning import join_labels
from ganbench.zoo.architectures.layers import initialise, normalise_spectrally, stack
from ganbench.zoo.architectures.pack import Pack


class PerceptronGenerator(nn.Module):
    """Noise (batch, size), with labels (batch,) where there are classes, to samples (batch, *shape).

    Args:
        layers: from noise, and the label one-hot beside it, to the entries of a sample.
        shape: of one sample.
        classes: how many there are, 0 where it takes no labels.
    """

    def __init__(self, layers: Sequence[nn.Module], shape: tuple[int, ...], classes: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        self.net = nn.Sequential(*layers)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate samples (batch, *shape)."""
        if condition is not None:
            noise = join_labels(noise, condition, self.classes)
        samples: Tensor = self.net(noise)
        return samples.view(-1, *self.shape)


class PerceptronDiscriminator(nn.Module):
    """Samples (batch, *shape), with labels where there are classes, to raw scores (batch / pack, outputs).

    Args:
        layers: from flattened samples, and each one's label one-hot behind it, to scores.
        pack: samples judged together.
        classes: how many there are, 0 where it takes no labels.
    """

    def __init__(self, layers: Sequence[nn.Module], pack: int = 1, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        first = [Pack(pack)] if pack > 1 else []
        self.net = nn.Sequential(*first, nn.Flatten(), *layers)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Raises:
            Unsupported: the pack does not divide the batch.
        """
        if condition is not None:
            x = join_labels(x.flatten(1), condition, self.classes)
        scores: Tensor = self.net(x)
        return scores


def build_discriminator(
    entries: int,
    widths: Sequence[int],
    outputs: int,
    *,
    activation: Activation = "leaky_relu",
    pieces: int = 1,
    normalization: Normalization = "none",
    input_dropout: float = 0.0,
    hidden_dropout: float = 0.0,
    pack: int = 1,
    init: Init = "default",
    init_scale: float = 1.0,
    classes: int = 0,
) -> PerceptronDiscriminator:
    """Build a discriminator with every option that architectures offer.

    Args:
        entries: of one sample.
        widths: of the hidden layers.
        outputs: raw scores.
        activation: of the hidden layers.
        pieces: of a maxout unit.
        normalization: of each hidden layer; `spectral` of the last one too.
        input_dropout: rate on the input.
        hidden_dropout: rate after each hidden layer.
        pack: samples judged together.
        init: how the weights are drawn.
        init_scale: their spread.
        classes: how many there are, 0 where it takes no labels.
    """
    layers = stack(
        [pack * (entries + classes), *widths, outputs],
        activation,
        pieces=pieces,
        normalization=normalization,
        dropout=hidden_dropout,
    )
    first = [nn.Dropout(input_dropout)] if input_dropout > 0 else []
    discriminator = PerceptronDiscriminator([*first, *layers], pack, classes)
    initialise(discriminator, init, init_scale)
    if normalization == "spectral":
        normalise_spectrally(discriminator)
    return discriminator


def needs_two_passes(normalization: Normalization, pack: int, *rates: float) -> bool:
    """Tell whether a discriminator needs one pass each for real and fake; see `Players.couples_samples`.

    Batch normalisation and packing couple samples; spectral normalisation changes a buffer at each pass;
    dropout draws.

    Args:
        normalization: of its layers.
        pack: samples judged together.
        rates: of dropout.
    """
    return normalization in ("batch", "spectral") or pack > 1 or any(rate > 0 for rate in rates)
