"""No penalty."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game


class NoPenalty:
    """Adds nothing to the discriminator's loss."""

    def __call__(self, game: Game) -> Tensor:
        """Zero, a scalar."""
        return game.real.new_zeros(())
