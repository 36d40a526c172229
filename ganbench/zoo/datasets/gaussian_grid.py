"""A square grid of 2-D Gaussians."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Interval

from ganbench.zoo.datasets.bounds import Length, SampleCount, Seed
from ganbench.zoo.datasets.mixture import GaussianMixture


class GaussianGrid(GaussianMixture):
    """Equally likely Gaussians on a square grid about the origin.

    The toy of WGAN-GP (Gulrajani et al., 2017, gan_toy.py) has spacing 2/2.828 and std .05/2.828.

    Attributes:
        modes: float32 (side^2, 2), the centres; the second coordinate changes first.
        std: standard deviation of each coordinate about its centre.
    """

    def __init__(
        self,
        *,
        side: Annotated[int, Interval(ge=1, le=100)] = 5,
        spacing: Length = 2.0,
        std: Length = 0.05,
        samples: SampleCount = 100_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits."""
        along = spacing * (np.arange(side) - (side - 1) / 2)
        centres = np.stack([np.repeat(along, side), np.tile(along, side)], axis=1)
        super().__init__(centres=centres, stds=[std] * side**2, weights=None, samples=samples, seed=seed)
        self.std = float(std)
