"""The pictures of a report as matplotlib figures; no global state, one colour per group throughout.

A mark's `gid` is what a page says of it: `tip:...` is shown where the pointer rests, `seed:...`, `mean:...`,
`median:...` and `failed:...` name a curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator, NullLocator, StrMethodFormatter

from ganbench.analysis.context import told_apart
from ganbench.analysis.group import Group
from ganbench.analysis.numbers import mean_and_sd, number
from ganbench.grid.grid import BETWEEN_LABELS
from ganbench.report.svg import BEHIND, INK, RULE

SIZE = (3.6, 2.3)
# Inches that a row with its label takes, the line that names several rows, and the axis below them.
ROW, HEADING, AXIS = 0.4, 0.26, 0.62

SPREAD = 0.16
_FAINT = 0.4
# Of a row's label.
MAX_CHARACTERS = 52
# From here on nothing is drawn: matplotlib's arithmetic overflows.
MAX_DRAWN = 1e30
# From this ratio of scores on, a logarithmic axis shows more.
STEEP = 8
# From this ratio of their widths on, curves on one linear axis would flatten one another.
_UNLIKE = 20
# The least part of the widest group's reach that such an axis tells from zero.
_DECADES = 1000
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quantity of one group, one curve per seed.

    Attributes:
        curves: (steps, values) a seed, each of equal length, steps ascending.
        colour: the group's.
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


def over_steps(
    lines: Iterable[Line], *, log: bool = False, level: float | None = None, along: str = "generator steps"
) -> Figure | None:
    """Draw the median bold, the middle half of the seeds shaded, every seed faint, failed ones to their end.

    Median and shade stand where at least half of the seeds have a value. Where a few values dwarf the rest,
    the axis shows the middle 98 percent of them; where one group dwarfs another, the axis is linear around
    zero, as far as the narrower group reaches, and logarithmic beyond.

    Args:
        lines: what to draw.
        log: a logarithmic axis; values that are not positive are left out.
        level: a value to mark by a dotted line.
        along: what the curves run over.

    Returns:
        The figure, or None where no value is finite.
    """
    figure, axes = canvas()
    drawn: list[np.ndarray] = []
    reach: list[float] = []
    for line in lines:
        series = []
        for index, (steps, values) in enumerate(line.curves):
            keep = np.isfinite(values) & np.isfinite(steps) & (np.abs(values) < MAX_DRAWN)
            keep &= (values > 0) if log else True
            if not keep.any():
                continue
            seed = line.seeds[index] if line.seeds else index
            _seed(axes, line, steps[keep], values[keep], seed, index in line.failed)
            series.append(pd.Series(values[keep], index=steps[keep]))
            drawn.append(values[keep])
        if series:
            reach.append(float(np.quantile(np.abs(pd.concat(series)), 0.98)))
        low, median, high = _quartiles(series)
        if len(median):
            name = f"median:{line.name}"
            axes.plot(median.index, median, color=line.colour, linewidth=1.8, linestyle=line.style, gid=name)
        if len(series) > 1:
            axes.fill_between(
                median.index, low, high, color=line.colour, alpha=SPREAD, linewidth=0, gid="spread:"
            )
    if not drawn:
        return None
    if level is not None:
        axes.axhline(level, color=INK, linewidth=0.9, linestyle=":")
    if log:
        logarithmic(axes)
    elif max(reach) > _UNLIKE * min(reach) > 0:
        _symmetrically_logarithmic(axes, max(min(reach), max(reach) / _DECADES))
    else:
        _limit(axes, np.concatenate(drawn))
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
    axes.set_xlabel(along)
    return figure


def finals(groups: Sequence[Group], colours: Sequence[str]) -> Figure:
    """Draw final scores, one row per group: dots joined by seed, and the mean as a bar.

    Scores beyond MAX_DRAWN are in the labels only.

    Args:
        groups: those without a score have a row too, and a failure is counted in its label.
        colours: of each group.
    """
    figure, axes = rows_canvas(ROW * len(groups))
    drawn = [
        {seed: score for seed, score in group.scores.items() if abs(score) < MAX_DRAWN} for group in groups
    ]
    for position, (group, shade) in enumerate(zip(groups, colours, strict=True)):
        for seed, score in drawn[position].items():
            said = f"tip:{group.label}, seed {seed}: {number(score, 4)}"
            axes.plot(score, position, "o", color=shade, markersize=5, alpha=0.8, gid=said)
        if abs(group.mean) < MAX_DRAWN:
            axes.plot([group.mean] * 2, [position - 0.2, position + 0.2], color=shade, linewidth=3)
        said = _summary(group)
        # A long name must not push the numbers out.
        room = max(MAX_CHARACTERS - len(said) - 2, 12)
        row_label(axes, position, f"{fitted(group.label, groups[0].label, room)}: {said}")
    for seed in sorted({seed for scores in drawn for seed in scores}):
        places = [position for position, scores in enumerate(drawn) if seed in scores]
        scores = [drawn[position][seed] for position in places]
        axes.plot(scores, places, color=INK, linewidth=0.8, alpha=0.45, zorder=1, gid="join:")
    axes.set_ylim(len(groups) - 0.55, -0.85)
    return figure


def _summary(group: Group) -> str:
    """Write mean and spread of a group's final scores, and what became of its other cells."""
    lost = {"failed": len(group.failures), "skipped": group.skipped, "unfinished": group.unfinished}
    said = [mean_and_sd(group.mean, group.sd)] if group.n else []
    return ", ".join([*said, *(f"{count} {what}" for what, count in lost.items() if count)]) or "no score"


def rows_canvas(height: float) -> tuple[Figure, Axes]:
    """Make an empty figure whose rows are things and whose x axis is a score.

    Args:
        height: of all rows together, in inches.
    """
    figure, axes = canvas((SIZE[0], AXIS + height))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS))
    return figure, axes


def row_label(axes: Axes, position: float, text: str, *, bold: bool = False) -> None:
    """Name a row above its marks, at the left.

    Args:
        axes: of `rows_canvas`.
        position: the row's.
        text: long ones are cut.
        bold: whether it names several rows.
    """
    axes.text(
        0,
        position - 0.26,
        shortened(text),
        transform=axes.get_yaxis_transform(),
        fontsize=8,
        fontweight="bold" if bold else "normal",
        color=INK,
        parse_math=False,  # a name from disk is never a formula
        verticalalignment="bottom",
        # The page's background, so that no line runs through the words.
        bbox={"facecolor": BEHIND, "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
    )


def canvas(size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """Make an empty figure in the page's style, its axes without frame.

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


def logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with numbers that people read."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(_PlainNumbers(minor_thresholds=(1.5, 0.6)))


class _PlainNumbers(LogFormatter):
    """Writes 0.4 as 0.4, where matplotlib has 4e-01 beside it."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def fitted(name: str, beside: str, most: int) -> str:
    """Fit a combination of values into a picture: where it is long, the parts that another one has not.

    Args:
        name: values of several axes, joined as `arm_of` joins them; or any other name.
        beside: the combination that others are compared with.
        most: characters.
    """
    if len(name) > most:
        name = told_apart(name, beside, name.split(BETWEEN_LABELS)).value
    return shortened(name, most)


def shortened(label: str, most: int = MAX_CHARACTERS) -> str:
    """Cut a name so that it fits into a picture."""
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
    """Compute the quartiles over seeds at each step that at least half of them reached or passed."""
    if not series:
        return (pd.Series(dtype=float),) * 3
    table = pd.concat([one.groupby(level=0).mean() for one in series], axis=1).sort_index()
    # Curves that ended at different steps were thinned to different steps.
    table = table.interpolate(method="index", limit_area="inside")
    kept = table[table.count(axis=1) * 2 >= len(series)]
    low, median, high = (kept.quantile(share, axis=1) for share in (0.25, 0.5, 0.75))
    return low, median, high


def _symmetrically_logarithmic(axes: Axes, threshold: float) -> None:
    """Make an axis linear up to a threshold and logarithmic beyond, with ticks that do not collide."""
    unit = 10.0 ** np.floor(np.log10(threshold))
    linear = float(np.ceil(threshold / unit) * unit)
    axes.set_yscale("symlog", linthresh=linear)
    low, high = axes.get_ylim()
    first = int(np.ceil(np.log10(linear)))
    ends = [
        (sign, int(np.floor(np.log10(end)))) for sign, end in ((-1, -low), (1, high)) if end > 10.0**first
    ]
    each = max(1, -(-sum(last - first + 1 for _, last in ends) // TICKS))
    powers = [sign * 10.0**power for sign, last in ends for power in range(last, first - 1, -each)]
    axes.set_yticks(
        sorted([0.0, *(powers or [sign * linear for sign in (-1, 1) if low < sign * linear < high])])
    )
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _limit(axes: Axes, values: np.ndarray) -> None:
    """Keep one exploding run from flattening all the others."""
    low, high = np.quantile(values, [0.01, 0.99])
    width = high - low
    if width > 0 and np.ptp(values) > 4 * width:
        axes.set_ylim(low - 0.05 * width, high + 0.05 * width)
