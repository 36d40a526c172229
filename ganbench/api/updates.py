"""What an update rule gets in one round, and its own interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Turn = Literal["discriminator", "generator"]


class Turns(Protocol):
    """The operations that an engine offers to an update rule during one round.

    Gradients are those of the players' losses, penalties included, for minimisation. A *draw* says which of
    the round's noises a gradient uses, 0 to d_steps; it uses the batch of the same number, or the last
    batch where there is none.
    """

    def gradient(self, player: Turn, draw: int) -> None:
        """Replace a player's gradients by those of its loss.

        Args:
            player: whose turn it is.
            draw: 0 to d_steps.
        """

    def apply(self, player: Turn) -> None:
        """Take an optimizer step with the gradients as they are; none for a player that is frozen."""

    def change_gradients(self, player: Turn, change: Callable[[int, Tensor], Tensor]) -> None:
        """Replace each of a player's gradients, without autograd.

        Args:
            player: whose gradients.
            change: takes the parameter's index and its gradient, and returns the new one. Parameters that
                have no gradient are left out.
        """

    def field(self, d_draw: int, g_draw: int) -> list[Tensor]:
        """Replace both players' gradients by those of their losses at the same point, and return them.

        Unlike those of `gradient`, these can be differentiated with respect to the parameters of both. What
        a loss detaches counts as constant.

        Args:
            d_draw: the discriminator's draw.
            g_draw: the generator's draw.

        Returns:
            The gradients of each parameter that learns: none of a player that is frozen.
        """

    def add_gradient(self, value: Tensor) -> None:
        """Add the gradient of a function of the field to the gradients of the players that learn.

        Args:
            value: a scalar, computed from what `field` returned.
        """

    def save(self) -> object:
        """Note both players' weights, the optimizers' states, and what losses and penalties keep."""

    def restore(self, point: object) -> None:
        """Set weights and optimizers back to what `save` noted; gradients stay as they are."""

    def restore_states(self, point: object) -> None:
        """Set back what losses and penalties keep, as before a turn that is to be played again."""

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """Return a tensor that the rule keeps between rounds; it is checkpointed. Change it in place.

        Args:
            name: among the rule's own.
            initial: its value where the rule asks for it the first time in a training.
        """


class UpdateRule(Protocol):
    """One round, written in terms of `Turns`, so that every engine can play it.

    It keeps nothing of its own between rounds but `Turns.state`.

    Attributes:
        name: by which an engine refuses a rule that it cannot play.
    """

    name: ClassVar[str]

    def play(self, turns: Turns) -> None:
        """Play one round."""
