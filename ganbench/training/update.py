"""Update rules: in which order the players' gradients are computed and applied in one round."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from ganbench.training.cell_game import Turn

Order = Literal["d_then_g", "g_then_d", "simultaneous"]


class Turns(Protocol):
    """The operations that an engine offers to an update rule during one round."""

    def gradient(self, player: Turn, draw: int) -> None:
        """Replace a player's gradients by those of its loss.

        Args:
            player: whose turn it is.
            draw: which of the round's noises the turn uses, 0 to d_steps; it uses the batch of the same
                number, or the last batch where there is none.
        """

    def apply(self, player: Turn) -> None:
        """Take an optimizer step with the gradients as they are."""


class UpdateRule(Protocol):
    """One round, written in terms of `Turns`, so that every engine can play it.

    Attributes:
        name: by which an engine refuses a rule that it cannot play.
    """

    name: ClassVar[str]

    def play(self, turns: Turns) -> None:
        """Play one round."""


class Alternating:
    """Algorithm 1 (Goodfellow et al., 2014): k discriminator updates, then one of the generator.

    With order `g_then_d` the generator moves first; `simultaneous` computes both gradients before either
    step. Every draw is used once in each order, the last one by the generator.
    """

    name: ClassVar[str] = "alternating"

    def __init__(self, order: Order, d_steps: int) -> None:
        """Set the order.

        Args:
            order: which player moves first.
            d_steps: discriminator updates in a round, at least 1; exactly 1 with order `simultaneous`.
        """
        self._order = order
        self._d_steps = d_steps

    def play(self, turns: Turns) -> None:
        """Play one round."""
        if self._order == "simultaneous":
            turns.gradient("discriminator", 0)
            turns.gradient("generator", self._d_steps)
            turns.apply("discriminator")
            turns.apply("generator")
            return
        if self._order == "g_then_d":
            self._generator(turns)
        for draw in range(self._d_steps):
            turns.gradient("discriminator", draw)
            turns.apply("discriminator")
        if self._order == "d_then_g":
            self._generator(turns)

    def _generator(self, turns: Turns) -> None:
        turns.gradient("generator", self._d_steps)
        turns.apply("generator")
