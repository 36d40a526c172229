"""Correction for multiple testing: the tests that a table makes together, and their adjusted p."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ganbench.analysis.significance import ALPHA


@dataclass(frozen=True, kw_only=True)
class Family:
    """The tests over which p is adjusted.

    Attributes:
        name: what they ask.
        size: how many they are; comparisons that cannot be tested are none of them.
    """

    name: str
    size: int


def family_of(axis: str, baseline: str, contexts: int, metrics: int, values: int, size: int) -> Family:
    """Name the family of a comparison table by what it holds.

    Args:
        axis: the compared axis.
        baseline: its baseline.
        contexts: how many there are.
        metrics: how many scores are compared.
        values: how many values meet the baseline.
        size: tests among them.
    """
    parts = ((contexts, "context"), (metrics, "metric"), (values, "value"))
    product = " × ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts)
    return Family(name=f"{axis} against {baseline}: {product}", size=size)


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
