"""A turn of the game whose raw scores are given, for losses that are held against arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class FixedTurn:
    """What a loss sees where the discriminator gives these scores to the batch, whatever it holds.

    Args:
        real_scores: (batch, outputs), what D gives to `real`.
        fake_scores: (batch, outputs), what D gives to `fake`.
        real: (batch, *shape), for losses that look at the data.
        fake: the same of the generated batch.
        noise: (batch, size).
        normal: what `normal` draws, where it is drawn.
        generate: the generator.
        states: what the loss kept from the turns before.
    """

    def __init__(
        self,
        real_scores: Tensor,
        fake_scores: Tensor,
        *,
        real: Tensor | None = None,
        fake: Tensor | None = None,
        noise: Tensor | None = None,
        normal: Tensor | None = None,
        generate: Callable[[Tensor], Tensor] | None = None,
        states: dict[str, Tensor] | None = None,
    ) -> None:
        self.real = torch.zeros(len(real_scores), 1) if real is None else real
        self.fake = torch.zeros(len(fake_scores), 1) if fake is None else fake
        self.noise = noise
        self.states = {} if states is None else states
        self._scores = real_scores, fake_scores
        self._normal = normal
        self._generate = generate

    def scores(self) -> tuple[Tensor, Tensor]:
        return self._scores

    def score(self, x: Tensor) -> Tensor:
        assert x is self.real or x is self.fake
        return self._scores[0] if x is self.real else self._scores[1]

    def generate(self, noise: Tensor) -> Tensor:
        assert self._generate is not None
        return self._generate(noise)

    def normal(self, *shape: int) -> Tensor:
        assert self._normal is not None
        assert self._normal.shape == shape
        return self._normal

    def state(self, name: str, initial: float) -> Tensor:
        return self.states.setdefault(name, torch.tensor(initial, dtype=torch.float64))


def column(*scores: float) -> Tensor:
    """Scores (batch, 1), float64."""
    return torch.tensor(scores, dtype=torch.float64)[:, None]
