"""The DRAGAN penalty (Kodali et al., 2017, On Convergence and Stability of GANs, algorithm 1)."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.penalties.gradient_norm import NotNegative, gradient_norm


class Dragan:
    """Draws the gradient norm of the logit to a target, on random points around real samples.

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
        """A scalar: weight · mean of (|∇ s(x + noise)| - target)²."""
        real = game.real
        # Uncorrected: of a single entry the corrected deviation is NaN.
        extent = self.scale * real.std(correction=0)
        share = game.uniform(len(real), *[1] * (real.ndim - 1))
        noise = share * extent * game.uniform(*real.shape)
        norms = gradient_norm(game.input_gradient(real + noise))
        return self.weight * (norms - self.target).square().mean()
