"""A ring of 2-D Gaussians."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Interval

from ganbench.zoo.datasets.bounds import MAX_MODES, Length, SampleCount, Seed
from ganbench.zoo.datasets.mixture import GaussianMixture


class GaussianRing(GaussianMixture):
    """Equally likely Gaussians, evenly spaced on a circle about the origin; the first at (radius, 0).

    The toy of WGAN-GP (Gulrajani et al., 2017, gan_toy.py) has radius 2/1.414 and std .02/1.414.

    Attributes:
        modes: float32 (k, 2), the centres, all of them distinct.
        std: standard deviation of each coordinate about its centre.
    """

    def __init__(
        self,
        *,
        modes: Annotated[int, Interval(ge=1, le=MAX_MODES)] = 8,
        radius: Length = 1.0,
        std: Length = 0.01,
        samples: SampleCount = 100_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits."""
        # Not linspace(0, 2 pi, k), which meets its own beginning and leaves k - 1 distinct modes.
        angles = 2 * np.pi * np.arange(modes) / modes
        centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        super().__init__(centres=centres, stds=[std] * modes, weights=None, samples=samples, seed=seed)
        self.std = float(std)
