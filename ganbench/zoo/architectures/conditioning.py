"""Labels for convolutional players: joined to the input, through batch normalisation, by projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.api import Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Conditional
from ganbench.zoo.architectures.layers import check_layer


class Labelled(nn.Module):
    """A layer whose forward takes the labels (batch,) beside its input; in `Layers` it is given them."""


class Layers(nn.Sequential):
    """Layers one after the other, of which some may be `Labelled`."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Apply the last layer.

        Args:
            x: the first layer's input.
            labels: int64 (batch,), where a layer takes them.
        """
        for layer in self:
            x = layer(x, labels) if isinstance(layer, Labelled) else layer(x)
        return x


class ConditionalBatchNorm(Labelled):
    """Batch normalisation whose gain and bias are the class's own.

    Source: Dumoulin et al. (2017), A Learned Representation for Artistic Style, equation 5; as in Miyato and
    Koyama (2018), gains begin at 1 and biases at 0.

    Args:
        norm: without gain and bias of its own.
        classes: how many there are.
    """

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, classes: int) -> None:
        super().__init__()
        self.norm = norm
        self.gain = nn.Embedding(classes, norm.num_features)
        self.bias = nn.Embedding(classes, norm.num_features)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Of x's shape, (batch, features, ...)."""
        # Not len(x), which an export of the network would take for a constant.
        shape = x.shape[0], -1, *[1] * (x.ndim - 2)
        normalised: Tensor = self.norm(x) * self.gain(labels).view(shape) + self.bias(labels).view(shape)
        return normalised


class ProjectionHead(nn.Module):
    """Scores of features given labels: w · phi(x) + b + v_y · phi(x).

    Source: Miyato and Koyama (2018), cGANs with Projection Discriminator, equation 3. Each output has vectors
    v of its own, and so has each place in a pack, whose inner products are added: the log-likelihood ratios
    of independent labels add up.

    Args:
        features: entries of phi(x).
        outputs: raw scores.
        classes: how many there are.
        pack: samples judged together.

    Raises:
        ValueError: the vectors have more than 2^28 entries.
    """

    def __init__(self, features: int, outputs: int, classes: int, pack: int = 1) -> None:
        super().__init__()
        check_layer(pack * classes, outputs * features, "widths and pack")
        self.classes = classes
        self.pack = pack
        self.linear = nn.Linear(features, outputs)
        self.embedding = nn.Embedding(pack * classes, outputs * features)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Raw scores (batch / pack, outputs).

        Args:
            features: (batch / pack, features).
            labels: int64 (batch,), each at least 0 and below `classes`.
        """
        places = torch.arange(self.pack, device=labels.device) * self.classes
        vectors = self.embedding(labels.view(-1, self.pack) + places).sum(1)
        projected = vectors.view(len(features), -1, features.shape[1]) * features.unsqueeze(1)
        scores: Tensor = self.linear(features) + projected.sum(2)
        return scores


def classes_of(signature: Signature, architecture: str, conditional: Conditional) -> tuple[int, int]:
    """Count the classes that G and D of an architecture are given, 0 for a player that is given none.

    Args:
        signature: what the data look like.
        architecture: whose name the reason bears.
        conditional: which players take the labels.

    Raises:
        Unsupported: one does, and the data have no labels, or a condition that takes their place in the game.
    """
    if conditional is False:
        return 0, 0
    if signature.condition is not None:
        raise Unsupported(
            f"{architecture}: conditional takes labels, the data's condition has shape {signature.condition}"
        )
    if signature.classes is None:
        raise Unsupported(f"{architecture}: conditional needs labels, and the data have none")
    classes = signature.classes
    return classes * (conditional != "discriminator"), classes * (conditional != "generator")


def join_labels(x: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Labels beside what they belong to, as one-hot entries of a vector or one-hot planes of an image.

    Source: Mirza and Osindero (2014), Conditional Generative Adversarial Nets, section 3.2.

    Args:
        x: (batch, n, ...).
        labels: int64 (batch,), each at least 0 and below `classes`.
        classes: how many there are.

    Returns:
        (batch, n + classes, ...).
    """
    # Not torch's one_hot, which looks at the labels' values to check them.
    one_hot = (labels.unsqueeze(1) == torch.arange(classes, device=labels.device)).to(x.dtype)
    planes = one_hot.view(x.shape[0], classes, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat((x, planes), dim=1)
