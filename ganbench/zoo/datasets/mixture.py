"""A mixture of isotropic Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.players import Samples
from ganbench.zoo.datasets.points import Points


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
        """The mixture's probability density.

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
