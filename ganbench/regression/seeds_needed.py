"""The number of seeds that would decide an inconclusive check."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganbench.analysis.group import Group
from ganbench.regression.evidence import EXACT, Evidence
from ganbench.regression.power import (
    MAX_SEEDS,
    PASSES,
    chance_to_find,
    chance_to_pass,
    fewest,
    seeds_beside,
    seeds_each,
    seeds_to_part,
)


@dataclass(frozen=True, kw_only=True)
class SeedsNeeded:
    """The number of seeds that would decide a check.

    Attributes:
        words: as a sentence goes on.
        beside: of what is checked, against the baseline as it is; None where no number will do.
        each: of either side; None where it would be more than MAX_SEEDS.
    """

    words: str
    beside: int | None
    each: int | None


def seeds_needed(
    baseline: Group, value: Group, found: Evidence, tolerance: float, alpha: float, family: int
) -> SeedsNeeded:
    """Find how many seeds would decide a check, given the spread that was seen.

    With that number, no change passes with probability PASSES and a loss of twice the tolerance is found with
    FINDS. Where that many are there already, the loss lies by the tolerance itself: then as many as tell the
    loss that was seen from the tolerance.

    Args:
        baseline: at least two scores.
        value: likewise.
        found: what they say.
        tolerance: in the score's units.
        alpha: one-sided level.
        family: how many tests there are.
    """
    if found.test == EXACT:
        few, both = seeds_to_part(alpha / family, len(baseline.scores)), seeds_to_part(alpha / family)
        return SeedsNeeded(words=f"{few} seeds would be enough to judge by", beside=few, each=both)
    pooled = math.sqrt((baseline.sd**2 + value.sd**2) / 2)
    n_old, n_new = len(baseline.scores), len(value.scores)
    beside = seeds_beside(baseline.sd, n_old, value.sd, tolerance, alpha, family)
    each = seeds_each(pooled, tolerance, alpha, family)
    if beside is not None and beside > n_new:
        return SeedsNeeded(
            words=f"about {_count(beside)} against this baseline would settle it", beside=beside, each=each
        )
    if beside is None:
        words = (
            f"no number of new seeds can settle it: the baseline's {n_old} are too few; {_a_side(each)} would"
        )
        return SeedsNeeded(words=words, beside=None, each=each)

    def enough(n: int) -> bool:
        chance = (
            chance_to_pass(pooled, n, pooled, n, tolerance, alpha, found.loss)
            if found.loss <= tolerance
            else chance_to_find(pooled, n, pooled, n, tolerance, alpha / family, found.loss)
        )
        return chance >= PASSES

    each = fewest(enough)
    return SeedsNeeded(words=f"so near the tolerance it takes {_a_side(each)}", beside=None, each=each)


def _a_side(count: int | None) -> str:
    return f"more than {MAX_SEEDS} seeds a side" if count is None else f"about {_count(count)} a side"


def _count(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
