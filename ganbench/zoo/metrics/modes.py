"""How many modes of a mixture are hit, how often, and how evenly (PacGAN and VEEGAN).

Each sample belongs to its nearest mode (Euclidean distance; the first one of a tie), and is of high quality
where it is less than `stds` standard deviations away from it: three, in PacGAN's published code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.zoo.metrics.coordinates import coordinates, require_points


class _NearModes:
    """The counting of samples near modes, which three metrics share."""

    needs: Needs = "samples"
    minimum = 1
    # Distances held at once: 128 MiB of float64, for any number of samples and modes.
    max_distances = 2**24

    def __init__(self, stds: Annotated[float, Gt(0)] = 3.0) -> None:
        """Take the distance.

        Args:
            stds: within so many standard deviations of a mode a sample is of high quality.
        """
        self.stds = stds

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data have no modes."""
        require_points(dataset)
        _mixture(dataset)

    def _counts(self, samples: Samples | Features, dataset: Dataset) -> Tensor:
        """Count the samples of high quality of each mode, int64 (k,)."""
        points = coordinates(samples)
        modes, std = _mixture(dataset)
        counts = torch.zeros(len(modes), dtype=torch.int64)
        for block in torch.split(points, max(1, self.max_distances // len(modes))):
            # Not by way of a matrix product, which loses digits where the modes are far from the origin.
            distances = torch.cdist(block, modes, compute_mode="donot_use_mm_for_euclid_dist")
            distance, nearest = distances.min(dim=1)
            counts += torch.bincount(nearest[distance < self.stds * std], minlength=len(modes))
        return counts


class Modes(_NearModes):
    """The number of modes with a sample of high quality."""

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `modes`: from 0 to the number of modes, higher is better."""
        return {"modes": float((self._counts(generated, dataset) > 0).sum())}


class HighQuality(_NearModes):
    """The share of samples of high quality."""

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `high_quality`: a fraction from 0 to 1, higher is better; papers give it in percent."""
        counts = self._counts(generated, dataset)
        return {"high_quality": int(counts.sum()) / len(coordinates(generated))}


class ReverseKl(_NearModes):
    """How unevenly the generated samples are spread over the modes."""

    # A single sample gives the same of every mode, where these are equally likely.
    minimum = 2

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data have no modes, or only one."""
        super().check(dataset)
        if len(_mixture(dataset)[0]) < 2:
            raise ValueError("it compares the shares of modes, and the data have only one")

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """KL(q || p) in nats; 0 where every mode has its share, lower is better.

        q and p are the modes' shares of the generated and of the reference samples, of those of high quality
        only. PacGAN's published code takes p as uniform, which the reference's shares tend to where the modes
        are equally likely; here they need not be.

        Returns:
            `reverse_kl`: NaN where no sample of a side is of high quality, so that it has no shares; infinite
            where a mode that the reference never hits is generated.
        """
        generated_counts = self._counts(generated, dataset).double()
        reference_counts = self._counts(reference, dataset).double()
        if not generated_counts.any() or not reference_counts.any():
            return {"reverse_kl": math.nan}
        q = generated_counts / generated_counts.sum()
        p = reference_counts / reference_counts.sum()
        hit = q > 0
        # Rounding can leave a sum of terms that cancel just below zero.
        return {"reverse_kl": max(0.0, float((q[hit] * (q[hit] / p[hit]).log()).sum()))}


def _mixture(dataset: Dataset) -> tuple[Tensor, float]:
    """Return the data's modes, float64 (k, d), and their standard deviation.

    Raises:
        ValueError: it has none, or they are no such thing.
    """
    modes, std = getattr(dataset, "modes", None), getattr(dataset, "std", None)
    if modes is None or std is None:
        missing = " and ".join(
            f"`{name}`" for name, value in (("modes", modes), ("std", std)) if value is None
        )
        raise ValueError(f"it needs data with known modes, and the data have no {missing}")
    modes, std = torch.as_tensor(modes, dtype=torch.float64), float(std)
    width = dataset.signature.shape[0]
    if modes.ndim != 2 or len(modes) == 0 or modes.shape[1] != width:
        raise ValueError(f"the data's modes must be (k, {width}), given shape {tuple(modes.shape)}")
    if not 0 < std < math.inf:
        raise ValueError(f"the data's std must be above 0 and finite, given {std:g}")
    return modes, std
