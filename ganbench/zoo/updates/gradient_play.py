"""Update rules that converge on games where steps along the gradients go round."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge
from torch import Tensor

from ganbench.api import Turns
from ganbench.api.updates import Turn
from ganbench.training.update import Alternating


class Extragradient:
    """Step from where both players are, with the gradients at the point that a step would lead to.

    Both steps are the optimizer's; with Adam, its moments are set back after the first one, so that they hold
    the gradients of the second steps alone. Both gradients use the same batch and noise. What networks keep
    as buffers (statistics of batches) follows both.
    """

    name: ClassVar[str] = "extragradient"

    def play(self, turns: Turns) -> None:
        """Play one round."""
        point = turns.save()
        self._gradients(turns)
        self._apply(turns)
        # A loss that counts or steers something does so once per round.
        turns.restore_states(point)
        self._gradients(turns)
        turns.restore(point)
        self._apply(turns)

    def _gradients(self, turns: Turns) -> None:
        turns.gradient("discriminator", 0)
        turns.gradient("generator", 1)

    def _apply(self, turns: Turns) -> None:
        turns.apply("discriminator")
        turns.apply("generator")


class Optimistic(Alternating):
    """Step along twice the gradient less that of the player's step before.

    Before the first step the last gradient is taken to be the present one, so that the first step goes along
    the gradient itself. The order is that of the alternating rule; `simultaneous` gives the authors' rule.
    """

    name: ClassVar[str] = "optimistic"

    def _gradient(self, turns: Turns, player: Turn, draw: int) -> None:
        turns.gradient(player, draw)

        def change(index: int, gradient: Tensor) -> Tensor:
            last = turns.state(f"{player}.{index}", gradient)
            ahead = 2 * gradient - last
            last.copy_(gradient)
            return ahead

        turns.change_gradients(player, change)


class Consensus:
    """Step along the gradients and, for both players, down half the squared norm of all of them.

    Args:
        weight: gamma of the paper, at least 0.
    """

    name: ClassVar[str] = "consensus"

    def __init__(self, weight: Annotated[float, Ge(0)] = 10.0) -> None:
        self._weight = weight

    def play(self, turns: Turns) -> None:
        """Play one round."""
        squares = [gradient.square().sum() for gradient in turns.field(0, 1)]
        if squares:
            turns.add_gradient(self._weight / 2 * sum(squares[1:], squares[0]))
        turns.apply("discriminator")
        turns.apply("generator")
