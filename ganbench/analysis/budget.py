"""The best score to be expected of so many random combinations, for grids that are a sample of a product.

After Lucic et al., Are GANs created equal? (2018): values of an axis are compared at equal budgets of the
search, not by their best combination, which more tries make better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench.analysis.context import Compared, arm_of
from ganbench.analysis.tables import frame

Floats = NDArray[np.float64]

_MEASURE = ("dataset", "metric", "direction", "extractor", "samples", "protocol", "engine")
COLUMNS = (
    "dataset",
    "axis",
    "value",
    "metric",
    "direction",
    "extractor",
    "samples",
    "protocol",
    "engine",
    "combinations",
    "failures",
    "budget",
    "expected_best",
    "sd",
    "low",
    "high",
)
_INTEGERS = ("samples", "combinations", "failures", "budget")
# Of more combinations, so many budgets in a geometric row.
MAX_BUDGETS = 200
_TAIL, _ROUNDING = 0.025, 1e-9


class Best(NamedTuple):
    """The lowest of k costs drawn without replacement, over all draws; each of shape (budgets,).

    Attributes:
        mean: in the costs' unit, as all of them.
        sd: standard deviation.
        low: the lower end of the middle 95% of the draws.
        high: the upper end.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats


def expected_best(costs: Sequence[float], budgets: Sequence[int]) -> Best:
    """Compute the distribution of the lowest of k costs drawn without replacement.

    Exact: the cost of rank i (from 0) of n is the lowest with probability C(n - 1 - i, k - 1) / C(n, k).

    Args:
        costs: finite, at least one; lower is better.
        budgets: the numbers k of draws, each from 1 to the number of costs.
    """
    ordered = np.sort(np.asarray(costs, dtype=np.float64))
    n, ranks = len(ordered), np.arange(len(ordered) - 1)
    means, sds, lows, highs = np.empty((4, len(budgets)))
    for index, k in enumerate(budgets):
        # From one rank to the next the probability falls by this factor, to 0 where fewer than k are left.
        factors = np.maximum(n - ranks - k, 0) / (n - 1 - ranks)
        shares = k / n * np.concatenate(([1.0], np.cumprod(factors)))
        # The sums are rounded, and a share that is reached counts as reached.
        ends = np.searchsorted(np.cumsum(shares) + _ROUNDING, (_TAIL, 1 - _TAIL)).clip(max=n - 1)
        lows[index], highs[index] = ordered[ends]
        # Scores near the largest float overflow to infinity here.
        with np.errstate(all="ignore"):
            means[index] = shares @ ordered
            sds[index] = np.sqrt(shares @ np.square(ordered - means[index]))
    return Best(means, sds, lows, highs)


def budget_table(final: pd.DataFrame, what: Compared) -> pd.DataFrame:
    """Tabulate the expected best score of each value of the compared axis against the number of combinations.

    A combination's score is the mean over its seeds. A failed seed counts as the worst mean that any
    combination has on the same data. The best is chosen by the scores that it is reported by, which is
    optimistic where seeds are few.

    Args:
        final: the table of final scores, as `summarise` makes it.
        what: the compared axis or axes.

    Returns:
        A frame with COLUMNS, one row per data set × score × value × budget. `combinations`: how many
        have ended; `failures`: those of them without a finite score. `sd`, and `low` to `high`, the middle
        95%: over the combinations that might have been drawn, not over seeds.
    """
    if not set(what.axes) <= set(final.columns):
        return frame([], COLUMNS, _INTEGERS)
    rows: list[Mapping[str, Any]] = final.to_dict("records")
    scored: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["direction"] and row["n"]:
            scored.setdefault(tuple(row[name] for name in _MEASURE), []).append(row)
    failed = [row for row in rows if not row["n"]]
    found = []
    for key, mine in scored.items():
        measure = dict(zip(_MEASURE, key, strict=True))
        sign = 1.0 if measure["direction"] == "lower" else -1.0
        worst = max(sign * row["mean"] for row in mine)
        lost = [
            row
            for row in failed
            if tuple(row[name] for name in _MEASURE) == key
            or (not row["metric"] and row["dataset"] == measure["dataset"])
        ]
        # Those whose combinations failed all, too: what is left out looks no worse than the rest.
        tried = mine if "train.engine" in what.axes else [*mine, *lost]
        for value in dict.fromkeys(arm_of(row, what.axes) for row in tried):
            own = [row for row in mine if arm_of(row, what.axes) == value]
            failures = sum(arm_of(row, what.axes) == value for row in lost)
            costs = [
                (sign * row["mean"] * row["n"] + worst * row["failures"]) / (row["n"] + row["failures"])
                for row in own
            ]
            costs += [worst] * failures
            budgets = _budgets(len(costs))
            best = expected_best(costs, budgets)
            # The ends change places where higher is better.
            ends = (best.low, best.high) if sign > 0 else (-best.high, -best.low)
            found += [
                {
                    **measure,
                    "axis": what.axis,
                    "value": value,
                    "combinations": len(costs),
                    "failures": failures,
                    "budget": budget,
                    "expected_best": sign * float(mean),
                    "sd": float(sd),
                    "low": float(low),
                    "high": float(high),
                }
                for budget, mean, sd, low, high in zip(budgets, best.mean, best.sd, *ends, strict=True)
            ]
    return frame(found, COLUMNS, _INTEGERS)


def _budgets(count: int) -> list[int]:
    if count <= MAX_BUDGETS:
        return list(range(1, count + 1))
    return sorted({round(each) for each in np.geomspace(1, count, MAX_BUDGETS)})
