"""A segment of a line in the plane, beside the parallel one where a generator begins."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Coordinate, Length, SampleCount, Seed
from ganbench.zoo.datasets.points import Points


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
