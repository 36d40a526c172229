"""A mixture of Gaussians on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Len

from ganbench.zoo.datasets.bounds import MAX_MODES, Coordinate, Length, SampleCount, Seed, refuse
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
