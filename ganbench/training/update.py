"""The usual update rule: the players take turns, each with steps along its own gradient."""

from __future__ import annotations

from typing import ClassVar, Literal

from ganbench.api import Turns
from ganbench.api.updates import Turn

Order = Literal["d_then_g", "g_then_d", "simultaneous"]


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
            self._gradient(turns, "discriminator", 0)
            self._gradient(turns, "generator", self._d_steps)
            turns.apply("discriminator")
            turns.apply("generator")
            return
        if self._order == "g_then_d":
            self._generator(turns)
        for draw in range(self._d_steps):
            self._gradient(turns, "discriminator", draw)
            turns.apply("discriminator")
        if self._order == "d_then_g":
            self._generator(turns)

    def _generator(self, turns: Turns) -> None:
        self._gradient(turns, "generator", self._d_steps)
        turns.apply("generator")

    def _gradient(self, turns: Turns, player: Turn, draw: int) -> None:
        """Compute the gradients that a step goes along."""
        turns.gradient(player, draw)
