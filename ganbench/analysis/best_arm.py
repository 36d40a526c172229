"""The probability of each group being the best, from the scores of a few seeds.

A normal model with one spread: a score is its group's mean, plus its seed's part where seeds are pairs, plus
a remainder. The groups' means come from a normal distribution whose spread is unknown and has a flat prior
(Gelman, 2006), so that means which differ by no more than chance are drawn together. Without that, the best
of many groups is a lucky one, and too sure of itself. `results/error-rates/ranking.md` has how well the
numbers keep what they promise at 3, 5 and 10 seeds, beside the bootstrap and a model without that prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 4_000
# Of the ratio of the spread of the groups' means to that of a mean, on a grid that is finer near 0.
_RATIOS = 40
_SEED = 20140610
# Numbers that vary by less than this share of the largest vary by rounding alone.
_ROUNDING = 1e-12


def probability_best(costs: Sequence[Floats], *, paired: bool) -> Floats:
    """Compute the probability of each group having the lowest mean.

    Args:
        costs: (n,) of each of at least 2 groups, each n at least 2, finite, lower is better; where `paired`
            equally many, pair by pair.
        paired: whether the seeds of groups are pairs.

    Returns:
        (groups,): they add up to 1. Its standard error is at most .008; the draws are the same at each call.
    """
    means = np.array([scores.mean() for scores in costs])
    sizes = np.array([len(scores) for scores in costs])
    largest = max(float(np.abs(scores).max()) for scores in costs)
    rest = [scores - mean for scores, mean in zip(costs, means, strict=True)]
    if paired:
        seeds = np.mean(rest, axis=0)
        rest = [scores - seeds for scores in rest]
        freedom = (len(costs) - 1) * (int(sizes[0]) - 1)
    else:
        freedom = int(sizes.sum()) - len(costs)
    spread = np.sqrt(sum(float(np.square(scores).sum()) for scores in rest) / freedom)
    if not spread > _ROUNDING * largest:
        first = means <= means.min() + _ROUNDING * largest
        return np.asarray(first / first.sum())
    return _share_of_draws((means - means.mean()) / spread, 1 / sizes, freedom)


def _share_of_draws(means: Floats, parts: Floats, freedom: int) -> Floats:
    """Draw the groups' true means and count how often each is the lowest.

    Args:
        means: in units of a score's spread.
        parts: variance of each mean, in units of a score's.
        freedom: degrees of freedom of that spread.
    """
    groups = len(means)
    chi, uniform, normal = _random(groups, freedom)
    variance = freedom / chi
    position = (np.arange(_RATIOS) + 0.5) / _RATIOS
    between = np.square(np.sqrt(parts.mean()) * position / (1 - position))
    # (ratios, groups): variance of a group's mean about the mean of all, in units of a score's.
    total = parts + between[:, None]
    precision = (1 / total).sum(axis=1)
    centre = (means / total).sum(axis=1) / precision
    misfit = (np.square(means - centre[:, None]) / total).sum(axis=1)
    known = -0.5 * np.log(total).sum(axis=1) - 0.5 * np.log(precision) - 2 * np.log(1 - position)
    weight = known[:, None] - 0.5 * misfit[:, None] / variance
    weight = np.exp(weight - weight.max(axis=0)).cumsum(axis=0)
    drawn = (weight < uniform * weight[-1]).sum(axis=0)
    middle = centre[drawn] + np.sqrt(variance / precision[drawn]) * normal[0]
    pulled = parts / total[drawn]
    own = np.sqrt(variance[:, None] * parts * (1 - pulled)) * normal[1:].T
    true = pulled * middle[:, None] + (1 - pulled) * means + own
    return np.bincount(true.argmin(axis=1), minlength=groups) / DRAWS


@lru_cache(maxsize=64)
def _random(groups: int, freedom: int) -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng([_SEED, groups, freedom])
    return (
        random.chisquare(freedom, DRAWS),
        random.random(DRAWS),
        random.normal(size=(groups + 1, DRAWS)),
    )
