"""The hinge loss (Lim & Ye, 2017; as in Miyato et al., 2018, equations 16 and 17)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from ganbench.api import Game


class Hinge:
    """D separates real from generated scores by a margin; G raises the scores of its samples.

    While every score is inside the margin, |s| < 1, the gradients of both players are those of `wasserstein`.
    """

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean relu(1 - s_real) + mean relu(1 + s_fake), a scalar, at least 0."""
        real, fake = game.scores()
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -s_fake, a scalar."""
        return -game.score(game.fake).mean()
