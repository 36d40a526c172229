"""The two-sided gradient penalty of WGAN-GP (Gulrajani et al., 2017, equation 3)."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.penalties.gradient_norm import NotNegative, gradient_norm


class GradientPenalty:
    """Draws the gradient norm of the logit to a target, on random points between real and generated samples.

    Where D packs several samples, each has a point and a norm of its own.

    Args:
        weight: lambda of the paper, at least 0.
        target: the gradient norm that is wanted, at least 0.
    """

    def __init__(self, weight: NotNegative = 10.0, target: NotNegative = 1.0) -> None:
        self.weight = weight
        self.target = target

    def __call__(self, game: Game) -> Tensor:
        """A scalar: weight · mean of (|∇ s(u·x + (1 - u)·G(z))| - target)², u uniform for each sample."""
        real, fake = game.real, game.fake
        between = game.uniform(len(real), *[1] * (real.ndim - 1))
        norms = gradient_norm(game.input_gradient(fake + between * (real - fake)))
        return self.weight * (norms - self.target).square().mean()
