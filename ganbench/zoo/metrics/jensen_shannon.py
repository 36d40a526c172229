"""The Jensen-Shannon divergence of generated points from a density that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.zoo.metrics.coordinates import coordinates, require_points, subset

Array = NDArray[np.float64]

# Cells an axis, at most, by the number of axes.
_MAX_BINS_PER_AXIS = {1: 100_000, 2: 2_000}
# How far the density's integral may be from 1.
_TOLERANCE = 0.01
# Points for which the density is asked at once: that of 10,000 modes takes 300 MB for these.
_BLOCK = 2048
# Below this a share of a point is rounding.
_MIN_SHARE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cells:
    """A regular partition of the data's range, and what the density has in it.

    Attributes:
        low: float64 (d,), the lower corner.
        width: float64 (d,), of one cell.
        masses: (bins,) * d, the density's integral over each cell; with `rest` they sum to 1.
        rest: what is left of it outside.
    """

    low: Tensor
    width: Tensor
    masses: Array
    rest: float

    def divergence(self, points: Tensor) -> float:
        """JSD of the density and of the smoothed histogram of some points, in nats."""
        place = ((points - self.low) / self.width).floor()
        bins = len(self.masses)
        inside = place[((place >= 0) & (place < bins)).all(dim=1)].to(torch.int64)
        counts = np.zeros(self.masses.shape)
        np.add.at(counts, tuple(inside.T.numpy()), 1)
        p, q = self.masses, smoothed_counts(counts) / len(points)
        p_rest, q_rest = self.rest, 1 - len(inside) / len(points)
        terms = _jsd_terms(p, q) + _jsd_terms(np.array(p_rest), np.array(q_rest))
        # Rounding may leave the range.
        return min(max(terms / 2, 0.0), math.log(2))


class JensenShannon:
    """JSD(p_data, p_g): p_data by numerical integration, p_g by a smoothed histogram.

    The range of the training data, a tenth wider, is cut into equal cells, `bins` an axis; everything outside
    is one cell more. The density is integrated over a cell by its value in the centre. The generated points
    are counted and the counts smoothed by a diffusion from cell to cell, which tends to a Gaussian kernel and
    keeps within the range (Botev et al., 2010, on cells). Its width is the one of 0, 1/4, sqrt(2)/4, 1/2, ...
    cells, up to an eighth of the range, that makes the points likeliest when each is left out in its turn.

    What differs within a cell, or is smoothed away, is not seen; and a generator without any fault has not 0,
    for its points are counted: with 2,500 of them 0.001 on a line, 0.01 to 0.03 on a ring or grid of modes.
    """

    needs: Needs = "samples"
    minimum = 2

    def __init__(self, bins: Annotated[int, Interval(ge=2, le=_MAX_BINS_PER_AXIS[1])] = 400) -> None:
        """Take the number of cells per axis; two axes may have fewer than one."""
        self.bins = bins
        self._latest: tuple[str, _Cells] | None = None

    def check(self, dataset: Dataset) -> None:
        """Refuses data without a usable density.

        Raises:
            ValueError: images, more than two dimensions, no density, or one that the cells do not resolve.
        """
        self._cells(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute the divergence in nats, from 0 to log 2.

        Returns:
            `jsd`: lower is better; in the unit of the curves' `jsd`, which is the discriminator's estimate.
            `jsd_data`: the same of as many reference points (all of them where there are fewer): what a
            generator without fault would have, for the number of points alone.
        """
        cells = self._cells(dataset)
        points = coordinates(generated)
        real = subset(coordinates(reference), len(points))
        return {"jsd": cells.divergence(points), "jsd_data": cells.divergence(real)}

    def _cells(self, dataset: Dataset) -> _Cells:
        """Make the cells of a data set; those of the latest one are kept."""
        if self._latest is None or self._latest[0] != dataset.fingerprint:
            self._latest = (dataset.fingerprint, integrated_cells(dataset, self.bins))
        return self._latest[1]


def integrated_cells(dataset: Dataset, bins: int) -> _Cells:
    """Integrate a data set's density over a grid of cells around its samples.

    Args:
        dataset: points in 1 or 2 dimensions, with a method `density`.
        bins: along each axis.

    Raises:
        ValueError: the data set has no density, or the grid would be too fine.
    """
    require_points(dataset)
    axes = dataset.signature.shape[0]
    if axes not in _MAX_BINS_PER_AXIS:
        raise ValueError(f"it integrates a density in 1 or 2 dimensions, and the data have {axes}")
    if bins > _MAX_BINS_PER_AXIS[axes]:
        raise ValueError(
            f"bins must be at most {_MAX_BINS_PER_AXIS[axes]} in {axes} dimensions, given {bins}"
        )
    density = getattr(dataset, "density", None)
    if density is None:
        raise ValueError("it needs a known density, and the data have none")
    points = coordinates(dataset.load("train"))
    smallest, largest = points.amin(dim=0), points.amax(dim=0)
    if bool((smallest == largest).any()):
        raise ValueError("it needs a density, and the data are constant along an axis")
    margin = 0.05 * (largest - smallest)
    low, width = smallest - margin, (largest - smallest + 2 * margin) / bins
    centres = (
        torch.cartesian_prod(*[torch.arange(bins) + 0.5] * axes).reshape(-1, axes).double() * width + low
    )
    values = torch.cat([density(block).reshape(-1).double() for block in torch.split(centres, _BLOCK)])
    if not bool((values >= 0).all()):
        raise ValueError("the data's density gives numbers that are negative or not finite")
    masses = (values * width.prod()).reshape([bins] * axes)
    total = float(masses.sum())
    if not abs(total - 1) <= _TOLERANCE:
        raise ValueError(
            f"the data's density integrates to {total:.4g} instead of 1 over {bins} bins an axis: "
            "give more of them, if it is a density"
        )
    rest = max(0.0, 1 - total)
    return _Cells(low=low, width=width, masses=(masses / (total + rest)).numpy(), rest=rest / (total + rest))


def smoothed_counts(counts: Array) -> Array:
    """Smooth the counts by the diffusion whose width has the largest leave-one-out likelihood.

    Variance h^2 of a diffusion in steps from cell to cell, reflected at the borders, multiplies each cosine
    mode k of an axis by exp(-h^2 (1 - cos(pi k / bins))): never negative, and no point is lost.
    """
    from scipy.fft import dctn, idctn
    from scipy.special import ive

    if counts.sum() < 2:
        return counts
    rates = 1 - np.cos(np.pi * np.arange(len(counts)) / len(counts))
    decay = rates if counts.ndim == 1 else rates[:, None] + rates
    modes: Array = dctn(counts)
    hit = counts > 0
    best, most = counts, -np.inf
    for width in _widths(len(counts)):
        spread: Any = idctn(modes * np.exp(-(width**2) * decay)).clip(min=0)
        # What a point leaves in its own cell, borders apart.
        own = ive(0, width**2) ** counts.ndim
        likelihood = counts[hit] @ np.log((spread[hit] - own).clip(min=_MIN_SHARE))
        if likelihood > most:
            best, most = spread, likelihood
    return best


def _widths(bins: int) -> list[float]:
    """List the widths that are tried, in cells."""
    steps = max(0, int(2 * np.log2(max(1, bins / 8)))) + 5
    return [0.0, *(2 ** (step / 2) / 4 for step in range(steps))]


def _jsd_terms(p: Array, q: Array) -> float:
    """Sum p log(p / m) + q log(q / m), m = (p + q) / 2."""
    from scipy.special import rel_entr

    # Not halved before the logarithm: half of the smallest number is 0.
    return float(rel_entr(2 * p, p + q).sum() + rel_entr(2 * q, p + q).sum()) / 2
