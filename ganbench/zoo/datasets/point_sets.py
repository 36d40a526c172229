"""Sets of points that are drawn from a seed, and the simplest of them: a point mass, a segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.zoo.datasets.bounds import Coordinate, Length, SampleCount, Seed
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
    """Make the random stream of one split: 0 for train, 1 for test."""
    # RandomState's stream is frozen by NumPy's policy (NEP 19): the same points in every version.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, split])))


class PointMass(Points):
    """A point mass, as the Dirac-GAN has it; it has no density.

    Attributes:
        modes: float32 (1, d), the place.
    """

    def __init__(
        self,
        *,
        d: Annotated[int, Interval(ge=1, le=1000)] = 1,
        location: Coordinate = 0.0,
        samples: SampleCount = 1000,
    ) -> None:
        """Lay equal points into each split.

        Args:
            d: coordinates of a point.
            location: the value of each coordinate.
            samples: points in each split.
        """
        # The same whatever the stream.
        super().__init__(lambda _: Samples(x=torch.full((samples, d), float(location))), seed=0)
        self.modes = torch.full((1, d), float(location))


class ParallelLines(Points):
    """Points (offset, z), z ~ U(-length/2, length/2): uniform on a segment, so there is no density.

    A generator that gives (θ, z) lies on a parallel segment. Whatever θ ≠ offset is, the two distributions
    have no point in common: their Jensen-Shannon divergence is log 2, and its gradient says nothing, while
    their Wasserstein distance is |offset - θ| (Arjovsky et al., 2017, example 1). Any generator with
    one-dimensional noise lies on a curve, which the segment meets in a null set: log 2 again.
    """

    def __init__(
        self,
        *,
        offset: Coordinate = 1.0,
        length: Length = 2.0,
        samples: SampleCount = 100_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits."""

        def draw(random: np.random.RandomState) -> Samples:
            along = length * (random.random_sample(samples) - 0.5)
            points = np.stack([np.full(samples, float(offset)), along], axis=1)
            return Samples(x=torch.from_numpy(points.astype(np.float32)))

        super().__init__(draw, seed=seed)
