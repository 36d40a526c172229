"""How labels reach convolutional players: joined to the input, through batch normalisation, by projection."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api import Signature
from ganbench.errors import Unsupported


def classes_of(signature: Signature, architecture: str) -> int:
    """How many classes the conditional form of an architecture is given.

    Args:
        signature: what the data look like.
        architecture: whose name the reason bears.

    Raises:
        Unsupported: the data have no labels, or a condition that takes their place in the game.
    """
    if signature.condition is not None:
        raise Unsupported(
            f"{architecture}: conditional takes labels, the data's condition has shape {signature.condition}"
        )
    if signature.classes is None:
        raise Unsupported(f"{architecture}: conditional needs labels, and the data have none")
    return signature.classes


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
    planes = one_hot.view(len(x), classes, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat((x, planes), dim=1)
