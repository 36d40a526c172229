"""The pictures of a report as matplotlib figures; no global state, one colour an arm throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, StrMethodFormatter

from ganbench.report.svg import INK, RULE

SIZE = (3.6, 2.3)

_FAINT = 0.28
_LARGEST = 1e30
_LABEL = 22


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quantity of one arm: a curve a seed.

    Attributes:
        curves: (steps, values) a seed, each of equal length.
        colour: the arm's.
        style: matplotlib's line style.
    """

    curves: Sequence[tuple[np.ndarray, np.ndarray]]
    colour: str
    style: str = "-"


def over_steps(lines: Iterable[Line], *, log: bool = False, level: float | None = None) -> Figure | None:
    """All seeds faint, their median bold.

    The median stands where at least half of the seeds have a value. Where a few values dwarf the rest, the
    axis shows the middle 98 percent of them.

    Args:
        lines: what to draw.
        log: a logarithmic axis; values that are not positive are left out.
        level: a value to mark by a dotted line.

    Returns:
        The figure, or None where no value is finite.
    """
    figure, axes = _canvas()
    drawn: list[np.ndarray] = []
    for line in lines:
        series = []
        for steps, values in line.curves:
            keep = np.isfinite(values) & np.isfinite(steps) & (np.abs(values) < _LARGEST)
            keep &= (values > 0) if log else True
            if not keep.any():
                continue
            marker = "." if keep.sum() == 1 else None
            axes.plot(
                steps[keep],
                values[keep],
                color=line.colour,
                alpha=_FAINT,
                linewidth=0.7,
                linestyle=line.style,
                marker=marker,
            )
            series.append(pd.Series(values[keep], index=steps[keep]))
            drawn.append(values[keep])
        median = _median(series)
        if len(median):
            axes.plot(median.index, median, color=line.colour, linewidth=1.8, linestyle=line.style)
    if not drawn:
        return None
    if level is not None:
        axes.axhline(level, color=INK, linewidth=0.9, linestyle=":")
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.6)))
    else:
        _limit(axes, np.concatenate(drawn))
    axes.set_xlabel("generator steps")
    return figure


def pairs(
    baseline: Mapping[int, float],
    value: Mapping[int, float],
    labels: tuple[str, str],
    colours: tuple[str, str],
) -> Figure:
    """One line a seed from the baseline's final score to the other arm's, the means bold.

    Args:
        baseline: final score by seed; at least one seed is in both.
        value: the other arm's.
        labels: the two arms' names; long ones are cut.
        colours: the two arms'.
    """
    figure, axes = _canvas()
    for position, arm, shade in ((0, baseline, colours[0]), (1, value, colours[1])):
        scores = np.array(list(arm.values()))
        axes.plot(np.full(len(scores), position), scores, "o", color=shade, markersize=4, alpha=0.8)
        axes.plot([position - 0.13, position + 0.13], [scores.mean()] * 2, color=shade, linewidth=3)
    for seed in sorted(baseline.keys() & value.keys()):
        axes.plot([0, 1], [baseline[seed], value[seed]], color=INK, linewidth=0.8, alpha=0.6, zorder=1)
    axes.set_xlim(-0.4, 1.4)
    axes.set_xticks([0, 1], [_short(label) for label in labels])
    for text in axes.get_xticklabels():
        text.set_parse_math(False)  # a name from disk is never a formula
    return figure


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(which="both", colors=INK, labelsize=8, length=3)
    axes.xaxis.label.set(color=INK, size=8)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _median(series: Sequence[pd.Series]) -> pd.Series:
    """The median over seeds at each step that at least half of them have."""
    if not series:
        return pd.Series(dtype=float)
    steps = pd.concat(series).groupby(level=0)
    return steps.median()[steps.count() * 2 >= len(series)]


def _limit(axes: Axes, values: np.ndarray) -> None:
    """Keep one exploding run from flattening all the others."""
    low, high = np.quantile(values, [0.01, 0.99])
    width = high - low
    if width > 0 and np.ptp(values) > 4 * width:
        axes.set_ylim(low - 0.05 * width, high + 0.05 * width)


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"
