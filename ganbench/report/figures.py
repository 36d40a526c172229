"""The pictures of a report as matplotlib figures; no global state, one colour an arm throughout.

A mark's `gid` is what a page says of it: `tip:...` is shown where the pointer rests, `seed:...`, `median:...`
and `failed:...` name a curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, StrMethodFormatter

from ganbench.report.svg import INK, RULE

SIZE = (3.6, 2.3)

_FAINT, _SPREAD = 0.4, 0.16
_LARGEST = 1e30
_LABEL = 22


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quantity of one arm: a curve a seed.

    Attributes:
        curves: (steps, values) a seed, each of equal length, steps ascending.
        colour: the arm's.
        style: matplotlib's line style.
        name: what it is called where a curve is pointed at.
        seeds: the seed of each curve; their positions unless given.
        failed: indices of the curves whose cells failed: they are marked where they end.
    """

    curves: Sequence[tuple[np.ndarray, np.ndarray]]
    colour: str
    style: str = "-"
    name: str = ""
    seeds: Sequence[int] = ()
    failed: frozenset[int] = field(default_factory=frozenset)


def over_steps(lines: Iterable[Line], *, log: bool = False, level: float | None = None) -> Figure | None:
    """The median bold, the middle half of the seeds shaded, every seed faint, failed ones to their end.

    Median and shade stand where at least half of the seeds have a value. Where a few values dwarf the rest,
    the axis shows the middle 98 percent of them.

    Args:
        lines: what to draw.
        log: a logarithmic axis; values that are not positive are left out.
        level: a value to mark by a dotted line.

    Returns:
        The figure, or None where no value is finite.
    """
    figure, axes = canvas()
    drawn: list[np.ndarray] = []
    for line in lines:
        series = []
        for index, (steps, values) in enumerate(line.curves):
            keep = np.isfinite(values) & np.isfinite(steps) & (np.abs(values) < _LARGEST)
            keep &= (values > 0) if log else True
            if not keep.any():
                continue
            seed = line.seeds[index] if line.seeds else index
            _seed(axes, line, steps[keep], values[keep], seed, index in line.failed)
            series.append(pd.Series(values[keep], index=steps[keep]))
            drawn.append(values[keep])
        low, median, high = _quartiles(series)
        if len(median):
            name = f"median:{line.name}"
            axes.plot(median.index, median, color=line.colour, linewidth=1.8, linestyle=line.style, gid=name)
        if len(series) > 1:
            axes.fill_between(
                median.index, low, high, color=line.colour, alpha=_SPREAD, linewidth=0, gid="spread:"
            )
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
    figure, axes = canvas()
    for position, arm, shade, name in zip((0, 1), (baseline, value), colours, labels, strict=True):
        scores = np.array(list(arm.values()))
        for seed, score in arm.items():
            said = f"tip:{name}, seed {seed}: {score:.4g}"
            axes.plot(position, score, "o", color=shade, markersize=5, alpha=0.8, gid=said)
        axes.plot([position - 0.13, position + 0.13], [scores.mean()] * 2, color=shade, linewidth=3)
    for seed in sorted(baseline.keys() & value.keys()):
        axes.plot([0, 1], [baseline[seed], value[seed]], color=INK, linewidth=0.8, alpha=0.6, zorder=1)
    axes.set_xlim(-0.4, 1.4)
    axes.set_xticks([0, 1], [shortened(label) for label in labels])
    for text in axes.get_xticklabels():
        text.set_parse_math(False)  # a name from disk is never a formula
    return figure


def canvas(size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """An empty figure in the page's style, its axes without frame.

    Args:
        size: width and height in inches.
    """
    figure = Figure(figsize=size, layout="constrained")
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


def shortened(label: str, most: int = _LABEL) -> str:
    """A name that fits into a picture."""
    return label if len(label) <= most else label[: most - 1] + "…"


def _seed(axes: Axes, line: Line, steps: np.ndarray, values: np.ndarray, seed: int, failed: bool) -> None:
    axes.plot(
        steps,
        values,
        color=line.colour,
        alpha=0.8 if failed else _FAINT,
        linewidth=1.0 if failed else 0.7,
        linestyle=line.style,
        marker="." if len(values) == 1 else None,
        gid=f"{'failed' if failed else 'seed'}:{line.name}, seed {seed}{', failed' if failed else ''}",
    )
    if failed:
        said = f"tip:{line.name}, seed {seed}: failed after step {steps[-1]:.0f}"
        axes.plot(steps[-1], values[-1], "X", color=line.colour, markersize=6, gid=said)


def _quartiles(series: Sequence[pd.Series]) -> tuple[pd.Series, pd.Series, pd.Series]:
    """The quartiles over seeds at each step that at least half of them reached, and have a value around."""
    if not series:
        return (pd.Series(dtype=float),) * 3
    table = pd.concat([one.groupby(level=0).mean() for one in series], axis=1).sort_index()
    # Curves that ended at different steps were thinned to different steps.
    table = table.interpolate(method="index", limit_area="inside")
    kept = table[table.count(axis=1) * 2 >= len(series)]
    low, median, high = (kept.quantile(share, axis=1) for share in (0.25, 0.5, 0.75))
    return low, median, high


def _limit(axes: Axes, values: np.ndarray) -> None:
    """Keep one exploding run from flattening all the others."""
    low, high = np.quantile(values, [0.01, 0.99])
    width = high - low
    if width > 0 and np.ptp(values) > 4 * width:
        axes.set_ylim(low - 0.05 * width, high + 0.05 * width)
