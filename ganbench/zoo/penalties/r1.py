"""The R1 penalty (Mescheder et al., 2018, equation 9)."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game


class R1:
    """Half the weighted mean squared gradient norm of the logit on real samples.

    Args:
        weight: gamma of the paper, at least 0.

    Raises:
        ValueError: the weight is negative.
    """

    def __init__(self, weight: float = 1.0) -> None:
        if weight < 0:
            raise ValueError(f"weight must be at least 0, given {weight:g}")
        self.weight = weight

    def __call__(self, game: Game) -> Tensor:
        """weight/2 · mean over real samples of |∇ s(x)|², a scalar."""
        gradient = game.input_gradient(game.real)
        return self.weight / 2 * gradient.square().flatten(1).sum(1).mean()
