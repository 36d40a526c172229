"""The picture on top of a page: differences from the baseline with intervals, one panel per metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ganbench.analysis.context import Row, compared_axes, metric_label, minus, shared, told_apart, where
from ganbench.analysis.numbers import ends, number, p_value
from ganbench.analysis.significance import ALPHA
from ganbench.report.context_figures import Panel
from ganbench.report.figures import HEADING, MAX_CHARACTERS, MAX_DRAWN, ROW, fitted, row_label, rows_canvas
from ganbench.report.svg import BEHIND, INK, colour

# Rows over all panels: further ones are in the table.
MAX_DIFFERENCES = 60


def overview_panels(comparison: pd.DataFrame, groups: Sequence[str]) -> list[Panel]:
    """Draw the differences of each metric from the baseline, one row per context and value.

    Metrics have scales of their own, so each has a panel and an axis of its own.

    Args:
        comparison: its table.
        groups: labels in the order of their colours, the baseline first.

    Returns:
        One panel per metric and extractor that has a known difference below MAX_DRAWN.
    """
    _, named = shared(comparison)
    metrics: dict[tuple[str, str], list[Row]] = {}
    for row in comparison.head(MAX_DIFFERENCES).to_dict("records"):
        if row["metric"] and abs(row["difference"]) < MAX_DRAWN:
            metrics.setdefault((metric_label(row["metric"], row["extractor"]), row["direction"]), []).append(
                row
            )
    return [
        Panel(
            title=metric,
            figure=differences(rows, groups, named),
            description=f"Differences in {metric}: " + "; ".join(_said(row, named) for row in rows),
            note=_note(direction, list(dict.fromkeys(row["baseline"] for row in rows))),
        )
        for (metric, direction), rows in metrics.items()
    ]


def differences(rows: Sequence[Row], groups: Sequence[str], named: Sequence[str] = ()) -> Figure:
    """Draw value minus baseline with its simultaneous 95% interval, one row each; filled where it was shown.

    Args:
        rows: of the comparison, of one metric, each with a difference.
        groups: labels in the order of their colours.
        named: the columns that tell the rows' contexts apart; rows of a context stand under its name.
    """
    places = [where(row, named) for row in rows]
    headings = len(dict.fromkeys(places)) if named else 0
    figure, axes = rows_canvas(ROW * len(rows) + HEADING * headings)
    position, last = 0.0, None
    baselines = [row["baseline"] for row in rows]
    first = baselines[0] if len(set(baselines)) > 1 else ""
    for row, place in zip(rows, places, strict=True):
        if headings and place != last:
            row_label(axes, position, place, bold=True)
            position += HEADING / ROW
        last = place
        shade = colour(groups.index(row["value"]) if row["value"] in groups else 0)
        _draw(axes, position, row, shade, named, first)
        position += 1
    axes.set_ylim(position - 0.4, -0.85)
    return figure


def _draw(axes: Axes, position: float, row: Row, shade: str, named: Sequence[str], first: str) -> None:
    """Draw one row; `first` is the first group where pairs have several baselines, else empty."""
    shown = bool(row["p_adjusted"] < ALPHA)
    axes.plot([0, 0], [position - 0.24, position + 0.3], color=INK, linewidth=1, linestyle=":")
    ends_drawn = [row["low_simultaneous"], row["high_simultaneous"]]
    if max(map(abs, ends_drawn)) < MAX_DRAWN:
        axes.plot(ends_drawn, [position] * 2, color=shade, linewidth=2.6, solid_capstyle="butt")
    axes.plot(
        row["difference"],
        position,
        "o",
        color=shade,
        markersize=7,
        markeredgewidth=1.8,
        # The page's background, so that a hollow mark hides its line.
        markerfacecolor=shade if shown else BEHIND,
        gid=f"tip:{_said(row, named)}",
    )
    failed = row["failures_baseline"] + row["failures_value"]
    lost = f" ({failed} failed)" if failed else ""
    room = MAX_CHARACTERS - len(lost)
    name = _pair(row, first, room) if first else fitted(row["value"], row["baseline"], room)
    row_label(axes, position, f"{name}{lost}")


def _pair(row: Row, first: str, room: int) -> str:
    """Name a pair; where that is long, each side by what it has beside the first group."""
    name, axes = minus(row["value"], row["baseline"]), compared_axes(row["axis"])
    if len(name) <= room:
        return name
    value = told_apart(row["value"], row["baseline"] if row["value"] == first else first, axes).value
    baseline = told_apart(row["baseline"], row["value"] if row["baseline"] == first else first, axes).value
    return minus(value, baseline)


def _note(direction: str, baselines: Sequence[str]) -> str:
    side = "left" if direction == "lower" else "right"
    said = f"{direction.capitalize()} is better: {side} of the line, the value is better than "
    if len(baselines) == 1:
        return f"{said}{baselines[0]}."
    long = any(len(name) > MAX_CHARACTERS // 2 for name in baselines)
    return (
        f"{said}the one after the minus.{' Long names: what differs from the first group.' if long else ''}"
    )


def _said(row: Row, named: Sequence[str]) -> str:
    place = where(row, named)
    named_place = f", {place}" if place else ""
    said = f"{minus(row['value'], row['baseline'])}{named_place}: {number(row['difference'])}"
    if not math.isnan(row["low_simultaneous"]):
        kind = "simultaneous 95% interval" if row["family_size"] > 1 else "95% interval"
        said += f", {kind} {ends(row['low_simultaneous'], row['high_simultaneous'])}"
    if not math.isnan(row["p_adjusted"]):
        said += f", {p_value(row['p_adjusted'])} (Holm)"
    return said
