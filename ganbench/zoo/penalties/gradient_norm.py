"""The norm of D's gradient at a sample, which every penalty here is made of."""

from __future__ import annotations

from torch import Tensor
from torch.linalg import vector_norm


def squared_gradient_norm(gradient: Tensor) -> Tensor:
    """Squared Euclidean norms (batch,) of gradients (batch, *shape)."""
    return gradient.square().flatten(1).sum(1)


def gradient_norm(gradient: Tensor) -> Tensor:
    """Euclidean norms (batch,) of gradients (batch, *shape); where one is 0, its own gradient is 0."""
    norms: Tensor = vector_norm(gradient.flatten(1), dim=1)
    return norms


def require_not_negative(**options: float) -> None:
    """Refuse weights, targets and scales below 0.

    Raises:
        ValueError: names the first that is.
    """
    for name, value in options.items():
        if value < 0:
            raise ValueError(f"{name} must be at least 0, given {value:g}")
