"""The figures of a random search: the best score to be expected against the number of combinations tried."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganbench.analysis.context import metric_label
from ganbench.analysis.numbers import number
from ganbench.report.context_figures import Panel
from ganbench.report.figures import MAX_DRAWN, SPREAD, STEEP, TICKS, canvas, logarithmic
from ganbench.report.svg import colour

SEARCH_TITLE = "Best of a random search"
_MEASURE = ["dataset", "metric", "direction", "extractor", "samples", "protocol", "engine"]


def budget_panels(budget: pd.DataFrame, groups: Sequence[str]) -> list[Panel]:
    """Draw the expected best score of each value of the compared axis, one panel per data set and score.

    Args:
        budget: as `budget_table` makes it.
        groups: labels in the order of their colours.

    Returns:
        One panel per data set and score of which two combinations of one value or more are known.
    """
    drawn = budget[(budget[["low", "high"]].abs() < MAX_DRAWN).all(axis=1)]
    several = drawn["dataset"].nunique() > 1
    panels = []
    for key, rows in drawn.groupby([drawn[name].map(str) for name in _MEASURE], sort=False):
        dataset, metric, direction, extractor, *_ = key
        if rows["budget"].max() < 2:
            continue
        label = metric_label(metric, extractor)
        last = rows.groupby("value", sort=False).tail(1)
        ends = (
            f"{row['value']} {number(row['expected_best'])} of {row['budget']}"
            for row in last.to_dict("records")
        )
        panels.append(
            Panel(
                title=f"{label}, {dataset}" if several else label,
                figure=_against_budget(rows, groups),
                description=f"Expected best {label} on {dataset} by combinations tried; at the end: "
                + ", ".join(ends),
                note=f"Line: the mean over draws. Shade: the middle 95% of them. "
                f"{direction.capitalize()} is better.",
            )
        )
    return panels


def _against_budget(rows: pd.DataFrame, groups: Sequence[str]) -> Figure:
    figure, axes = canvas()
    for value, mine in rows.groupby("value", sort=False):
        shade = colour(groups.index(value) if value in groups else 0)
        tried = mine["budget"].to_numpy(dtype=float)
        # Of a single combination there is no line to draw.
        marker = "." if len(mine) == 1 else None
        best = mine["expected_best"].to_numpy(dtype=float)
        axes.plot(tried, best, color=shade, linewidth=1.8, marker=marker, gid=f"mean:{value}")
        low, high = (mine[end].to_numpy(dtype=float) for end in ("low", "high"))
        axes.fill_between(tried, low, high, color=shade, alpha=SPREAD, linewidth=0, gid="spread:")
    if 0 < rows["low"].min() < rows["high"].max() / STEEP:
        logarithmic(axes)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
    axes.set_xlabel("combinations tried")
    return figure
