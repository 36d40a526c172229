"""The figures of each context: final scores seed by seed, scores and diagnostics over steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from ganbench.analysis.context import Compared, Context, Row, groups_of, metric_label, shared, telling, where
from ganbench.analysis.final_scores import Finals, Measure, group_of, ignoring_engines
from ganbench.analysis.numbers import number
from ganbench.analysis.records import FAILURES, printable
from ganbench.analysis.result_tables import CURVES, ResultTables
from ganbench.analysis.tables import current_rows
from ganbench.errors import StoreError
from ganbench.report.figures import MAX_DRAWN, STEEP, Line, over_steps
from ganbench.report.figures import finals as finals_figure
from ganbench.report.svg import colour, inline
from ganbench.store import Store

# Points drawn on one page, over all curves: what keeps a page of hundreds of cells openable.
_POINTS = 20_000
_MIN_POINTS, _MAX_POINTS = 24, 200
# Rows of a picture of final scores.
_MAX_GROUPS = 24

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
    store: Store, context: Context, groups: Sequence[str], cells: int, problems: list[str]
) -> list[Panel]:
    """Draw losses, D's outputs, gradient norms and the JSD estimate over steps.

    Args:
        store: where the curves are.
        context: whose cells to draw.
        groups: labels in the order of their colours.
        cells: number of cells on the page, which share its points.
        problems: what is missing is appended, one line each.
    """
    points = max(_MIN_POINTS, min(_MAX_POINTS, _POINTS // max(cells, 1)))
    curves: dict[str, list[tuple[Row, pd.DataFrame]]] = {}
    for group in groups:
        found = [(row, _curves(store, row, points, problems)) for row in context.groups.get(group, ())]
        curves[group] = [(row, table) for row, table in found if table is not None]

    def lines(name: str, style: str = "-", said: str = "") -> list[Line]:
        return [
            Line(
                curves=[(table["step"].to_numpy(), table[name].to_numpy()) for _, table in curves[group]],
                colour=colour(index),
                style=style,
                name=f"{group}{said}",
                seeds=[row["seed"] for row, _ in curves[group]],
                failed=_failed([row for row, _ in curves[group]]),
            )
            for index, group in enumerate(groups)
        ]

    drawn: tuple[tuple[str, list[Line], dict[str, Any], str], ...] = (
        ("Discriminator's loss", lines("loss_d"), {}, ""),
        ("Generator's loss", lines("loss_g"), {}, "Objectives differ in scale: compare the shape."),
        (
            "D(x) and D(G(z))",
            [*lines("d_real", said=", D(x)"), *lines("d_fake", "--", ", D(G(z))")],
            {"level": 0.5},
            "Solid: data. Dashed: generated. Dotted: 1/2, where D cannot tell them apart.",
        ),
        (
            "Gradient norms",
            [*lines("grad_norm_d", said=", D"), *lines("grad_norm_g", "--", ", G")],
            {"log": True},
            "Solid: D. Dashed: G. Logarithmic.",
        ),
        ("Jensen-Shannon estimate", lines("jsd"), {}, "(V + log 4) / 2, for objectives that have a value V."),
    )
    return [
        panel
        for title, quantity, how, note in drawn
        if (panel := _over_steps(title, quantity, note, f"{title} over generator steps", **how)) is not None
    ]


def score_panels(context: Context, groups: Sequence[str], scores: pd.DataFrame) -> list[Panel]:
    """Draw each directed score that was measured more than once, over steps and over time."""
    rows_by_cell = {row["cell"]: (group, row) for group in groups for row in context.groups.get(group, ())}
    own = scores[scores["cell"].isin(list(rows_by_cell)) & (scores["direction"] != "")]
    panels = []
    for (metric, extractor, protocol), rows in own.groupby(["metric", "extractor", "protocol"], sort=True):
        if rows["step"].nunique() < 2:
            continue
        by_group: dict[str, list[tuple[Row, Curve]]] = {group: [] for group in groups}
        for cell, mine in rows.groupby("cell", sort=False):
            means = mine.groupby("step")["value"].mean()
            group, row = rows_by_cell[str(cell)]
            curve = (means.index.to_numpy(dtype=float), means.to_numpy(dtype=float))
            by_group[group].append((row, curve))
        # An untrained generator's score would flatten all that follows.
        lowest, highest = rows["value"].min(), rows["value"].max()
        title = f"{metric_label(str(metric), str(extractor))} over steps"
        better = f"{rows['direction'].iloc[0].capitalize()} is better. Protocol {protocol}."
        if current_rows(rows).empty:
            better += " The grid's settings no longer measure it."
        steep = bool(0 < lowest < highest / STEEP)
        panel = _over_steps(title, _lines(by_group), better, title, log=steep)
        if panel is not None:
            panels.append(panel)
        timed = {group: _over_seconds(found) for group, found in by_group.items()}
        if not all(np.isfinite(curve[0]).all() for found in timed.values() for _, curve in found):
            continue
        title = f"{metric_label(str(metric), str(extractor))} over time"
        note = f"{better} Time of training alone, at each group's mean steps per second."
        panel = _over_steps(
            title, _lines(timed), note, f"{title} of training", log=steep, along="seconds of training"
        )
        if panel is not None:
            panels.append(panel)
    return panels


def _over_seconds(curves: Sequence[tuple[Row, Curve]]) -> list[tuple[Row, Curve]]:
    """Turn the steps of a group's curves into seconds, the same for all seeds; NaN where they are unknown."""
    rates = [row["steps_per_second"] for row, _ in curves]
    # Of a sum of rates that may be 0, or unknown.
    seconds_per_step = len(rates) / (sum(rates) or math.nan)
    return [(row, (steps * seconds_per_step, values)) for row, (steps, values) in curves]


def _lines(curves: Mapping[str, Sequence[tuple[Row, Curve]]]) -> list[Line]:
    """Make the lines of each group, in the order of the colours."""
    return [
        Line(
            curves=[curve for _, curve in found],
            colour=colour(index),
            name=group,
            seeds=[row["seed"] for row, _ in found],
            failed=_failed([row for row, _ in found]),
        )
        for index, (group, found) in enumerate(curves.items())
    ]


def final_panels(
    context: Context, groups: Sequence[str], comparison: Sequence[Row], finals: Mapping[str, Finals]
) -> list[Panel]:
    """Draw the final scores of the groups, seed by seed, for each metric that the comparison has.

    Args:
        context: whose cells to draw.
        groups: labels in the order of their colours.
        comparison: the rows of the comparison that belong to this context.
        finals: final scores by cell, engines left out of the measure.
    """
    alike: dict[tuple[str, Measure, str], list[str]] = {}
    for row in comparison:
        if row["metric"]:
            measure = Measure(row["extractor"], row["samples"], row["protocol"], "")
            names_compared = alike.setdefault((row["metric"], measure, row["direction"]), [row["baseline"]])
            names_compared.append(row["value"])
    panels = []
    for (metric, measure, direction), compared in alike.items():
        names = list(dict.fromkeys(compared))
        shown = names[:_MAX_GROUPS]
        sides = [group_of(name, context.groups.get(name, ()), metric, measure, finals) for name in shown]
        if not any(side.n for side in sides):
            continue
        title = metric_label(metric, measure.extractor)
        means = ", ".join(f"{side.label} {number(side.mean)}" for side in sides)
        note = "A line joins the cells of a seed; beside each group mean ± sd over seeds. "
        noises = [f"{side.label} {number(side.noise)}" for side in sides if not math.isnan(side.noise)]
        if noises:
            note += f"Sd of the metric itself: {', '.join(noises)}. "
        note += f"{direction.capitalize()} is better."
        if len(names) > len(shown):
            note += f" {len(names) - len(shown)} further groups are in the table."
        panels.append(
            Panel(
                title=title,
                figure=finals_figure(sides, [colour(groups.index(side.label)) for side in sides]),
                description=f"Final {title}, seed by seed; means: {means}",
                note=note,
            )
        )
    return panels


def _over_steps(title: str, lines: Sequence[Line], note: str, description: str, **how: Any) -> Panel | None:
    """Draw curves over steps, with what must be known to read them."""
    figure = over_steps(lines, **how)
    if figure is None:
        return None
    notes = [note] if note else []
    if figure.axes[0].get_yscale() == "symlog":
        notes.append("Groups differ in scale: the axis is linear around zero and logarithmic beyond.")
    notes += [f"The curves of {' and '.join(names)} are the same." for names in _equal(lines)]
    return Panel(title=title, figure=figure, description=description, note=" ".join(notes))


def _equal(lines: Sequence[Line]) -> list[list[str]]:
    """List the names of lines that hide one another, since every seed has the same values in them."""
    alike: dict[tuple[bytes, ...], list[str]] = {}
    for line in lines:
        if any((np.abs(values) < MAX_DRAWN).any() for _, values in line.curves):
            key = tuple(part.tobytes() for curve in line.curves for part in curve)
            alike.setdefault(key, []).append(line.name)
    return [names for names in alike.values() if len(names) > 1]


def _failed(rows: Sequence[Row]) -> frozenset[int]:
    return frozenset(index for index, row in enumerate(rows) if row["status"] in FAILURES)


def _curves(store: Store, row: Row, points: int, problems: list[str]) -> pd.DataFrame | None:
    """Read the diagnostics of one cell as numbers, thinned; where there are none, add to `problems`."""
    try:
        table = store.curves(row["cell"])
    except StoreError as error:
        problems.append(printable(str(error).replace(f"{store.path}/", "")))
        return None
    if table is None:
        if row["status"] in ("ok", "diverged"):
            problems.append(f"{row['cell']}: no curves")
        return None
    absent = [name for name in ("step", *CURVES) if name not in table.columns]
    if absent:
        problems.append(f"{row['cell']}: curves without {', '.join(absent)}")
    if "step" in absent or table.empty:
        return None
    kept = table.iloc[np.unique(np.linspace(0, len(table) - 1, points).astype(int))]
    numbers = kept.reindex(columns=["step", *CURVES])
    return numbers.apply(pd.to_numeric, errors="coerce").astype(float)


@dataclass(frozen=True, kw_only=True)
class ContextFigures:
    """The figures of one context.

    Attributes:
        context: whose.
        title: the context in words; of several, what tells it from the others.
        place: the context in words, whatever the others are.
        groups: labels of all groups of the report in the order of their colours, the baseline first.
        present: those of them that the context has.
        finals: final scores.
        curves: scores and diagnostics over steps.
    """

    context: Context
    title: str
    place: str
    groups: Sequence[str]
    present: Sequence[str]
    finals: Sequence[Panel]
    curves: Sequence[Panel]


def context_figures(
    store: Store,
    results: ResultTables,
    drawn: Sequence[Context],
    problems: list[str],
    *,
    sharing: int | None = None,
) -> Iterator[ContextFigures]:
    """Draw the figures of each context, one context after another.

    Args:
        store: where the curves are.
        results: the folder's tables.
        drawn: the contexts.
        problems: what is missing or damaged is appended, one line each.
        sharing: number of cells that share the points of a page's curves; each context's own unless given.
    """
    what = results.compared
    readable = results.cells[results.cells["seed"].notna()]
    groups = groups_of(results.cells, what)
    _, differing = shared(readable)
    finals = ignoring_engines(results.finals)
    rows = results.comparison.to_dict("records")
    for context in drawn:
        order = groups or list(context.groups)
        place = _words(context, telling(readable))
        among = sum(map(len, context.groups.values())) if sharing is None else sharing
        yield ContextFigures(
            context=context,
            title=_words(context, differing) or place,
            place=place,
            groups=order,
            present=[group for group in order if group in context.groups],
            finals=final_panels(context, order, [row for row in rows if _of(row, context)], finals)
            if _comparable(context, what)
            else [],
            curves=[
                *score_panels(context, order, results.scores),
                *curve_panels(store, context, order, among, problems),
            ],
        )


def _words(context: Context, names: Sequence[str]) -> str:
    return where(dict(context.where), [name for name in names if name in context.where])


def _of(row: Row, context: Context) -> bool:
    return all(str(row[name]) == str(value) for name, value in context.where.items())


def _comparable(context: Context, what: Compared) -> bool:
    """Tell whether one engine made all scores: the table refuses to compare those of several."""
    engines = {row["engine"] for rows in context.groups.values() for row in rows if row["status"] == "ok"}
    return len(engines) < 2 or "train.engine" in what.axes
