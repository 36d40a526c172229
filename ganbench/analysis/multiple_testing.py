"""Correction for multiple testing: the tests of a table together, their adjusted p and their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # whose modules are imported when they are asked for: without seeds to compare, never
from numpy.typing import ArrayLike, NDArray

from ganbench.analysis.significance import ALPHA

Floats = NDArray[np.float64]

# What a difference that was shown may cost of the family's confidence while others were not shown. Holm's
# decisions alone spend ALPHA there: the family's coverage comes down to about 1 - ALPHA - SPENT_BESIDE_HOLM.
SPENT_BESIDE_HOLM = 0.005
# The end towards 0 of a difference that was shown keeps this part of its distance from 0 at Holm's level.
_KEPT_OF_DISTANCE = 0.5


@dataclass(frozen=True, kw_only=True)
class Family:
    """The tests over which p is adjusted.

    Attributes:
        name: what they ask.
        size: how many they are; comparisons that cannot be tested are none of them.
    """

    name: str
    size: int


def family_of(axis: str, baseline: str | None, contexts: int, metrics: int, values: int, size: int) -> Family:
    """Name the family of a comparison table by what it holds.

    Args:
        axis: the compared axis.
        baseline: its baseline; None where each value meets each.
        contexts: how many there are.
        metrics: how many scores are compared.
        values: how many values meet the baseline, or how many pairs there are.
        size: tests among them.
    """
    parts = ((contexts, "context"), (metrics, "metric"), (values, "value" if baseline else "pair"))
    product = " × ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts)
    question = f"{axis} against {baseline}" if baseline else f"{axis}, each against each"
    return Family(name=f"{question}: {product}", size=size)


def holm(values: Sequence[float]) -> list[float]:
    """Adjust each p by Holm's method (1979), which bounds the family-wise error.

    Args:
        values: p of each test, NaN where nothing was tested.
    """
    # Here, since statsmodels takes a second to import and tables without a comparison have no use for it.
    from statsmodels.stats.multitest import multipletests

    defined = [index for index, p in enumerate(values) if not math.isnan(p)]
    adjusted = [math.nan] * len(values)
    if defined:
        corrected = multipletests([values[index] for index in defined], alpha=ALPHA, method="holm")[1]
        for index, p in zip(defined, corrected, strict=True):
            adjusted[index] = float(p)
    return adjusted


def simultaneous_intervals(
    difference: ArrayLike, error: ArrayLike, freedom: ArrayLike, p: ArrayLike, adjusted: ArrayLike
) -> tuple[Floats, Floats]:
    """Compute intervals that hold together, each without 0 exactly where Holm's method shows a difference.

    Holm's method spends all of ALPHA on its decisions, so no interval may both follow it and be as narrow as
    Bonferroni's in every case (Strassburger & Bretz, 2008; Guilbaud, 2008). Of a family of m tests:

    - A difference that is not shown has Bonferroni's interval, at the level ALPHA / m. It holds 0.
    - Where every difference is shown, each has Bonferroni's interval too.
    - Where some are shown and some are not, those shown have wider ones, at SPENT_BESIDE_HOLM / m.
    - The end towards 0 of a difference that is shown stays at least half as far from 0 as the interval at
      the level at which Holm's method decided; for Holm's method shows differences that Bonferroni's does
      not. Keeping a part of the distance, in place of all, costs coverage near 0 only (as the informative
      intervals of Brannath & Schmidt, 2014, do).

    All intervals of a family together hold the truth in at least 94% of families of normal scores, by
    simulation (`results/error-rates/simultaneous.md`). The interval of a single test is the t interval.

    Args:
        difference: (..., m), new - old of each test of a family.
        error: (..., m), standard error of it; NaN where no t test decides.
        freedom: (..., m), degrees of freedom of its t.
        p: (..., m) of each test; NaN where nothing was tested.
        adjusted: (..., m), the same by Holm's method.

    Returns:
        Both ends, each (..., m); NaN where p or `error` is.
    """
    centre, spread, degrees, raw, holm_p = (
        np.asarray(given, dtype=np.float64) for given in (difference, error, freedom, p, adjusted)
    )
    tested = ~np.isnan(raw)
    tests = np.maximum(tested.sum(axis=-1, keepdims=True), 1)
    shown = holm_p < ALPHA
    beside = shown & (tested & ~shown).any(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        half = spread * _quantile(np.where(beside, SPENT_BESIDE_HOLM, ALPHA) / tests, degrees)
        # At this level p is as far below as the adjusted p is below ALPHA; 0 / 0 where p underflowed.
        level = np.nan_to_num(ALPHA * raw / holm_p, nan=0.0)
        distance = np.abs(centre) - spread * _quantile(np.maximum(level, ALPHA / tests), degrees)
        nearest = np.maximum(_KEPT_OF_DISTANCE * distance, np.finfo(np.float64).tiny)
        low, high = centre - half, centre + half
        # Rounding moves no end over 0.
        low = np.where(
            shown & (centre > 0), np.maximum(low, nearest), np.where(shown, low, np.minimum(low, 0))
        )
        high = np.where(
            shown & (centre < 0), np.minimum(high, -nearest), np.where(shown, high, np.maximum(high, 0))
        )
    known = tested & np.isfinite(low) & np.isfinite(high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _quantile(level: Floats, freedom: Floats) -> Floats:
    """Find how many standard errors the ends of a two-sided t interval lie from its centre."""
    return np.asarray(scipy.stats.t.isf(level / 2, freedom))
