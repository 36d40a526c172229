"""The generator's exponential moving average."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn


class EMA:
    """A copy of the generator whose weights follow it slowly; buffers are copied as they are.

    Attributes:
        module: the averaged generator; it is what is scored.
        decay: see the constructor; an engine that cannot change it between rounds refuses a function.
    """

    def __init__(self, generator: nn.Module, decay: float | Callable[[int], float]) -> None:
        """Copy the generator.

        Args:
            generator: followed from now on.
            decay: per step, 0 to below 1; or what it is after so many rounds.
        """
        self.module = copy.deepcopy(generator).requires_grad_(False)
        self.decay = decay
        self._from: list[Tensor] = list(generator.parameters())
        self._to: list[Tensor] = list(self.module.parameters())
        self._buffers = list(zip(self.module.buffers(), generator.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the generator by one step: average <- decay · average + (1 - decay) · weights.

        Args:
            step: rounds done before this one.
        """
        decay = self.decay if isinstance(self.decay, float) else self.decay(step)
        torch._foreach_lerp_(self._to, self._from, 1 - decay)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
