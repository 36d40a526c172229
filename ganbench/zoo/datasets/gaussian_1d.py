"""A mixture of Gaussians on a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganbench.zoo.datasets.bounds import (
    MOST_MODES,
    MOST_SAMPLES,
    count,
    place,
    refuse,
    seed_in_range,
    size,
)
from ganbench.zoo.datasets.mixture import GaussianMixture


class Gaussian1d(GaussianMixture):
    """A mixture on a line, whose density is known everywhere.

    Attributes:
        modes: float32 (k, 1), the means.
        std: the standard deviation of all; absent where they differ.
    """

    def __init__(
        self,
        *,
        means: Sequence[float],
        stds: Sequence[float],
        weights: Sequence[float] | None,
        samples: int,
        seed: int,
    ) -> None:
        """Draws both splits.

        Raises:
            DatasetError: an option out of its range.
        """
        refuse(
            "gaussian_1d",
            [
                count("number of means", len(means), MOST_MODES),
                *(place("means", mean) for mean in means),
                *(size("stds", std) for std in stds),
                None if len(stds) in (1, len(means)) else _counts("stds", "be one, or ", stds, means),
                *(size("weights", weight) for weight in weights or ()),
                None
                if weights is None or len(weights) == len(means)
                else _counts("weights", "be ", weights, means),
                count("samples", samples, MOST_SAMPLES),
                seed_in_range(seed),
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
