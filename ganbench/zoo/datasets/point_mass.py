"""All of the data in one place."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval

from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Coordinate, SampleCount
from ganbench.zoo.datasets.points import Points


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
        """Lays `samples` equal points into each split."""
        # The same whatever the stream.
        super().__init__(lambda _: Samples(x=torch.full((samples, d), float(location))), seed=0)
        self.modes = torch.full((1, d), float(location))
