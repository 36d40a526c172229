"""Penalties on D's gradient at a sample, and none."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor
from torch.linalg import vector_norm

from ganbench.api import Game

NotNegative = Annotated[float, Ge(0)]
"""A weight, a target or a scale."""


def squared_gradient_norm(gradient: Tensor) -> Tensor:
    """Squared Euclidean norms (batch,) of gradients (batch, *shape)."""
    return gradient.square().flatten(1).sum(1)


def gradient_norm(gradient: Tensor) -> Tensor:
    """Euclidean norms (batch,) of gradients (batch, *shape); where one is 0, its own gradient is 0."""
    norms: Tensor = vector_norm(gradient.flatten(1), dim=1)
    return norms


class NoPenalty:
    """No penalty: the discriminator's loss stays as it is."""

    def __call__(self, game: Game) -> Tensor:
        """Zero, a scalar."""
        return game.real.new_zeros(())


class R1:
    """Half the weighted mean squared gradient norm of the logit on real samples.

    Args:
        weight: gamma of the paper, at least 0.
    """

    def __init__(self, weight: NotNegative = 1.0) -> None:
        self.weight = weight

    def __call__(self, game: Game) -> Tensor:
        """Compute weight/2 · mean over real samples of |∇ s(x)|², a scalar."""
        return self.weight / 2 * squared_gradient_norm(game.input_gradient(game.real)).mean()


class R2:
    """Half the weighted mean squared gradient norm of the logit on generated samples.

    Args:
        weight: gamma of the paper, at least 0.
    """

    def __init__(self, weight: NotNegative = 1.0) -> None:
        self.weight = weight

    def __call__(self, game: Game) -> Tensor:
        """Compute weight/2 · mean over generated samples of |∇ s(G(z))|², a scalar."""
        return self.weight / 2 * squared_gradient_norm(game.input_gradient(game.fake)).mean()


class GradientPenalty:
    """The gradient norm of the logit is drawn to a target, between real and generated samples.

    Where D packs several samples, each has a point and a norm of its own.

    Args:
        weight: lambda of the paper, at least 0.
        target: the gradient norm that is wanted, at least 0.
    """

    def __init__(self, weight: NotNegative = 10.0, target: NotNegative = 1.0) -> None:
        self.weight = weight
        self.target = target

    def __call__(self, game: Game) -> Tensor:
        """Compute weight · mean of (|∇ s(u·x + (1 - u)·G(z))| - target)², u uniform for each sample."""
        real, fake = game.real, game.fake
        between = game.uniform(len(real), *[1] * (real.ndim - 1))
        norms = gradient_norm(game.input_gradient(fake + between * (real - fake)))
        return self.weight * (norms - self.target).square().mean()


class Dragan:
    """The gradient norm of the logit is drawn to a target, around real samples.

    A point is x + u · scale · std · v: u uniform in [0, 1) for each sample, v for each of its entries, and
    std the standard deviation of all entries of the batch together. This, with 10, 1 and 0.5, is what the
    authors' published code does; their text has Gaussian noise of a variance that it leaves to the data.

    Args:
        weight: lambda of the paper, at least 0.
        target: the gradient norm that is wanted (k in the paper), at least 0.
        scale: the largest perturbation, in standard deviations of the data, at least 0.
    """

    def __init__(
        self, weight: NotNegative = 10.0, target: NotNegative = 1.0, scale: NotNegative = 0.5
    ) -> None:
        self.weight = weight
        self.target = target
        self.scale = scale

    def __call__(self, game: Game) -> Tensor:
        """Compute weight · mean of (|∇ s(x + noise)| - target)²."""
        real = game.real
        # Uncorrected: of a single entry the corrected deviation is NaN.
        extent = self.scale * real.std(correction=0)
        share = game.uniform(len(real), *[1] * (real.ndim - 1))
        noise = share * extent * game.uniform(*real.shape)
        norms = gradient_norm(game.input_gradient(real + noise))
        return self.weight * (norms - self.target).square().mean()
