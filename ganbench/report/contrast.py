"""One arm against the baseline: paired by seed, tested, with its failures beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 0.05
POWER = 0.8

# Differences that vary by less than this share of the scores vary by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One value of the compared axis in one context.

    Attributes:
        label: the value.
        scores: final score by seed, finite, repeats averaged.
        repeats: how many sample sets stand behind each of them.
        noise: standard deviation of the metric itself, between sample sets of one generator; NaN where
            every score is of one set.
        notes: what a reader of the scores must know.
        ok: cells that finished.
        failed: cells that diverged, failed or ran out of memory.
        skipped: cells that cannot be built.
        unfinished: cells still to be done.
    """

    label: str
    scores: Mapping[int, float]
    repeats: tuple[int, ...] = ()
    noise: float = math.nan
    notes: tuple[str, ...] = ()
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    unfinished: int = 0

    @property
    def mean(self) -> float:
        """Mean of its scores; NaN where there is none."""
        return _finite(np.mean(list(self.scores.values()))) if self.scores else math.nan

    @property
    def sd(self) -> float:
        """Sample standard deviation of its scores, noise² / repeats of its square; NaN for fewer than two."""
        with np.errstate(all="ignore"):
            return _finite(np.std(list(self.scores.values()), ddof=1)) if len(self.scores) > 1 else math.nan


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The paired comparison of two arms; each number is NaN where it is not defined.

    Attributes:
        n: pairs, that is seeds for which both arms have a score.
        difference: mean of value - baseline over the pairs.
        sd: sample standard deviation of those differences.
        low: lower end of the 95% t interval of the difference.
        high: its upper end.
        p: two-sided p of the paired t test.
        probability_of_improvement: share of pairs in which the value is better; ties count half.
    """

    n: int
    difference: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    probability_of_improvement: float = math.nan


def paired(baseline: Arm, value: Arm, direction: str) -> Paired:
    """Compare two arms seed by seed.

    Where every pair differs by the same amount there is no spread to test against: the interval is that one
    number, and p is 1 for no difference at all, else NaN.

    Args:
        baseline: the arm that is subtracted.
        value: the other arm.
        direction: which score is better, `lower` or `higher`.
    """
    seeds = sorted(baseline.scores.keys() & value.scores.keys())
    if not seeds:
        return Paired(n=0)
    old = np.array([baseline.scores[seed] for seed in seeds])
    new = np.array([value.scores[seed] for seed in seeds])
    better = new < old if direction == "lower" else new > old
    improvement = float(np.mean(np.where(new == old, 0.5, better)))
    # Scores near the largest float overflow to infinity here, which ends as NaN rather than as a warning.
    with np.errstate(all="ignore"):
        difference = _finite(np.mean(new - old))
        sd = _finite(np.std(new - old, ddof=1)) if len(seeds) > 1 else math.nan
    if math.isnan(sd) or math.isnan(difference):
        return Paired(n=len(seeds), difference=difference, probability_of_improvement=improvement)
    if sd <= _ROUNDING * float(np.max(np.abs([old, new]))):
        p = 1.0 if bool(np.all(new == old)) else math.nan
        return Paired(
            n=len(seeds),
            difference=difference,
            sd=sd,
            low=difference,
            high=difference,
            p=p,
            probability_of_improvement=improvement,
        )
    with np.errstate(all="ignore"):
        test = stats.ttest_rel(new, old)
        interval = test.confidence_interval(CONFIDENCE)
    return Paired(
        n=len(seeds),
        difference=difference,
        sd=sd,
        low=_finite(interval.low),
        high=_finite(interval.high),
        p=_finite(test.pvalue),
        probability_of_improvement=improvement,
    )


@lru_cache(maxsize=256)
def detectable(n: int) -> float:
    """The effect that a paired t test finds with probability .8, in sd of the differences; n at least 2."""
    from statsmodels.stats.power import TTestPower

    solved = TTestPower().solve_power(nobs=n, alpha=ALPHA, power=POWER, alternative="two-sided")
    return float(np.squeeze(solved))


def _finite(number: float | np.floating) -> float:
    return float(number) if math.isfinite(number) else math.nan
