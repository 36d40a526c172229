"""One group against the baseline: tested by the test that fits, its failures never dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.analysis.context import compared_axes
from ganbench.analysis.group import Group
from ganbench.analysis.numbers import finite
from ganbench.analysis.permutation import arrangements, permutation, sign_flip
from ganbench.analysis.significance import (
    PAIRED_T,
    RANK_SUM,
    SIGNED_RANKS,
    WELCH_T,
    decide,
    even,
    paired_t,
    welch_t,
)

Floats = NDArray[np.float64]

# What the streams of randomness depend on, beside the seed: groups that differ in one of these start from
# other weights, or see other data, so one seed in both makes no pair.
UNPAIRED = ("architecture", "dataset")

COHEN, HEDGES = "Cohen's d_z", "Hedges' g"


@dataclass(frozen=True, kw_only=True)
class PairwiseResult:
    """The comparison of two groups; each number is NaN where it is not defined.

    The difference and its interval are of means over seeds that have a score: the pairs where seeds are
    pairs, else all of each group. The tests see failures too.

    Attributes:
        paired: whether seeds are true pairs.
        n: seeds for which both groups have a score.
        seen: outcomes of the baseline and of the value that the test saw, failures included.
        difference: mean of value - baseline.
        sd: sample standard deviation of those differences where seeds are pairs, else of the scores within
            a group, pooled.
        low: lower end of the 95% t interval of the difference, Welch's where seeds are no pairs.
        high: its upper end.
        error: standard error of the difference; NaN unless a t test decides.
        freedom: degrees of freedom of its t, likewise.
        test: the test that decides, by its name in `significance`; empty where nothing can be tested.
        p: its two-sided p.
        p_permutation: p of the sign flips where seeds are pairs, else of the permutations; of ranks where
            any cell failed, which is then what decides.
        favours: which group the deciding test leans to: 1 the value, -1 the baseline, 0 neither.
        effect_size: the difference in units of spread, of its sign: COHEN, `difference / sd`, where seeds
            are pairs; else HEDGES, the same corrected for its bias at small n.
        probability_of_improvement: share of pairs in which the value is better, ties half; of all n × n
            couples where seeds are no pairs. Failures count as the worst.
        correlation: Pearson's, between the groups over the seeds that both have: pairing helps only above 0.
    """

    paired: bool
    n: int
    seen: tuple[int, int]
    difference: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    error: float = math.nan
    freedom: float = math.nan
    test: str = ""
    p: float = math.nan
    p_permutation: float = math.nan
    favours: int = 0
    effect_size: float = math.nan
    probability_of_improvement: float = math.nan
    correlation: float = math.nan

    @property
    def ranked(self) -> bool:
        """Whether ranks decide, because a cell failed."""
        return self.test in (SIGNED_RANKS, RANK_SUM)

    @property
    def effect_name(self) -> str:
        """What the effect size is."""
        return COHEN if self.paired else HEDGES

    @property
    def smallest_p(self) -> float:
        """The smallest p that a resampling test of these numbers of outcomes can have."""
        return 2 / (arrangements(self.seen[0]) if self.paired else arrangements(*self.seen))


class _Gap(NamedTuple):
    """The difference with its spread, interval and effect size."""

    difference: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    effect_size: float = math.nan
    error: float = math.nan
    freedom: float = math.nan


def seeds_pair(axis: str) -> bool:
    """Tell whether one seed in two groups is a true pair: not where the groups differ in data or networks."""
    return not set(compared_axes(axis)) & set(UNPAIRED)


def compare_pair(baseline: Group, value: Group, direction: str, *, paired: bool = True) -> PairwiseResult:
    """Compare two groups.

    Args:
        baseline: the group that is subtracted.
        value: the other group.
        direction: which score is better, `lower` or `higher`.
        paired: whether seeds are true pairs; `seeds_pair` says so of an axis.
    """
    shared = sorted(baseline.scores.keys() & value.scores.keys())
    old, new = _taken(baseline, shared), _taken(value, shared)
    correlation = _correlation(old, new)
    cost_old, cost_new = _costs(baseline, value, direction, paired)
    seen = (len(cost_old), len(cost_new))
    if not paired:
        old, new = _taken(baseline, sorted(baseline.scores)), _taken(value, sorted(value.scores))
    gap = _gap(old, new, paired)
    found = PairwiseResult(
        paired=paired,
        n=len(shared),
        seen=seen,
        difference=gap.difference,
        sd=gap.sd,
        low=gap.low,
        high=gap.high,
        effect_size=gap.effect_size,
        correlation=correlation,
    )
    if not all(seen) or not (baseline.scores or value.scores):
        return found
    decision = decide(cost_old, cost_new, paired=paired)
    p, test = finite(decision.p), str(decision.test)
    ranked = test in (SIGNED_RANKS, RANK_SUM)
    return replace(
        found,
        test=test,
        error=gap.error if test in (PAIRED_T, WELCH_T) else math.nan,
        freedom=gap.freedom if test in (PAIRED_T, WELCH_T) else math.nan,
        p=p,
        p_permutation=p if ranked else _permutation(cost_old, cost_new, paired),
        favours=int(decision.favours),
        probability_of_improvement=_improvement(cost_old, cost_new, paired),
    )


def _taken(group: Group, seeds: list[int]) -> Floats:
    return np.array([group.scores[seed] for seed in seeds], dtype=np.float64)


def _costs(baseline: Group, value: Group, direction: str, paired: bool) -> tuple[Floats, Floats]:
    """Turn outcomes of both groups so that lower is better, a failure infinite; in pairs where paired."""
    sign = 1.0 if direction == "lower" else -1.0
    outcomes = [
        {seed: sign * score for seed, score in group.scores.items()} | dict.fromkeys(group.failures, math.inf)
        for group in (baseline, value)
    ]
    shared = outcomes[0].keys() & outcomes[1].keys()
    old, new = (
        np.array([group[seed] for seed in sorted(shared if paired else group)], dtype=np.float64)
        for group in outcomes
    )
    return old, new


def _gap(old: Floats, new: Floats, paired: bool) -> _Gap:
    """Compute the difference between two groups' scores, as far as there are scores for it."""
    if not len(old) or not len(new):
        return _Gap()
    # Scores near the largest float overflow to infinity here, which ends as NaN rather than as a warning.
    with np.errstate(all="ignore"):
        difference = finite(np.mean(new - old) if paired else np.mean(new) - np.mean(old))
        if min(len(old), len(new)) < 2:
            return _Gap(difference)
        sd = finite(np.std(new - old, ddof=1) if paired else _pooled(old, new))
    if math.isnan(sd) or math.isnan(difference):
        return _Gap(difference)
    if even(old, new, paired=paired):
        return _Gap(difference, sd, difference, difference)
    estimate = (paired_t if paired else welch_t)(old, new)
    correction = 1.0 if paired else 1 - 3 / (4 * (len(old) + len(new) - 2) - 1)
    return _Gap(
        difference,
        sd,
        finite(estimate.low),
        finite(estimate.high),
        # Scores as small as 1e-200 differ by numbers whose squares are 0.
        finite(correction * difference / sd) if sd > 0 else math.nan,
        finite(estimate.error),
        finite(estimate.freedom),
    )


def _pooled(old: Floats, new: Floats) -> float:
    squares = np.var(old) * len(old) + np.var(new) * len(new)
    return float(np.sqrt(squares / (len(old) + len(new) - 2)))


def _permutation(old: Floats, new: Floats, paired: bool) -> float:
    if min(len(old), len(new)) < 2:
        return math.nan
    with np.errstate(all="ignore"):
        gaps = new - old if paired else np.concatenate([old, new])
    if not np.isfinite(gaps).all():
        return math.nan
    return float(sign_flip(gaps) if paired else permutation(old, new))


def _improvement(old: Floats, new: Floats, paired: bool) -> float:
    """Compute the share of pairs, or of all couples, in which the new cost is lower; ties count half."""
    first, second = (old, new) if paired else (old[:, None], new[None, :])
    return float(np.mean(np.where(second == first, 0.5, second < first)))


def _correlation(old: Floats, new: Floats) -> float:
    if len(old) < 3:
        return math.nan
    with np.errstate(all="ignore"):
        return finite(np.corrcoef(old, new)[0, 1])
