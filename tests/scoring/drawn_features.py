"""Features as an extractor might give them, and counted references."""

from __future__ import annotations

import torch
from threadpoolctl import threadpool_limits

from ganbench.api import Features
from ganbench.scoring.reference import Reference


def drawn(count: int, width: int, *, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    """Correlated, like a hidden layer after its ReLU where the shift is 0."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator) / width**0.5
    return (scale * torch.randn(count, width, generator=generator) @ mixing + shift).relu()


def side(features: torch.Tensor) -> Features:
    return Features(features=features)


class Kept:
    """A reference that keeps on disk what is derived from it, and counts how often it is extracted."""

    def __init__(self, features: torch.Tensor, key: str = "x") -> None:
        self.extractions = 0
        self._features, self._key = features, key

    def reference(self) -> Reference:
        """As a new process would have it: nothing in memory."""

        def extract() -> Features:
            self.extractions += 1
            return Features(features=self._features)

        return Reference({"content": self._key}, extract)


def one_thread() -> threadpool_limits:
    """For torch-fidelity: on some processors two threads give other bits than one."""
    return threadpool_limits(limits=1, user_api="blas")
