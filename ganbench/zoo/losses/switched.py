"""A generator's loss whose direction follows the discriminator's verdict, sample by sample."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Interval
from torch import Tensor
from torch.nn.functional import softplus

from ganbench.api import Game
from ganbench.zoo.losses.minimax import CrossEntropy


class Switched(CrossEntropy):
    """G minimises log(1 - D(G(z))) · (2·round(D(G(z))) - 1), as a widely copied tutorial gives it.

    Where D takes a generated sample for real, the factor is 1 and G raises the logit, as in `minimax`; where
    D recognises it, the factor is -1 and G lowers it still further. The size of the gradient is that of
    `minimax`, sigmoid(s), in either case. The factor is a constant of the gradient: round has none.

    Args:
        threshold: the D(G(z)) above which a sample counts as taken for real, in (0, 1); 0.5 is round.
    """

    def __init__(self, threshold: Annotated[float, Interval(gt=0, lt=1)] = 0.5) -> None:
        # Compared on the logit, where no sigmoid has rounded to 0 or 1.
        self.cut = math.log(threshold) - math.log1p(-threshold)

    def generator_loss(self, game: Game) -> Tensor:
        """Mean of ±log(1 - sigmoid(s_fake)), a scalar; + above the threshold, - below it and on it."""
        scores = game.score(game.fake)
        direction = (scores.detach() > self.cut).to(scores.dtype) * 2 - 1
        return -(direction * softplus(scores)).mean()
