"""The norm of D's gradient at a sample, which every penalty here is made of."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor
from torch.linalg import vector_norm

NotNegative = Annotated[float, Ge(0)]
"""A weight, a target or a scale."""


def squared_gradient_norm(gradient: Tensor) -> Tensor:
    """Squared Euclidean norms (batch,) of gradients (batch, *shape)."""
    return gradient.square().flatten(1).sum(1)


def gradient_norm(gradient: Tensor) -> Tensor:
    """Euclidean norms (batch,) of gradients (batch, *shape); where one is 0, its own gradient is 0."""
    norms: Tensor = vector_norm(gradient.flatten(1), dim=1)
    return norms
