"""One group of a comparison: the cells of one value of the compared axis in one context."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ganbench.analysis.numbers import finite
from ganbench.analysis.significance import mean_interval

# A cell that finished, but whose score is not finite, is worse than any score too.
NOT_FINITE = "not finite"


@dataclass(frozen=True, kw_only=True)
class Group:
    """One value of the compared axis in one context, with its final scores of one metric.

    A seed is in `scores`, in `failures` or in neither; never in both.

    Attributes:
        label: the value.
        scores: final score by seed, finite, repeats averaged.
        failures: how the cells without such a score failed, by seed: `diverged`, `error`, `oom`, or
            NOT_FINITE for one that finished with a score that is infinite or NaN.
        repeats: how many sample sets stand behind each of the scores.
        noise: standard deviation of the metric itself, between sample sets of one generator; NaN where
            every score is of one set.
        notes: what a reader of the scores must know.
        warnings: in how many cells each thing went wrong without ending the cell, by name.
        ok: cells that finished.
        skipped: cells that cannot be built.
        unfinished: cells still to be done.
    """

    label: str
    scores: Mapping[int, float]
    failures: Mapping[int, str] = field(default_factory=dict)
    repeats: tuple[int, ...] = ()
    noise: float = math.nan
    notes: tuple[str, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    ok: int = 0
    skipped: int = 0
    unfinished: int = 0

    @property
    def n(self) -> int:
        """Number of scores."""
        return len(self.scores)

    @property
    def failed(self) -> int:
        """Cells that diverged, ended in an error or ran out of memory."""
        return sum(kind != NOT_FINITE for kind in self.failures.values())

    @property
    def mean(self) -> float:
        """Mean of its scores; NaN where there is none."""
        with np.errstate(all="ignore"):
            return finite(np.mean(self._values)) if self.scores else math.nan

    @property
    def median(self) -> float:
        """Median of its scores; NaN where there is none."""
        with np.errstate(all="ignore"):
            return finite(np.median(self._values)) if self.scores else math.nan

    @property
    def sd(self) -> float:
        """Sample standard deviation of its scores, noise² / repeats of its square; NaN for fewer than two."""
        with np.errstate(all="ignore"):
            return finite(np.std(self._values, ddof=1)) if len(self.scores) > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% t interval of its mean; NaN for fewer than two scores."""
        if len(self.scores) < 2:
            return math.nan, math.nan
        low, high = mean_interval(self._values)
        return finite(low), finite(high)

    @property
    def _values(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([self.scores[seed] for seed in sorted(self.scores)], dtype=np.float64)
