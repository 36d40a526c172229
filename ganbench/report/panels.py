"""The figures of one context: curves over steps, scores over steps, paired final scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from ganbench.errors import StoreError
from ganbench.report.context import Context, Row, metric_label
from ganbench.report.figures import Line, over_steps, pairs
from ganbench.report.finals import Finals, Measure, arm_of
from ganbench.report.record import FAILURES, printable
from ganbench.report.svg import colour, inline
from ganbench.report.verdict import number
from ganbench.store import Store

_QUANTITIES = ("loss_d", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g", "jsd")
# Points drawn on one page, over all curves: what keeps a page of hundreds of cells openable.
_POINTS = 20_000
_FEWEST, _MOST = 24, 200
# From this ratio of scores on, a logarithmic axis shows more.
_STEEP = 8

Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One figure with its caption.

    Attributes:
        title: what it shows.
        figure: of matplotlib.
        description: what it shows, for those who cannot see it.
        note: how to read it.
    """

    title: str
    figure: Figure = field(repr=False)
    description: str
    note: str = ""

    @cached_property
    def picture(self) -> Markup:
        """The figure as an SVG element."""
        return inline(self.figure, self.description)


def curve_panels(
    store: Store, context: Context, arms: Sequence[str], cells: int, problems: list[str]
) -> list[Panel]:
    """Losses, D's outputs, gradient norms and the JSD estimate over steps.

    Args:
        store: where the curves are.
        context: whose cells to draw.
        arms: labels in the order of their colours.
        cells: number of cells on the page, which share its points.
        problems: what is missing is appended, a line each.
    """
    points = max(_FEWEST, min(_MOST, _POINTS // max(cells, 1)))
    curves: dict[str, list[tuple[Row, pd.DataFrame]]] = {}
    for arm in arms:
        found = [(row, _curves(store, row, points, problems)) for row in context.arms.get(arm, ())]
        curves[arm] = [(row, table) for row, table in found if table is not None]

    def lines(name: str, style: str = "-", said: str = "") -> list[Line]:
        return [
            Line(
                curves=[(table["step"].to_numpy(), table[name].to_numpy()) for _, table in curves[arm]],
                colour=colour(index),
                style=style,
                name=f"{arm}{said}",
                seeds=[row["seed"] for row, _ in curves[arm]],
                failed=_failed([row for row, _ in curves[arm]]),
            )
            for index, arm in enumerate(arms)
        ]

    drawn = (
        ("Discriminator's loss", over_steps(lines("loss_d")), ""),
        ("Generator's loss", over_steps(lines("loss_g")), "Objectives differ in scale: compare the shape."),
        (
            "D(x) and D(G(z))",
            over_steps([*lines("d_real", said=", D(x)"), *lines("d_fake", "--", ", D(G(z))")], level=0.5),
            "Solid: data. Dashed: generated. Dotted: 1/2, where D cannot tell them apart.",
        ),
        (
            "Gradient norms",
            over_steps([*lines("grad_norm_d", said=", D"), *lines("grad_norm_g", "--", ", G")], log=True),
            "Solid: D. Dashed: G. Logarithmic.",
        ),
        (
            "Jensen-Shannon estimate",
            over_steps(lines("jsd")),
            "(V + log 4) / 2, for objectives that have a value V.",
        ),
    )
    return [
        Panel(title=title, figure=figure, description=f"{title} over generator steps", note=note)
        for title, figure, note in drawn
        if figure is not None
    ]


def score_panels(context: Context, arms: Sequence[str], scores: pd.DataFrame) -> list[Panel]:
    """Each score that has a direction over steps, where it was measured more than once in training."""
    rows_by_cell = {row["cell"]: (arm, row) for arm in arms for row in context.arms.get(arm, ())}
    own = scores[scores["cell"].isin(list(rows_by_cell)) & (scores["direction"] != "")]
    panels = []
    for (metric, extractor, protocol), rows in own.groupby(["metric", "extractor", "protocol"], sort=True):
        if rows["step"].nunique() < 2:
            continue
        by_arm: dict[str, list[tuple[Row, Curve]]] = {arm: [] for arm in arms}
        for cell, mine in rows.groupby("cell", sort=False):
            means = mine.groupby("step")["value"].mean()
            arm, row = rows_by_cell[str(cell)]
            curve = (means.index.to_numpy(dtype=float), means.to_numpy(dtype=float))
            by_arm[arm].append((row, curve))
        lines = [
            Line(
                curves=[curve for _, curve in by_arm[arm]],
                colour=colour(index),
                name=arm,
                seeds=[row["seed"] for row, _ in by_arm[arm]],
                failed=_failed([row for row, _ in by_arm[arm]]),
            )
            for index, arm in enumerate(arms)
        ]
        # An untrained generator's score would flatten all that follows.
        lowest, highest = rows["value"].min(), rows["value"].max()
        figure = over_steps(lines, log=bool(0 < lowest < highest / _STEEP))
        if figure is not None:
            title = f"{metric_label(str(metric), str(extractor))} over steps"
            direction = rows["direction"].iloc[0]
            better = f"{direction.capitalize()} is better. Protocol {protocol}."
            panels.append(Panel(title=title, figure=figure, description=title, note=better))
    return panels


def pair_panels(
    context: Context, arms: Sequence[str], comparison: Sequence[Row], finals: Mapping[str, Finals]
) -> list[Panel]:
    """The final scores of both arms, seed by seed, for each row of the comparison that has pairs.

    Args:
        context: whose cells to draw.
        arms: labels in the order of their colours.
        comparison: the rows of the comparison that belong to this context.
        finals: final scores by cell, engines left out of the measure.
    """
    panels = []
    for row in comparison:
        if row["n"] < 1:
            continue
        measure = Measure(row["extractor"], row["samples"], row["protocol"], "")
        sides = [
            arm_of(arm, context.arms.get(arm, ()), row["metric"], measure, finals)
            for arm in (row["baseline"], row["value"])
        ]
        figure = pairs(
            sides[0].scores,
            sides[1].scores,
            (row["baseline"], row["value"]),
            (colour(arms.index(row["baseline"])), colour(arms.index(row["value"]))),
        )
        title = f"{metric_label(row['metric'], row['extractor'])}: {row['baseline']} and {row['value']}"
        means = f"means {number(row['mean_baseline'])} and {number(row['mean_value'])}"
        noise = ""
        if not all(math.isnan(side.noise) for side in sides):
            noise = " Sd of the metric itself: " + " and ".join(number(side.noise) for side in sides) + "."
        better = f"{row['direction'].capitalize()} is better."
        panels.append(
            Panel(
                title=title,
                figure=figure,
                description=f"Final {title}, seed by seed: {means}",
                note=f"A line joins the cells of a seed; {means}.{noise} {better}",
            )
        )
    return panels


def _failed(rows: Sequence[Row]) -> frozenset[int]:
    return frozenset(index for index, row in enumerate(rows) if row["status"] in FAILURES)


def _curves(store: Store, row: Row, points: int, problems: list[str]) -> pd.DataFrame | None:
    """The diagnostics of one cell as numbers, thinned; where there are none, a line in `problems`."""
    try:
        table = store.curves(row["cell"])
    except StoreError as error:
        problems.append(printable(str(error).replace(f"{store.path}/", "")))
        return None
    if table is None:
        if row["status"] in ("ok", "diverged"):
            problems.append(f"{row['cell']}: no curves")
        return None
    absent = [name for name in ("step", *_QUANTITIES) if name not in table.columns]
    if absent:
        problems.append(f"{row['cell']}: curves without {', '.join(absent)}")
    if "step" in absent or table.empty:
        return None
    kept = table.iloc[np.unique(np.linspace(0, len(table) - 1, points).astype(int))]
    numbers = kept.reindex(columns=["step", *_QUANTITIES])
    return numbers.apply(pd.to_numeric, errors="coerce").astype(float)
