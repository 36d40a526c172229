"""The layers of fully connected players: stacks, activations, initial weights, spectral normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganbench.zoo.architectures.choices import Activation, Init, Normalization, OutputActivation

MAX_WEIGHTS = 2**28


class Maxout(nn.Module):
    """The largest of each unit's pieces: (batch, units · pieces) to (batch, units).

    Source: Goodfellow et al. (2013), Maxout Networks, section 3.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer: (batch, units)."""
        return x.reshape(len(x), -1, self.pieces).max(2).values


class CentredSigmoid(nn.Module):
    """A sigmoid for data in [-1, 1]: 2 · sigmoid(x) - 1, which is tanh(x / 2)."""

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape, in [-1, 1]."""
        return 2 * torch.sigmoid(x) - 1


class Scale(nn.Module):
    """Multiplies by a constant: U(-1, 1) becomes U(-factor, factor)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape."""
        return x * self.factor


def stack(
    sizes: Sequence[int],
    activation: Activation,
    *,
    pieces: int = 1,
    normalization: Normalization = "none",
    dropout: float = 0.0,
) -> list[nn.Module]:
    """Linear layers, each but the last with normalisation, activation and dropout after it.

    Args:
        sizes: units from input to output; at least two.
        activation: of the hidden layers.
        pieces: linear pieces of a maxout unit; no other activation has any.
        normalization: `batch` and `layer` add a module; `spectral` is `normalise_spectrally`'s, afterwards.
        dropout: rate after each hidden layer.

    Raises:
        ValueError: a layer has more than 2^28 weights.
    """
    pieces = pieces if activation == "maxout" else 1
    layers: list[nn.Module] = []
    *hidden, last = pairwise(sizes)
    for inputs, units in hidden:
        width = units * pieces
        # Batch normalisation subtracts whatever a bias adds.
        layers.append(_linear(inputs, width, bias=normalization != "batch"))
        if normalization == "batch":
            layers.append(nn.BatchNorm1d(width))
        elif normalization == "layer":
            layers.append(nn.LayerNorm(width))
        layers.append(_activation(activation, pieces))
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return [*layers, _linear(*last)]


def output_layers(activation: OutputActivation, *, bounded: bool) -> list[nn.Module]:
    """Make what follows the generator's last linear layer.

    Args:
        activation: as chosen.
        bounded: whether the data lie in [-1, 1], as images do; what `auto` goes by.
    """
    if activation == "sigmoid":
        return [CentredSigmoid()]
    return [nn.Tanh()] if activation == "tanh" or (activation == "auto" and bounded) else []


def initialise(module: nn.Module, init: Init, scale: float) -> None:
    """Draw the weights of every linear layer anew, zero its bias; `default` leaves what torch drew.

    Args:
        module: a player, before any spectral normalisation.
        init: the distribution.
        scale: half the width of the uniform one, the standard deviation of the normal one.
    """
    if init == "default":
        return
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            if init == "uniform":
                nn.init.uniform_(layer.weight, -scale, scale)
            else:
                nn.init.normal_(layer.weight, 0.0, scale)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def normalise_spectrally(module: nn.Module) -> None:
    """Divide the weights of every linear, convolutional and embedding layer by their largest singular value.

    One power iteration at each forward pass in training mode (Miyato et al., 2018, algorithm 1). It comes
    after the initial weights are drawn: those are what is normalised.
    """
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
            spectral_norm(layer)


def check_layer(inputs: int, outputs: int, options: str) -> None:
    """Refuse a fully connected layer that is larger than a machine can be expected to hold.

    Args:
        inputs: units.
        outputs: units.
        options: whose values decide these, as the message names them.

    Raises:
        ValueError: it has more than 2^28 weights.
    """
    if inputs * outputs > MAX_WEIGHTS:
        raise ValueError(
            f"a layer from {inputs} to {outputs} units has more than {MAX_WEIGHTS} weights; "
            f"{options} must be smaller"
        )


def _linear(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    check_layer(inputs, outputs, "widths, pieces and pack")
    return nn.Linear(inputs, outputs, bias=bias)


def _activation(name: Activation, pieces: int) -> nn.Module:
    if name == "maxout":
        return Maxout(pieces)
    if name == "leaky_relu":
        return nn.LeakyReLU(0.2)
    if name == "elu":
        return nn.ELU()
    return nn.ReLU() if name == "relu" else nn.Tanh()
