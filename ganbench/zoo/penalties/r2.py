"""The R2 penalty (Mescheder et al., 2018, equation 10)."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.penalties.gradient_norm import NotNegative, squared_gradient_norm


class R2:
    """Half the weighted mean squared gradient norm of the logit on generated samples.

    Args:
        weight: gamma of the paper, at least 0.
    """

    def __init__(self, weight: NotNegative = 1.0) -> None:
        self.weight = weight

    def __call__(self, game: Game) -> Tensor:
        """weight/2 · mean over generated samples of |∇ s(G(z))|², a scalar."""
        return self.weight / 2 * squared_gradient_norm(game.input_gradient(game.fake)).mean()
