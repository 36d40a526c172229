"""The R1 penalty (Mescheder et al., 2018, equation 9)."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.penalties.gradient_norm import NotNegative, squared_gradient_norm


class R1:
    """Half the weighted mean squared gradient norm of the logit on real samples.

    Args:
        weight: gamma of the paper, at least 0.
    """

    def __init__(self, weight: NotNegative = 1.0) -> None:
        self.weight = weight

    def __call__(self, game: Game) -> Tensor:
        """weight/2 · mean over real samples of |∇ s(x)|², a scalar."""
        return self.weight / 2 * squared_gradient_norm(game.input_gradient(game.real)).mean()
