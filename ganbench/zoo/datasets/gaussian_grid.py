"""A square grid of 2-D Gaussians."""

from __future__ import annotations

import numpy as np

from ganbench.zoo.datasets.bounds import MOST_SAMPLES, count, refuse, seed_in_range, size
from ganbench.zoo.datasets.mixture import GaussianMixture

_MOST_ON_A_SIDE = 100


class GaussianGrid(GaussianMixture):
    """Equally likely Gaussians on a square grid about the origin.

    The toy of WGAN-GP (Gulrajani et al., 2017, gan_toy.py) has spacing 2/2.828 and std .05/2.828.

    Attributes:
        modes: float32 (side^2, 2), the centres; the second coordinate changes first.
        std: standard deviation of each coordinate about its centre.
    """

    def __init__(self, *, side: int, spacing: float, std: float, samples: int, seed: int) -> None:
        """Draws both splits.

        Raises:
            DatasetError: an option out of its range.
        """
        refuse(
            "gaussian_grid",
            [
                count("side", side, _MOST_ON_A_SIDE),
                size("spacing", spacing),
                size("std", std),
                count("samples", samples, MOST_SAMPLES),
                seed_in_range(seed),
            ],
        )
        along = spacing * (np.arange(side) - (side - 1) / 2)
        centres = np.stack([np.repeat(along, side), np.tile(along, side)], axis=1)
        super().__init__(centres=centres, stds=[std] * side**2, weights=None, samples=samples, seed=seed)
        self.std = float(std)
