"""The two objectives of Goodfellow et al. (2014): the game as it is defined, and the one that was trained."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganbench.api import Game


class CrossEntropy:
    """What these objectives share: the discriminator's binary cross-entropy, on logits."""

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean softplus(-s_real) + mean softplus(s_fake) = -V(G, D); a scalar."""
        real, fake = game.scores()
        return softplus(-real).mean() + softplus(fake).mean()


class Minimax(CrossEntropy):
    """The zero-sum game (Goodfellow et al., 2014, equation 1)."""

    def generator_loss(self, game: Game) -> Tensor:
        """Mean log(1 - sigmoid(s_fake)) = -mean softplus(s_fake); a scalar, at most 0."""
        return -softplus(game.score(game.fake)).mean()


class NonSaturating(CrossEntropy):
    """The generator raises log D(G(z)) instead (Goodfellow et al., 2014, section 3)."""

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -log sigmoid(s_fake) = mean softplus(-s_fake); a scalar, at least 0."""
        return softplus(-game.score(game.fake)).mean()
