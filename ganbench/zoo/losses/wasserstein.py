"""The Wasserstein GAN (Arjovsky et al., 2017, algorithm 1)."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from ganbench.api import Game


class Wasserstein:
    """D is a critic, kept Lipschitz by clipping its weights: the difference of its means bounds a distance.

    The critic's score is fixed up to a constant only: D(x) and D(G(z)) in the curves are no probabilities.

    Args:
        clip: bound on every weight of D after each of its steps (c in the paper); 0 turns clipping off, and
            then a penalty must keep D Lipschitz, or its loss has no lower bound.
    """

    def __init__(self, clip: Annotated[float, Ge(0)] = 0.01) -> None:
        self.clip = clip

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean s_fake - mean s_real, a scalar."""
        real, fake = game.scores()
        return fake.mean() - real.mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -s_fake, a scalar."""
        return -game.score(game.fake).mean()

    def after_discriminator_step(self, discriminator: nn.Module) -> None:
        """Clip every parameter to [-clip, clip], as the paper does."""
        if self.clip > 0:
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clip, self.clip)
