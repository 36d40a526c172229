"""The power of the tests: the smallest effect that given seeds detect, and the seeds it needs.

Exact for normal scores: paired by the noncentral t, Welch's test by its mixture over the ratio of the groups'
spreads. Given that ratio R = s_old² (n_old - 1) / (s_old² (n_old - 1) + s_new² (n_new - 1)), which is
Beta((n_old - 1)/2, (n_new - 1)/2) for equal spreads and independent of the denominator, Welch's statistic is
a scaled noncentral t with n_old + n_new - 2 degrees of freedom, and its critical value is fixed.

statsmodels has the same power of the paired test (a test says so) and none of Welch's. Its `solve_power`
fails at few seeds and strict levels: for 3 pairs at .05 / 3 it returns 4.29 sd, whose power is .61, not .8.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy  # whose modules are imported when they are asked for: without seeds to compare, never

from ganbench.analysis.significance import ALPHA

POWER = 0.8

_NODES = 64


def paired_power(effect: float, n: int, alpha: float = ALPHA) -> float:
    """Compute the probability that a paired t test finds an effect.

    Args:
        effect: mean difference in standard deviations of the differences.
        n: pairs, at least 2.
        alpha: level of the two-sided test.
    """
    critical = scipy.stats.t.isf(alpha / 2, n - 1)
    return _beyond(critical, n - 1, effect * math.sqrt(n))


def welch_power(effect: float, n_old: int, n_new: int, alpha: float = ALPHA) -> float:
    """Compute the probability that Welch's test finds an effect between groups of equal spread.

    Args:
        effect: difference of the means in standard deviations of a group.
        n_old: seeds of one group, at least 2.
        n_new: seeds of the other, at least 2.
        alpha: level of the two-sided test.
    """
    freedom = n_old + n_new - 2
    half_old, half_new = (n_old - 1) / 2, (n_new - 1) / 2
    # Gauss-Jacobi nodes on [-1, 1] with the Beta density as weight.
    nodes, weights = scipy.special.roots_jacobi(_NODES, half_new - 1, half_old - 1)
    ratio = (1 + nodes) / 2
    part_old = ratio * freedom / (n_old - 1) / n_old
    part_new = (1 - ratio) * freedom / (n_new - 1) / n_new
    welch = (part_old + part_new) ** 2 / (part_old**2 / (n_old - 1) + part_new**2 / (n_new - 1))
    scale = np.sqrt((part_old + part_new) / (1 / n_old + 1 / n_new))
    critical = scipy.stats.t.isf(alpha / 2, welch) * scale
    noncentral = effect / math.sqrt(1 / n_old + 1 / n_new)
    found = [_beyond(value, freedom, noncentral) for value in critical]
    return float(np.average(found, weights=weights))


@lru_cache(maxsize=256)
def detectable_paired(n: int, alpha: float = ALPHA) -> float:
    """Find the effect that a paired t test of n pairs, at least 2, finds with probability .8."""
    return _solved(lambda effect: paired_power(effect, n, alpha))


@lru_cache(maxsize=256)
def detectable_welch(n_old: int, n_new: int, alpha: float = ALPHA) -> float:
    """Find the effect that Welch's test of two groups, each at least 2 seeds, finds with probability .8."""
    return _solved(lambda effect: welch_power(effect, n_old, n_new, alpha))


def _beyond(critical: float, freedom: float, noncentral: float) -> float:
    """Compute the probability that a noncentral t lies beyond a two-sided critical value."""
    above = scipy.stats.nct.sf(critical, freedom, noncentral)
    # scipy has no number for a far tail of 1e-300.
    below = np.nan_to_num(scipy.stats.nct.sf(critical, freedom, -noncentral))
    return float(above + below)


def _solved(power: Callable[[float], float]) -> float:
    """Find the effect at which a power, which grows with it, reaches POWER."""
    largest = 1.0
    with warnings.catch_warnings():
        # scipy warns of far tails, where its number is as near as it gets.
        warnings.simplefilter("ignore", RuntimeWarning)
        while power(largest) < POWER:
            largest *= 2
        return float(scipy.optimize.brentq(lambda effect: power(effect) - POWER, 0.0, largest))
