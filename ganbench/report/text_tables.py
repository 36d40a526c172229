"""The tables of a page, as text; long ones are cut, and say by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ganbench.analysis.context import axes_of, metric_label
from ganbench.analysis.numbers import number
from ganbench.analysis.result_tables import ResultTables
from ganbench.analysis.tables import current_rows
from ganbench.report.table_views import METRIC_SD, TableView, comparison_view, final_view, text

MAX_ROWS = 1000

_COMPARISON = (
    ("score", "{score}"),
    ("baseline", "{baseline}"),
    ("value", "{value}"),
    ("pairs", "{n}"),
    ("mean ± sd over seeds, baseline", "{mean_baseline} (n={n_baseline})"),
    ("mean ± sd over seeds, value", "{mean_value} (n={n_value})"),
    ("difference", "{difference}"),
    ("95% interval, simultaneous", "{interval}"),
    ("test", "{test}"),
    ("p", "{p}"),
    ("p, Holm", "{p_adjusted}"),
    ("p, permutation", "{p_permutation}"),
    ("P(value better)", "{probability_of_improvement}"),
    ("failed", "{failures_baseline} / {failures_value}"),
    (METRIC_SD, "{noise_baseline} / {noise_value}"),
    ("samples", "{samples}"),
    ("repeats", "{repeats}"),
    ("protocol", "{protocol}"),
)
_FINAL = (
    ("score", "{score}"),
    ("better", "{direction}"),
    ("seeds", "{n}"),
    ("mean", "{mean}"),
    ("sd over seeds", "{sd}"),
    (METRIC_SD, "{noise}"),
    ("failed", "{failures}"),
    ("samples", "{samples}"),
    ("repeats", "{repeats}"),
    ("protocol", "{protocol}"),
)
# Of the expected best score; budget.csv has all.
_BUDGETS = (1, 2, 5, 10, 20, 50, 100)
_BUDGET_NOTE = (
    "The mean score of the best of so many combinations, drawn at random from those that were run; ±: the sd "
    "over draws, not over seeds. A value that was tried more often has had more luck: compare values at the "
    "same number. A failed seed counts as the worst score. The best is chosen by the scores that it is "
    "reported by, which is optimistic where seeds are few (Lucic et al., 2018)."
)
# Headings of columns that only say something where a cell was scored on more than one sample set.
_NOISE = (METRIC_SD, "repeats")


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table of text.

    Attributes:
        head: the columns' headings.
        rows: one text per heading.
        shared: what all rows have in common.
        more: rows left out.
        notes: what must be known of its numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    shared: str = ""
    more: int = 0
    notes: Sequence[str] = ()


def comparison_text_table(comparison: pd.DataFrame) -> TextTable:
    """Lay out the comparison, its numbers rounded for reading."""
    view = comparison_view(comparison, MAX_ROWS)
    return _text_table(view, [column for column in _COMPARISON if view.noisy or column[0] not in _NOISE])


def final_text_table(final: pd.DataFrame) -> TextTable:
    """Lay out every final value of every combination over its seeds, those that are never compared too."""
    view = final_view(final, MAX_ROWS)
    return _text_table(view, [column for column in _FINAL if view.noisy or column[0] not in _NOISE])


def budget_text_table(budget: pd.DataFrame) -> TextTable:
    """Lay out the expected best score: a row per data set, score and value, a column per budget.

    Args:
        budget: as `budget_table` makes it.
    """
    budgets = sorted({each for each in _BUDGETS if each in set(budget["budget"])})
    names = ["dataset", "metric", "extractor", "samples", "protocol", "engine", "value"]
    rows = []
    for _, mine in budget.groupby([budget[name].map(str) for name in names], sort=False):
        first = mine.iloc[0]
        best = {
            int(row["budget"]): f"{number(row['expected_best'])} ± {number(row['sd'])}"
            for row in mine.to_dict("records")
        }
        last = int(first["combinations"])
        rows.append(
            [
                first["dataset"],
                metric_label(first["metric"], first["extractor"]),
                first["direction"],
                first["value"],
                f"{last}, {first['failures']} failed" if first["failures"] else str(last),
                *(best.get(each, "-") for each in budgets),
                best[last].partition(" ± ")[0],
            ]
        )
    head = ["dataset", "score", "better", "value", "combinations", *(f"best of {each}" for each in budgets)]
    return TextTable(
        head=[*head, "best of all"],
        rows=rows[:MAX_ROWS],
        more=max(0, len(rows) - MAX_ROWS),
        notes=[_BUDGET_NOTE],
    )


def cells_text_table(cells: pd.DataFrame) -> TextTable:
    """List every cell: what it is and how it ended."""
    axes = list(axes_of(cells))
    head = ["cell", *axes, "seed", "status", "step", "time", "warnings", "reason"]
    rows = [
        [
            row["cell"],
            *(text(row[name]) for name in axes),
            text(row["seed"]),
            row["status"],
            text(row["step"]),
            duration(row["seconds"]),
            row["warnings"].replace(";", ", "),
            row["reason"],
        ]
        for row in cells.head(MAX_ROWS).to_dict("records")
    ]
    return TextTable(head=head, rows=rows, more=max(0, len(cells) - MAX_ROWS))


def scores_text_table(results: ResultTables) -> TextTable:
    """List the current scores at each cell's last step, each sample set by itself."""
    scores, axes = current_rows(results.scores), list(axes_of(results.cells))
    last = dict(zip(results.cells["cell"].tolist(), results.cells["step"].tolist(), strict=True))
    final = [row for row in scores.to_dict("records") if row["step"] == last.get(row["cell"])]
    repeat = ["repeat"] if any(row["repeat"] for row in final) else []
    head = ["cell", *axes, "seed", "step", *repeat, "score", "value", "samples", "protocol"]
    rows = [
        [
            row["cell"],
            *(text(row[name]) for name in axes),
            text(row["seed"]),
            str(row["step"]),
            *(str(row[name]) for name in repeat),
            metric_label(row["metric"], row["extractor"]),
            number(row["value"], 6),
            str(row["samples"]),
            row["protocol"],
        ]
        for row in final[:MAX_ROWS]
    ]
    return TextTable(head=head, rows=rows, more=max(0, len(final) - MAX_ROWS))


def environments_text_table(cells: pd.DataFrame) -> TextTable:
    """List each environment with its versions and the number of its cells."""
    names = ("environment", "device", "engine", "ganbench", "torch", "torch-fidelity", "plugins")
    known = cells[cells["environment"] != ""]
    counts: dict[tuple[str, ...], int] = {}
    for row in known.to_dict("records"):
        key = tuple(str(row[name]) for name in names)
        counts[key] = counts.get(key, 0) + 1
    return TextTable(head=[*names, "cells"], rows=[[*key, str(count)] for key, count in counts.items()])


def duration(seconds: float) -> str:
    """Format seconds in a unit that reads well; a dash where they are unknown."""
    if math.isnan(seconds):
        return "-"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def _text_table(view: TableView, columns: Sequence[tuple[str, str]]) -> TextTable:
    head, rows = view.table(columns)
    return TextTable(head=head, rows=rows, more=view.more, notes=view.notes, shared=view.shared)
