"""Whether two groups differ: intervals, and the test that decides.

Everything here works on many comparisons at once: the last axis of an array holds the seeds, any axes before
it the comparisons. So the error rates in `results/error-rates` are those of the very functions that decide.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import scipy  # whose modules are imported when they are asked for: without seeds to compare, never
from numpy.typing import ArrayLike, NDArray

from ganbench.analysis.permutation import permutation, sign_flip

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
ALPHA = 0.05

PAIRED_T = "paired t"
WELCH_T = "Welch t"
SIGNED_RANKS = "signed ranks"
RANK_SUM = "rank sum"
SIGN_FLIP = "sign flips"
PERMUTATION = "permutation"

# Numbers that vary by less than this share of the largest vary by rounding alone.
_ROUNDING = 1e-12


class Estimate(NamedTuple):
    """A difference of means, new - old, by its t test; each (...).

    Attributes:
        difference: of the means.
        low: lower end of its t interval.
        high: its upper end.
        p: two-sided.
        error: standard error of the difference.
        freedom: degrees of freedom of its t.
    """

    difference: Floats
    low: Floats
    high: Floats
    p: Floats
    error: Floats
    freedom: Floats


class Decision(NamedTuple):
    """What decides between two groups; each (...).

    Attributes:
        p: two-sided; NaN where there are too few seeds, or numbers too large to compute with.
        favours: 1 where the new group is better, -1 where the old one is, 0 where neither.
        test: which test it was, one of this module's names; empty where p is NaN for want of seeds.
    """

    p: Floats
    favours: NDArray[np.int64]
    test: NDArray[np.str_]


def mean_interval(scores: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Compute the t interval of a mean.

    Args:
        scores: (..., n), n at least 2, finite.
        confidence: 0 to 1.

    Returns:
        Its ends, each (...).
    """
    values = np.asarray(scores, dtype=np.float64)
    with _quiet():
        mean, error = values.mean(axis=-1), scipy.stats.sem(values, axis=-1)
        half = scipy.stats.t.ppf((1 + confidence) / 2, values.shape[-1] - 1) * error
        return np.asarray(mean - half), np.asarray(mean + half)


def paired_t(old: ArrayLike, new: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Compute the paired t test and its interval.

    Args:
        old: (..., n), n at least 2, finite.
        new: the same shape, pair by pair.
        confidence: of the interval, 0 to 1.
    """
    first, second = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    with _quiet():
        test = scipy.stats.ttest_rel(second, first, axis=-1)
        interval = test.confidence_interval(confidence)
        difference = (second - first).mean(axis=-1)
        error = scipy.stats.sem(second - first, axis=-1)
    ends = (interval.low, interval.high)
    return Estimate(*map(np.asarray, (difference, *ends, test.pvalue, error, test.df)))


def welch_t(old: ArrayLike, new: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Compute Welch's t test, for groups that share no seeds and may differ in spread, and its interval.

    Args:
        old: (..., n_old), n_old at least 2, finite.
        new: (..., n_new), likewise.
        confidence: of the interval, 0 to 1.
    """
    first, second = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    with _quiet():
        test = scipy.stats.ttest_ind(second, first, axis=-1, equal_var=False)
        interval = test.confidence_interval(confidence)
        difference = second.mean(axis=-1) - first.mean(axis=-1)
        error = np.hypot(scipy.stats.sem(first, axis=-1), scipy.stats.sem(second, axis=-1))
    ends = (interval.low, interval.high)
    return Estimate(*map(np.asarray, (difference, *ends, test.pvalue, error, test.df)))


def decide(old: ArrayLike, new: ArrayLike, *, paired: bool) -> Decision:
    """Test whether one group is better, by the test that fits the outcomes.

    - All finished: the paired t test, or Welch's.
    - Any failed: ranks, with failures tied as the worst. Paired: the signed ranks of the differences, where
      a pair with one failure differs by more than any without, and one with two failures is a tie and
      leaves the ranking (Wilcoxon, 1945), tested by sign flips. Else the rank sum (Mann & Whitney, 1947),
      tested by permutation. Both are exact given the ranks, ties and all.
    - No spread at all, where t is undefined: sign flips, or permutation, of the scores themselves.

    Args:
        old: (..., n_old) costs, that is scores turned so that lower is better; infinity for a failure.
        new: (..., n_new) likewise; the same shape as `old` and pair by pair where `paired`.
        paired: whether they are pairs.
    """
    first, second = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    shape = first.shape[:-1]
    first, second = first.reshape(-1, first.shape[-1]), second.reshape(-1, second.shape[-1])
    p = np.full(len(first), np.nan)
    favours = np.zeros(len(first), dtype=np.int64)
    test = np.full(len(first), "", dtype="U32")
    if min(first.shape[-1], second.shape[-1]) >= 2:
        finite = np.isfinite(np.concatenate([first, second], axis=-1))
        failed: NDArray[np.bool_] = ~finite.all(axis=-1)
        flat = ~failed
        flat[flat] = even(first[flat], second[flat], paired=paired)
        whole = ~failed & ~flat
        if whole.any():
            estimate = (paired_t if paired else welch_t)(first[whole], second[whole])
            p[whole], favours[whole] = estimate.p, _sides(estimate.difference)
            test[whole] = PAIRED_T if paired else WELCH_T
        if flat.any():
            p[flat], favours[flat] = _resampled(first[flat], second[flat], paired)
            test[flat] = SIGN_FLIP if paired else PERMUTATION
        if failed.any():
            ranks = (_signed_ranks if paired else _ranks)(first[failed], second[failed])
            p[failed], favours[failed] = _resampled(*ranks, paired)
            test[failed] = SIGNED_RANKS if paired else RANK_SUM
    return Decision(p.reshape(shape), favours.reshape(shape), test.reshape(shape))


def even(old: Floats, new: Floats, *, paired: bool) -> NDArray[np.bool_]:
    """Tell whether there is no spread to test against: of the differences of pairs, else within both groups.

    Args:
        old: (..., n_old), finite.
        new: (..., n_new), finite; the same shape as `old` where `paired`.
        paired: whether they are pairs.

    Returns:
        (...).
    """
    with np.errstate(all="ignore"):
        least = _ROUNDING * np.maximum(np.abs(old).max(axis=-1), np.abs(new).max(axis=-1))
        if paired:
            return np.asarray(np.ptp(new - old, axis=-1) <= least)
        return np.asarray(np.maximum(np.ptp(old, axis=-1), np.ptp(new, axis=-1)) <= least)


def _resampled(old: Floats, new: Floats, paired: bool) -> tuple[Floats, NDArray[np.int64]]:
    """Compute the p of the resampling test, and which group is better."""
    with _quiet():
        gap = (new - old).mean(axis=-1) if paired else new.mean(axis=-1) - old.mean(axis=-1)
        return (sign_flip(new - old) if paired else permutation(old, new)), _sides(gap)


def _signed_ranks(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Turn two groups into two whose differences are the signed ranks; a tie has rank 0."""
    with np.errstate(invalid="ignore"):
        # inf - inf: both failed, which is a tie.
        differences = np.nan_to_num(new - old, nan=0.0, posinf=np.inf, neginf=-np.inf)
    ties = (differences == 0).sum(axis=-1, keepdims=True)
    ranks = scipy.stats.rankdata(np.abs(differences), axis=-1) - ties
    return np.zeros_like(old), np.sign(differences) * ranks


def _ranks(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Rank both groups together, failures tied for the last rank."""
    ranks = scipy.stats.rankdata(np.concatenate([old, new], axis=-1), axis=-1)
    return ranks[..., : old.shape[-1]], ranks[..., old.shape[-1] :]


def _sides(gap: Floats) -> NDArray[np.int64]:
    return np.nan_to_num(-np.sign(gap)).astype(np.int64)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings of overflow and of groups without spread: NaN says so already."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
