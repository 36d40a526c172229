"""Metrics on coordinates: how they read and thin out points; the Fréchet distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.frechet import frechet_distance


def require_points(dataset: Dataset) -> None:
    """Refuses data that are no points.

    Raises:
        ValueError: the data are images.
    """
    if dataset.signature.kind != "points":
        raise ValueError("it takes points, and the data are images")


def coordinates(samples: Samples | Features) -> Tensor:
    """Return the points of one side, float64 (N, d).

    Raises:
        TypeError: features were given.
        ValueError: the samples are no points, or a coordinate is not finite.
    """
    if not isinstance(samples, Samples):
        raise TypeError("the metric takes samples, not features")
    x = samples.x
    if x.ndim != 2 or not x.is_floating_point():
        raise ValueError(f"the metric takes points, float (N, d), given {x.dtype} of shape {tuple(x.shape)}")
    if not bool(torch.isfinite(x).all()):
        raise ValueError("a point has a coordinate that is not finite")
    return x.to(torch.float64)


def subset(x: Tensor, count: int) -> Tensor:
    """Draw the same random rows for every set of one size: data may be sorted by class, or in a cycle.

    Args:
        x: (N, ...).
        count: how many rows; all of them, in another order, where there are no more.
    """
    # RandomState's stream is frozen by NumPy's policy (NEP 19): the same rows in every version.
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([0])))
    return x[torch.from_numpy(random.permutation(len(x))[:count])]


class PointFrechet:
    """The formula of FID with the points themselves as features."""

    needs: Needs = "samples"
    minimum = 2

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are images."""
        require_points(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `frechet`: 0 for equal means and covariances, lower is better; blind to anything else.

        In the squared unit of the coordinates; can come out negative by rounding where both sides are equal.
        """
        return {
            "frechet": frechet_distance(
                Features(features=coordinates(generated).float()),
                Features(features=coordinates(reference).float()),
            )
        }
