"""The least-squares GAN (Mao et al., 2017, equation 2)."""

from __future__ import annotations

import math

from torch import Tensor

from ganbench.api import Game


class LeastSquares:
    """Both players regress the discriminator's score onto targets.

    Targets of 0, 1 and 1 are equation 9 of the paper; -1, 1 and 0 are equation 8, whose value at the best D
    is a Pearson chi-squared divergence.

    Args:
        fake_target: D's target for a generated sample (a in the paper).
        real_target: D's target for a real sample (b).
        generator_target: what G wants D to give a generated sample (c); None is the real target.

    Raises:
        ValueError: the real or the generator's target is the fake one, and there is nothing to play for.
    """

    def __init__(
        self, fake_target: float = 0.0, real_target: float = 1.0, generator_target: float | None = None
    ) -> None:
        self.fake_target = fake_target
        self.real_target = real_target
        self.generator_target = real_target if generator_target is None else generator_target
        if fake_target in (self.real_target, self.generator_target):
            raise ValueError(
                "fake_target must differ from real_target and generator_target, given "
                f"{fake_target:g}, {real_target:g} and {self.generator_target:g}"
            )

    def discriminator_loss(self, game: Game) -> Tensor:
        """Half the mean squared distances of real and generated scores to their targets, a scalar."""
        real, fake = game.scores()
        return ((real - self.real_target).square().mean() + (fake - self.fake_target).square().mean()) / 2

    def generator_loss(self, game: Game) -> Tensor:
        """Half the mean squared distance of generated samples' scores to the generator's target, a scalar."""
        return (game.score(game.fake) - self.generator_target).square().mean() / 2

    def logit(self, scores: Tensor) -> Tensor:
        """How far a score is on the real side of the middle between D's two targets.

        It is no log-odds: D(x) is 1/2 where D cannot tell and is in order, but is not calibrated. The score's
        own scale is kept, so that a gradient penalty weighs as it does in the literature.

        Args:
            scores: (batch, 1).

        Returns:
            (batch,).
        """
        middle = (self.real_target + self.fake_target) / 2
        return (scores[:, 0] - middle) * math.copysign(1.0, self.real_target - self.fake_target)
