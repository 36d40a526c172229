"""The Wasserstein distance of two sets of points, by POT."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Interval
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.zoo.metrics.coordinates import coordinates, require_points, subset

# The cost matrix is held whole: 800 MB at this size, and the exact distance takes minutes.
_MAX_SAMPLES_EXACT = 10_000
_ITERATIONS = 100_000_000


class WassersteinDistance:
    """The exact distance of equally weighted points, or the mean over one-dimensional projections."""

    needs: Needs = "samples"
    minimum = 1

    def __init__(
        self,
        method: Literal["exact", "sliced"] = "exact",
        order: Literal[1, 2] = 1,
        samples: Annotated[int, Interval(ge=1, le=1_000_000)] = 2000,
        projections: Annotated[int, Interval(ge=1, le=10_000)] = 100,
    ) -> None:
        """Bind the options.

        Args:
            method: `exact`, or `sliced` (Bonneel et al., 2015) along random directions, always the same.
            order: 1 for the mean distance, 2 for the root of the mean squared one.
            samples: points of each side, a fixed random subset where there are more.
            projections: number of directions; for `sliced` alone.

        Raises:
            ValueError: more samples than the exact distance can be worked out for.
        """
        if method == "exact" and samples > _MAX_SAMPLES_EXACT:
            raise ValueError(
                f"samples must be at most {_MAX_SAMPLES_EXACT} where method is 'exact', given {samples}"
            )
        self.method, self.order, self.samples, self.projections = method, order, samples, projections

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are images."""
        require_points(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `wasserstein` or `sliced_wasserstein` in the coordinates' unit; 0 or more, lower is better.

        Of two sets drawn from one distribution the exact distance is not 0, and shrinks slowly with their
        size: compare numbers of the same `samples` only (another number is another protocol).
        """
        first, second = (subset(coordinates(side), self.samples) for side in (generated, reference))
        # One BLAS thread: the bits must not depend on how many the machine has.
        with threadpool_limits(limits=1, user_api="blas"):
            if self.method == "sliced":
                return {"sliced_wasserstein": self._sliced(first, second)}
            return {"wasserstein": self._exact(first, second)}

    def _exact(self, first: Tensor, second: Tensor) -> float:
        cost = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist") ** self.order
        weights = (np.full(len(side), 1 / len(side)) for side in (first, second))
        least = float(optimal_transport().emd2(*weights, cost.numpy(), numItermax=_ITERATIONS))
        return math.pow(max(least, 0.0), 1 / self.order)

    def _sliced(self, first: Tensor, second: Tensor) -> float:
        return float(
            optimal_transport().sliced_wasserstein_distance(
                first.numpy(), second.numpy(), n_projections=self.projections, p=self.order, seed=0
            )
        )


def optimal_transport() -> ModuleType:
    """Import the package without the other frameworks that it would import wherever they are installed."""
    for framework in ("JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{framework}", "1")
    with warnings.catch_warnings():
        # Its docstrings have backslashes of which the compiler warns, once for each installation.
        for category in (SyntaxWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", "invalid escape sequence", category)
        import ot
    pot: ModuleType = ot
    return pot
