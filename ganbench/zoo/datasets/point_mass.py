"""All of the data in one place."""

from __future__ import annotations

import torch

from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import MOST_SAMPLES, count, place, refuse
from ganbench.zoo.datasets.points import Points

_MOST_DIMENSIONS = 1000


class PointMass(Points):
    """A point mass, as the Dirac-GAN has it; it has no density.

    Attributes:
        modes: float32 (1, d), the place.
    """

    def __init__(self, *, d: int, location: float, samples: int) -> None:
        """Lays `samples` equal points into each split.

        Raises:
            DatasetError: an option out of its range.
        """
        refuse(
            "point_mass",
            [
                count("d", d, _MOST_DIMENSIONS),
                place("location", location),
                count("samples", samples, MOST_SAMPLES),
            ],
        )
        # The same whatever the stream.
        super().__init__(lambda _: Samples(x=torch.full((samples, d), float(location))), seed=0)
        self.modes = torch.full((1, d), float(location))
