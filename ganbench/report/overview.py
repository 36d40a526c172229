"""The picture on top of a page: every difference from the baseline with its interval, a panel a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganbench.report.context import Row, metric_label, telling, where
from ganbench.report.figures import SIZE, canvas, shortened
from ganbench.report.panels import Panel
from ganbench.report.significance import ALPHA
from ganbench.report.svg import INK, colour
from ganbench.report.verdict import number, p_value

# Rows over all panels: further ones are in the table.
MOST_DIFFERENCES = 60

_ROW, _AXIS = 0.4, 0.62
_LONGEST = 46


def overview_panels(comparison: pd.DataFrame, arms: Sequence[str]) -> list[Panel]:
    """The differences of each metric from the baseline, a row for each context and value.

    Metrics have scales of their own, so each has a panel and an axis of its own.

    Args:
        comparison: its table.
        arms: labels in the order of their colours, the baseline first.

    Returns:
        A panel a metric and extractor; none for metrics of which nothing is known.
    """
    named = [name for name in telling(comparison) if comparison[name].map(str).nunique(dropna=False) > 1]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in comparison.head(MOST_DIFFERENCES).to_dict("records"):
        if row["metric"] and not math.isnan(row["difference"]):
            groups.setdefault((metric_label(row["metric"], row["extractor"]), row["direction"]), []).append(
                row
            )
    return [
        Panel(
            title=metric,
            figure=differences(rows, arms, named),
            description=f"Differences in {metric}: " + "; ".join(_said(row, named) for row in rows),
            note=f"{direction.capitalize()} is better: {'left' if direction == 'lower' else 'right'} of the "
            f"line, the value is better than {rows[0]['baseline']}.",
        )
        for (metric, direction), rows in groups.items()
    ]


def differences(rows: Sequence[Row], arms: Sequence[str], named: Sequence[str] = ()) -> Figure:
    """Value minus baseline with its 95% interval, a row each; filled where the difference was shown.

    Args:
        rows: of the comparison, of one metric, each with a difference.
        arms: labels in the order of their colours.
        named: the columns that tell the rows' contexts apart.
    """
    figure, axes = canvas((SIZE[0], _AXIS + _ROW * len(rows)))
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, linewidth=0.9, linestyle=":")
    for position, row in enumerate(rows):
        _draw(axes, position, row, colour(arms.index(row["value"]) if row["value"] in arms else 0), named)
    axes.set_ylim(len(rows) - 0.4, -0.85)
    axes.set_yticks([])
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _draw(axes: Axes, position: int, row: Row, shade: str, named: Sequence[str]) -> None:
    shown = bool(row["p_adjusted"] < ALPHA)
    if not math.isnan(row["low"]):
        axes.plot(
            [row["low"], row["high"]], [position] * 2, color=shade, linewidth=2.6, solid_capstyle="butt"
        )
    axes.plot(
        row["difference"],
        position,
        "o",
        color=shade,
        markersize=7,
        markeredgewidth=1.8,
        # The page's background, so that a hollow mark hides its line.
        markerfacecolor=shade if shown else "#ffffff",
        gid=f"tip:{_said(row, named)}",
    )
    failed = row["failures_baseline"] + row["failures_value"]
    label = ", ".join(filter(None, (row["value"], where(row, named))))
    ending = f" ({failed} failed)" if failed else ""
    axes.text(
        0,
        position - 0.26,
        shortened(label, _LONGEST - len(ending)) + ending,
        transform=axes.get_yaxis_transform(),
        fontsize=8,
        color=INK,
        parse_math=False,  # a name from disk is never a formula
        verticalalignment="bottom",
    )


def _said(row: Row, named: Sequence[str]) -> str:
    place = where(row, named)
    said = f"{row['value']} - {row['baseline']}{f', {place}' if place else ''}: {number(row['difference'])}"
    if not math.isnan(row["low"]):
        said += f", 95% interval {number(row['low'])} to {number(row['high'])}"
    if not math.isnan(row["p_adjusted"]):
        said += f", {p_value(row['p_adjusted'])} (Holm)"
    return said
