"""A results folder as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import compared
from ganbench.analysis.final_scores import summarise
from ganbench.analysis.records import printable, read_records
from ganbench.analysis.tabled import read_tables
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.errors import StoreError
from ganbench.report.notebook import as_html
from ganbench.report.standalone_figures import standalone_figures
from ganbench.store import CELLS, COMPARISON, SCORES, Store


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a run left behind.

    Attributes:
        path: the folder.
        cells: one row a cell: identity, status and reason, warnings, step, seconds, device, environment.
        scores: one row a score: cell, step, metric, value, how it was measured.
        comparison: one row per context × metric × pair of the compared axis, with the verdict in words.
        final: one row per combination × final value, those that are never compared too: mean and standard
            deviation over its seeds, and that of the metric itself.
    """

    path: Path
    cells: pd.DataFrame = field(repr=False, compare=False)
    scores: pd.DataFrame = field(repr=False, compare=False)
    comparison: pd.DataFrame = field(repr=False, compare=False)
    final: pd.DataFrame = field(repr=False, compare=False)

    def figures(self) -> dict[str, Figure]:
        """The figures of report.html, each with title and legend, to be shown, changed or saved.

        They are drawn anew with each call, from the tables and from the curves in the folder; curves that
        are missing or damaged are left out.

        Returns:
            Of each context, by `context: title`: final scores seed by seed, scores and losses over steps;
            before them the differences from the baseline, a figure a metric.

        Raises:
            StoreError: the folder is gone, or its grid is damaged.
        """
        tables = (self.cells, self.scores, self.comparison)
        return {
            drawn.name: drawn.figure for drawn in standalone_figures(Store(self.path).require(), *tables, [])
        }

    def _repr_html_(self) -> str:
        return str(as_html(printable(self.path.name), self.cells, self.comparison, self.final))


def load(path: str | Path) -> Results:
    """Read a results folder; no plugin is needed, and damaged cells appear as `error`.

    Args:
        path: a folder made by `ganbench run`.

    Raises:
        StoreError: there is no such folder, it holds no results, or its grid is damaged.
    """
    return _read(Store(path), None)


def write_tables(store: Store, cells: Sequence[str] | None = None) -> Results:
    """Write cells.csv, scores.csv and comparison.csv from what the store holds of each cell.

    Where it holds only the first two, they stay as they are.

    Args:
        store: the folder.
        cells: the grid's cells in its order; as the folder's cells.csv has them unless given.

    Raises:
        StoreError: the folder holds no results, or cannot be written.
    """
    results = _read(store, cells)
    if cells is not None or not store.has_only_tables():
        store.write_frame(CELLS, results.cells)
        store.write_frame(SCORES, results.scores)
    store.write_frame(COMPARISON, results.comparison)
    return results


def _read(store: Store, cells: Sequence[str] | None) -> Results:
    what = compared(store.require().grid())
    tabled = cells is None and store.has_only_tables()
    records = read_tables(store) if tabled else read_records(store, cells)
    if not records:
        raise StoreError(f"{store.path}: no cell in this results folder")
    table, scores = cells_frame(records), scores_frame(records)
    return Results(
        path=store.path,
        cells=table,
        scores=scores,
        comparison=compare(table, scores, what),
        final=summarise(table, scores),
    )
