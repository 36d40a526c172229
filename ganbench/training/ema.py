"""The generator's exponential moving average."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class EMA:
    """A copy of the generator whose weights follow it slowly; buffers are copied as they are.

    Attributes:
        module: the averaged generator; it is what is scored.
    """

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(generator).requires_grad_(False)
        self._weight = 1 - decay
        self._from: list[Tensor] = list(generator.parameters())
        self._to: list[Tensor] = list(self.module.parameters())
        self._buffers = list(zip(self.module.buffers(), generator.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Follow the generator by one step: average <- decay · average + (1 - decay) · weights."""
        torch._foreach_lerp_(self._to, self._from, self._weight)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
