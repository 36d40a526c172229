"""A ring of 2-D Gaussians."""

from __future__ import annotations

import numpy as np

from ganbench.zoo.datasets.bounds import MOST_MODES, MOST_SAMPLES, count, refuse, seed_in_range, size
from ganbench.zoo.datasets.mixture import GaussianMixture


class GaussianRing(GaussianMixture):
    """Equally likely Gaussians, evenly spaced on a circle about the origin; the first at (radius, 0).

    The toy of WGAN-GP (Gulrajani et al., 2017, gan_toy.py) has radius 2/1.414 and std .02/1.414.

    Attributes:
        modes: float32 (k, 2), the centres, all of them distinct.
        std: standard deviation of each coordinate about its centre.
    """

    def __init__(self, *, modes: int, radius: float, std: float, samples: int, seed: int) -> None:
        """Draws both splits.

        Raises:
            DatasetError: an option out of its range.
        """
        refuse(
            "gaussian_ring",
            [
                count("modes", modes, MOST_MODES),
                size("radius", radius),
                size("std", std),
                count("samples", samples, MOST_SAMPLES),
                seed_in_range(seed),
            ],
        )
        # Not linspace(0, 2 pi, k), which meets its own beginning and leaves k - 1 distinct modes.
        angles = 2 * np.pi * np.arange(modes) / modes
        centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        super().__init__(centres=centres, stds=[std] * modes, weights=None, samples=samples, seed=seed)
        self.std = float(std)
