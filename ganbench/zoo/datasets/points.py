"""Points that are drawn from a seed: what the data sets made of them have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.zoo.datasets.fingerprint import fingerprint_of

Draw = Callable[[np.random.RandomState], Samples]


class Points:
    """Both splits in memory, drawn alike, each from a stream of its own."""

    def __init__(self, draw: Draw, *, seed: int, classes: int | None = None) -> None:
        """Draws.

        Args:
            draw: makes one split, its x float32 (N, d), of a stream of random numbers.
            seed: of both streams, 0 to 2^63 - 1.
            classes: number of classes where the samples have labels.
        """
        self._splits: dict[Split, Samples] = {"train": draw(stream(seed, 0)), "test": draw(stream(seed, 1))}
        self.signature = Signature(
            shape=tuple(self._splits["train"].x.shape[1:]), kind="points", classes=classes
        )
        self.fingerprint = fingerprint_of(self._splits.values())

    def load(self, split: Split) -> Samples:
        """Points float32 (N, d); where they have labels, int64 (N,)."""
        return self._splits[split]


def stream(seed: int, split: int) -> np.random.RandomState:
    """The random numbers of one split: 0 for train, 1 for test."""
    # RandomState's stream is frozen by NumPy's policy (NEP 19): the same points in every version.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, split])))
