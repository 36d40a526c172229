"""The maximum mean discrepancy of two sets of points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.zoo.metrics.coordinates import coordinates, require_points, subset

# Multiples of the bandwidth: one kernel alone is blind to what is much smaller or larger than it.
_SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
# Squared distances held at once: 32 MiB of float64.
_BLOCK = 2**22
# The median takes all distances at once.
_MEDIAN_OF = 1000
_MAX_SAMPLES = 100_000


class Mmd:
    """The unbiased squared MMD with a mean of Gaussian kernels (Gretton et al., 2012, equation 3).

    k(x, y) is the mean of exp(-|x - y|^2 / (2 (s b)^2)) over s = 1/4, 1/2, 1, 2, 4, with b the bandwidth.
    """

    needs: Needs = "samples"
    minimum = 2

    def __init__(
        self,
        samples: Annotated[int, Interval(ge=2, le=_MAX_SAMPLES)] = 2000,
        bandwidth: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        """Bind the options.

        Args:
            samples: points of each side, a fixed random subset where there are more.
            bandwidth: b, in the unit of the coordinates; None for the median distance between the first 1,000
                of the reference's subset, so that it is the same for everything that is held against it.
        """
        self.samples, self.bandwidth = samples, bandwidth

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are images, or give no bandwidth where they must."""
        require_points(dataset)
        if self.bandwidth is None:
            _median_distance(subset(coordinates(dataset.load("train")), self.samples))

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `mmd`: an estimate of the squared discrepancy, at most 2, lower is better.

        Without bias, and so below 0 about half of the time where both sides are of one distribution.

        Raises:
            ValueError: most points of the reference coincide, and no bandwidth was given.
        """
        first, second = (subset(coordinates(side), self.samples) for side in (generated, reference))
        bandwidth = self.bandwidth if self.bandwidth is not None else _median_distance(second)
        within = sum(
            # A point's kernel with itself is 1, and is left out.
            (_kernel_sum(side, side, bandwidth) - len(side)) / (len(side) * (len(side) - 1))
            for side in (first, second)
        )
        across = _kernel_sum(first, second, bandwidth) / (len(first) * len(second))
        return {"mmd": within - 2 * across}


def _median_distance(points: Tensor) -> float:
    median = float(torch.pdist(points[:_MEDIAN_OF]).median())
    if median == 0:
        raise ValueError("most points of the reference coincide: give mmd a bandwidth")
    return median


def _kernel_sum(first: Tensor, second: Tensor, bandwidth: float) -> float:
    """Sum k(x, y) over all x of the first and y of the second."""
    total = 0.0
    for block in torch.split(first, max(1, _BLOCK // len(second))):
        distances = torch.cdist(block, second, compute_mode="donot_use_mm_for_euclid_dist")
        for scale in _SCALES:
            total += float((distances / (scale * bandwidth)).square_().mul_(-0.5).exp_().sum())
    return total / len(_SCALES)
