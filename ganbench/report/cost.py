"""What each combination costs beside how good it is, as a table."""

from __future__ import annotations

import pandas as pd

from ganbench.analysis.context import axes_of, metric_label, shared
from ganbench.analysis.numbers import mean_and_sd, number
from ganbench.analysis.records import COSTS
from ganbench.analysis.result_tables import ResultTables
from ganbench.report.table_views import text
from ganbench.report.text_tables import MAX_ROWS, TextTable, duration

# Scores beside the costs; the table of final scores has all.
_MAX_SCORES = 3
# Speeds and memory of so much are written without decimals.
_WHOLE = 100
_NOTE = (
    "Means over the finished cells. Time: of the whole cell, with scoring; steps per second: of training "
    "alone. Memory: the most that tensors took on a GPU, or the worker on a CPU, libraries and data "
    "included. Times can be compared only where they are of one machine that had nothing else to do."
)


def cost_text_table(results: ResultTables) -> TextTable:
    """Lay out final scores, parameters, time, speed and memory of each combination.

    Args:
        results: the tables of a folder; without rows where none of its cells says what it cost.
    """
    known = results.cells[(results.cells["status"] == "ok") & results.cells["seed"].notna()]
    if not known[list(COSTS)].notna().any(axis=None):
        return TextTable(head=[], rows=[])
    same, context = shared(known)
    axes = list(axes_of(known))
    scores = _scores(results.final, axes)
    labels = list(dict.fromkeys(label for found in scores.values() for label in found))[:_MAX_SCORES]
    head = [
        *(context or ["dataset"]),
        "seeds",
        *labels,
        *("parameters of G", "parameters of D", "time", "steps per second", "memory, MiB"),
    ]
    rows = []
    for key, cells in known.groupby([known[name].map(str) for name in axes], sort=False):
        found = scores.get(tuple(key), {})
        first = cells.iloc[0]
        rows.append(
            [
                *(text(first[name]) for name in context or ["dataset"]),
                str(len(cells)),
                *(found.get(label, "-") for label in labels),
                *(_count(cells[name]) for name in COSTS[:2]),
                duration(cells["seconds"].mean()),
                *(_amount(cells[name].mean()) for name in COSTS[2:]),
            ]
        )
    return TextTable(
        head=head, rows=rows[:MAX_ROWS], shared=same, more=max(0, len(rows) - MAX_ROWS), notes=[_NOTE]
    )


def _scores(final: pd.DataFrame, axes: list[str]) -> dict[tuple[str, ...], dict[str, str]]:
    """Write mean and standard deviation of each compared score, by combination and label."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in final[(final["direction"] != "") & (final["metric"] != "")].to_dict("records"):
        labelled = found.setdefault(tuple(str(row[name]) for name in axes), {})
        label = metric_label(row["metric"], row["extractor"])
        labelled.setdefault(label, mean_and_sd(row["mean"], row["sd"]))
    return found


def _amount(mean: float) -> str:
    """Write an amount that is often in the thousands: `24,310`."""
    return f"{mean:,.0f}" if mean >= _WHOLE else number(mean)


def _count(parameters: pd.Series) -> str:
    """Write a number that the seeds have in common."""
    numbers = parameters.dropna().unique().tolist()
    return " or ".join(f"{amount:,}" for amount in numbers) or "-"
