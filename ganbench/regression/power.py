"""The power of a check, and the number of seeds that it needs.

Exact for normal scores, also of groups that differ in spread and size: the estimated loss is normal, each
group's variance a scaled chi-square, all independent; the verdict depends on nothing else, so its probability
is an average over the two variances, here over a grid of their quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import special, stats

from ganbench.analysis.significance import Floats

# No change passes with this probability, a loss of twice the tolerance is found with that.
PASSES, FINDS = 0.8, 0.9
MAX_SEEDS = 10_000
# Of the bound of a spread that plans are made with.
CONFIDENCE = 0.8

_NODES = 48


def chance_to_pass(
    sd_old: float,
    n_old: float,
    sd_new: float,
    n_new: float,
    tolerance: float,
    alpha: float,
    loss: float = 0.0,
) -> float:
    """Probability that a check passes: that the loss's upper end is at most the tolerance.

    Args:
        sd_old: standard deviation over seeds of the baseline.
        n_old: its seeds, at least 2; infinity for a group that is known exactly.
        sd_new: of what is checked.
        n_new: likewise.
        tolerance: above 0, in the scores' units.
        alpha: one-sided level.
        loss: the true one.
    """
    error = math.sqrt(sd_old**2 / n_old + sd_new**2 / n_new)
    if error == 0:
        return float(loss <= tolerance)
    margin, weights = _margins(sd_old, n_old, sd_new, n_new, alpha)
    return float(np.sum(weights * special.ndtr((tolerance - margin - loss) / error)))


def chance_to_find(
    sd_old: float, n_old: float, sd_new: float, n_new: float, tolerance: float, alpha: float, loss: float
) -> float:
    """Probability of a regression: an estimate above the tolerance that is significantly above no loss.

    Args:
        sd_old: standard deviation over seeds of the baseline.
        n_old: its seeds, at least 2; infinity for a group that is known exactly.
        sd_new: of what is checked.
        n_new: likewise.
        tolerance: above 0, in the scores' units.
        alpha: one-sided level, adjusted for the family.
        loss: the true one.
    """
    error = math.sqrt(sd_old**2 / n_old + sd_new**2 / n_new)
    if error == 0:
        return float(loss > tolerance)
    margin, weights = _margins(sd_old, n_old, sd_new, n_new, alpha)
    return float(np.sum(weights * special.ndtr((loss - np.maximum(tolerance, margin)) / error)))


def sd_bound(sd: float, n: int) -> float:
    """Bound the true standard deviation of normal scores from above, with CONFIDENCE.

    Args:
        sd: as n scores have it.
        n: at least 2.
    """
    return sd * math.sqrt((n - 1) / float(stats.chi2.ppf(1 - CONFIDENCE, n - 1)))


def seeds_each(sd: float, tolerance: float, alpha: float, family: int = 1) -> int | None:
    """Find the fewest seeds per side that pass with PASSES and find with FINDS; None above MAX_SEEDS.

    Args:
        sd: over seeds, of both groups.
        tolerance: above 0, in the scores' units.
        alpha: one-sided level; of a regression it is divided by the family, as in Holm's first step.
        family: how many tests there are.
    """
    passing = seeds_to_pass(sd, tolerance, alpha)
    finding = seeds_to_find(sd, tolerance, alpha, family)
    return None if passing is None or finding is None else max(passing, finding)


def seeds_to_pass(sd: float, tolerance: float, alpha: float, chance: float = PASSES) -> int | None:
    """Find the fewest seeds per side with which no change passes so often; None above MAX_SEEDS."""
    return fewest(lambda n: chance_to_pass(sd, n, sd, n, tolerance, alpha) >= chance)


def seeds_to_find(
    sd: float, tolerance: float, alpha: float, family: int = 1, chance: float = FINDS
) -> int | None:
    """Find the fewest seeds per side that find a loss of twice the tolerance; None above MAX_SEEDS."""
    level = alpha / family
    return fewest(lambda n: chance_to_find(sd, n, sd, n, tolerance, level, 2 * tolerance) >= chance)


def seeds_beside(
    sd_old: float, n_old: int, sd_new: float, tolerance: float, alpha: float, family: int = 1
) -> int | None:
    """Find the fewest seeds that, against a baseline as it is, pass and find as PASSES and FINDS say.

    Args:
        sd_old: standard deviation over seeds of the baseline.
        n_old: its seeds, at least 2.
        sd_new: of what is checked.
        tolerance: above 0, in the scores' units.
        alpha: one-sided level; of a regression it is divided by the family.
        family: how many tests there are.

    Returns:
        None where no number will do, because the baseline is too small, or more than MAX_SEEDS.
    """

    def enough(n: float) -> bool:
        return (
            chance_to_pass(sd_old, n_old, sd_new, n, tolerance, alpha) >= PASSES
            and chance_to_find(sd_old, n_old, sd_new, n, tolerance, alpha / family, 2 * tolerance) >= FINDS
        )

    return fewest(enough)


def seeds_to_part(alpha: float, n_old: int | None = None) -> int:
    """Find the fewest seeds that part groups without any spread by chance no more often than alpha.

    Args:
        alpha: one-sided level.
        n_old: the baseline's seeds; as many as the other's unless given.
    """
    n = 1
    while 1 / math.comb((n if n_old is None else n_old) + n, n) > alpha:
        n += 1
    return n


def _margins(sd_old: float, n_old: float, sd_new: float, n_new: float, alpha: float) -> tuple[Floats, Floats]:
    """Compute what Welch's interval adds to the estimate, for the variances that may be seen."""
    (part_old, weight_old), (part_new, weight_new) = (
        _variances(sd_old, n_old),
        _variances(sd_new, n_new),
    )
    old, new = part_old[:, None], part_new[None, :]
    both = old + new
    freedom = both**2 / (old**2 / (n_old - 1) + new**2 / (n_new - 1))
    margin = stats.t.isf(alpha, freedom) * np.sqrt(both)
    return margin, weight_old[:, None] * weight_new[None, :]


@lru_cache(maxsize=1024)
def _variances(sd: float, n: float) -> tuple[Floats, Floats]:
    """Compute the squared standard errors of a mean that may be seen, and the weight of each."""
    if sd == 0 or math.isinf(n):
        return np.array([sd**2 / n if sd else 0.0]), np.ones(1)
    nodes, weights = special.roots_legendre(_NODES)
    quantiles = stats.chi2.ppf((1 + nodes) / 2, n - 1) / (n - 1)
    return sd**2 / n * quantiles, weights / 2


def fewest(enough: Callable[[int], bool]) -> int | None:
    """Find the smallest number from 2 to MAX_SEEDS that is enough; None where none is."""
    if not enough(MAX_SEEDS):
        return None
    low, high = 1, 2
    while not enough(high):
        low, high = high, min(2 * high, MAX_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
