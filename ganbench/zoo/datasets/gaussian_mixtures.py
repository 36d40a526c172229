"""Mixtures of Gaussians: in the plane on a ring or a grid, and on a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval, Len
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import MAX_MODES, Coordinate, Length, SampleCount, Seed, refuse
from ganbench.zoo.datasets.point_sets import Points


class GaussianMixture(Points):
    """Gaussians about their centres; a sample's label is the index of the one it was drawn from.

    Attributes:
        modes: float32 (k, d), the centres.
    """

    def __init__(
        self,
        *,
        centres: NDArray[np.float64],
        stds: Sequence[float],
        weights: Sequence[float] | None,
        samples: int,
        seed: int,
    ) -> None:
        """Draws both splits.

        Args:
            centres: (k, d).
            stds: k deviations of each coordinate about its centre.
            weights: how likely each Gaussian is, k numbers above 0 whatever their sum; None for equally.
            samples: number of points in each split.
            seed: of the draws.
        """
        modes, dimensions = centres.shape
        deviations = np.asarray(stds, dtype=np.float64)
        shares = None if weights is None else np.asarray(weights, dtype=np.float64) / math.fsum(weights)

        def draw(random: np.random.RandomState) -> Samples:
            if shares is None:
                labels = random.randint(modes, size=samples)
            else:
                labels = random.choice(modes, size=samples, p=shares)
            away = deviations[labels, None] * random.standard_normal((samples, dimensions))
            points = centres[labels] + away
            return Samples(
                x=torch.from_numpy(points.astype(np.float32)),
                labels=torch.from_numpy(labels.astype(np.int64)),
            )

        super().__init__(draw, seed=seed, classes=modes)
        self.modes = torch.from_numpy(centres.astype(np.float32))
        self._centres = torch.from_numpy(centres)
        self._variances = torch.from_numpy(deviations**2)
        log_shares = -math.log(modes) if shares is None else torch.from_numpy(np.log(shares))
        self._log_heights = log_shares - dimensions / 2 * (2 * math.pi * self._variances).log()

    def density(self, x: Tensor) -> Tensor:
        """Compute the mixture's probability density.

        Args:
            x: float (N, d).

        Returns:
            float (N,), of x's type; computed in float64.
        """
        centres, variances, log_heights = (
            part.to(x.device) for part in (self._centres, self._variances, self._log_heights)
        )
        squared = (x.to(torch.float64).unsqueeze(1) - centres).square().sum(dim=2)
        return torch.logsumexp(log_heights - squared / (2 * variances), dim=1).exp().to(x.dtype)


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


class Gaussian1d(GaussianMixture):
    """A mixture on a line, whose density is known everywhere.

    Attributes:
        modes: float32 (k, 1), the means.
        std: the standard deviation of all; absent where they differ.
    """

    def __init__(
        self,
        *,
        means: Annotated[tuple[Coordinate, ...], Len(1, MAX_MODES)] = (-1.5, 1.5),
        stds: tuple[Length, ...] = (0.5,),
        weights: tuple[Length, ...] | None = None,
        samples: SampleCount = 100_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits.

        Raises:
            DatasetError: numbers of means, deviations and weights that do not go together.
        """
        refuse(
            "gaussian_1d",
            [
                None if len(stds) in (1, len(means)) else _counts("stds", "be one, or ", stds, means),
                None
                if weights is None or len(weights) == len(means)
                else _counts("weights", "be ", weights, means),
            ],
        )
        deviations = tuple(stds) * (len(means) if len(stds) == 1 else 1)
        super().__init__(
            centres=np.asarray(means, dtype=np.float64)[:, None],
            stds=deviations,
            weights=weights,
            samples=samples,
            seed=seed,
        )
        if len(set(deviations)) == 1:
            self.std = float(deviations[0])


def _counts(option: str, wanted: str, given: Sequence[float], means: Sequence[float]) -> str:
    return f"{option} must {wanted}as many as the means, which are {len(means)}, given {len(given)}"
