"""The two-class form of the game: a softmax over {real, fake} in place of a sigmoid."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import log_softmax

from ganbench.api import Game

_REAL, _FAKE = 0, 1


class Softmax:
    """Cross-entropy over two output nodes of the discriminator, the first for real, the second for fake.

    With d the difference of the two, p(real) = sigmoid(d): as functions of d both forms are those of
    Goodfellow et al. (2014). D moves both nodes, so d moves twice as far in a step of equal size.

    Args:
        form: what G minimises: `non_saturating` -log p(real | G(z)), or `minimax` log p(fake | G(z)).
    """

    def __init__(self, form: Literal["non_saturating", "minimax"] = "non_saturating") -> None:
        self.form = form

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean -log p(real | x) + mean -log p(fake | G(z)) = -V(G, D), a scalar."""
        real, fake = game.scores()
        return -log_softmax(real, dim=1)[:, _REAL].mean() - log_softmax(fake, dim=1)[:, _FAKE].mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -log p(real | G(z)), or mean log p(fake | G(z)); a scalar."""
        log_p = log_softmax(game.score(game.fake), dim=1)
        return log_p[:, _FAKE].mean() if self.form == "minimax" else -log_p[:, _REAL].mean()

    def logit(self, scores: Tensor) -> Tensor:
        """The log-odds of real against fake.

        Args:
            scores: (batch, 2).

        Returns:
            (batch,).
        """
        return scores[:, _REAL] - scores[:, _FAKE]
