"""A results folder as tables, to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from ganbench.analysis.records import printable
from ganbench.analysis.result_tables import ResultTables, analyse, write_result_tables
from ganbench.catalog import Catalog, PluginSource, load_catalog
from ganbench.report.notebook import as_html
from ganbench.report.standalone_figures import standalone_figures
from ganbench.store import Store


@dataclass(frozen=True, kw_only=True)
class Results(ResultTables):
    """The results of a run.

    Attributes:
        path: the folder.
        grid: the resolved grid, parsed.
        cells: one row per cell: identity, status and reason, warnings, step, seconds, device, environment.
        scores: one row per score: cell, step, metric, value, how it was measured.
        comparison: one row per context × metric × pair of the compared axis, with the verdict in words.
        final: one row per combination × final value, those that are never compared too: mean and standard
            deviation over its seeds, and that of the metric itself.
        compared: the compared axis and its baseline.
        finals: final scores by cell.
    """

    def figures(self) -> dict[str, Figure]:
        """Draw the figures of report.html, each with title and legend, to be shown, changed or saved.

        They are drawn anew with each call, from the tables and from the curves in the folder; curves that
        are missing or damaged are left out.

        Returns:
            Of each context, by `context: title`: final scores seed by seed, scores and losses over steps;
            before them the differences from the baseline, one figure per metric.

        Raises:
            StoreError: the folder is gone.
        """
        drawn = standalone_figures(Store(self.path).require(), self, [])
        return {figure.name: figure.figure for figure in drawn}

    def _repr_html_(self) -> str:
        return str(as_html(printable(self.path.name), self.cells, self.comparison, self.final, self.part))


def load(path: str | Path, *, plugins: Sequence[PluginSource] = ()) -> Results:
    """Read a results folder; no plugin is needed, and damaged cells appear as `error`.

    Args:
        path: a folder made by `ganbench run`.
        plugins: files and modules without a package, as for `ganbench.run`; they are needed only for cells
            whose record is damaged.

    Raises:
        StoreError: there is no such folder, it holds no results, or its grid is damaged.
        CatalogError: one of `plugins` cannot be used.
    """
    catalog = load_catalog(plugins=plugins) if plugins else None
    return Results(**vars(analyse(Store(path), catalog=lambda: catalog or load_catalog())))


def write_tables(
    store: Store, cells: Sequence[str] | None = None, *, catalog: Callable[[], Catalog] = load_catalog
) -> Results:
    """Write cells.csv, scores.csv and comparison.csv from what the store holds of each cell.

    Where it holds only the first two, they stay as they are.

    Args:
        store: the folder.
        cells: the grid's cells in its order; as the folder's cells.csv has them unless given.
        catalog: gives the catalog that the grid is read with, where a cell's own record cannot be read.

    Raises:
        StoreError: the folder holds no results, or cannot be written.
    """
    results = Results(**vars(analyse(store, cells, catalog=catalog)))
    write_result_tables(store, results, comparison_only=cells is None and store.has_only_tables())
    return results
