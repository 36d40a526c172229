"""What both players minimise: relativistic pairing, and the penalty on D's gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Interval

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Game


class RelativisticPairing:
    """Each real sample is compared with one generated sample: softplus of the difference of their scores.

    A number that is added to every score changes nothing, so a score alone is no probability; its gradient,
    of which penalties are made, does not depend on that number.
    """

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean of softplus(s(G(z)) - s(x)) over the pairs, a scalar."""
        real, fake = game.scores()
        return self._loss(real - fake)

    def generator_loss(self, game: Game) -> Tensor:
        """The same with the kinds exchanged."""
        real, fake = game.scores()
        return self._loss(fake - real)

    def _loss(self, ahead: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        return softplus(-ahead).mean()


class FadingPenalty:
    """R1 and R2 with one weight, which goes from `start` to `final` along half a cosine.

    With `start` equal to `final` it is the sum of the penalties r1 and r2 of that weight.

    Args:
        start: weight at the first step.
        final: weight from `until` on.
        until: share of the steps after which `final` is reached.
    """

    def __init__(
        self,
        start: Annotated[float, Ge(0)] = 0.05,
        final: Annotated[float, Ge(0)] = 0.005,
        until: Annotated[float, Interval(gt=0, le=1)] = 1.0,
    ) -> None:
        self.start, self.final, self.until = start, final, until

    def __call__(self, game: Game) -> Tensor:
        """Weight/2 times the mean squared gradient norms at real and at generated samples, a scalar."""
        share = (game.progress / self.until).clamp(max=1)
        weight = self.final + (self.start - self.final) * (1 + (math.pi * share).cos()) / 2
        norms = [
            game.input_gradient(samples).square().flatten(1).sum(1).mean()
            for samples in (game.real, game.fake)
        ]
        return weight / 2 * (norms[0] + norms[1])
