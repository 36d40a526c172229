"""A results folder in Python: its tables, figures, curves, samples and generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd
from matplotlib.figure import Figure

from ganbench.analysis.joined_tables import join_tables
from ganbench.analysis.records import printable
from ganbench.analysis.result_tables import ResultTables, analyse, curves_frame, write_result_tables
from ganbench.catalog import Catalog, PluginSource, load_catalog
from ganbench.errors import StoreError, did_you_mean
from ganbench.report.notebook import as_html
from ganbench.report.standalone_figures import standalone_figures
from ganbench.store import Store

if TYPE_CHECKING:
    from ganbench.api import Samples
    from ganbench.runner.cell_generator import CellGenerator
    from ganbench.runner.shared_parts import SharedParts


@dataclass(frozen=True, kw_only=True)
class Results(ResultTables):
    """The results of a run.

    Attributes:
        path: the folder.
        grid: the resolved grid, parsed.
        cells: one row per cell: identity, status and reason, warnings, step, seconds, device, environment.
        scores: one row per score: cell, step, metric, value, how it was measured.
        comparison: one row per context × metric × pair of the compared axis, with the verdict in words.
        ranking: one row per context × metric × value of the compared axis, where there are three or more:
            which may be the best, and which are shown to be worse.
        final: one row per combination × final value, those that are never compared too: mean, its 95%
            interval (`low`, `high`) and standard deviation over its seeds, and that of the metric itself.
        compared: the compared axis and its baseline.
        finals: final scores by cell.
        plugins: files and modules without a package that the grid needs.
        joined: the results that these were joined from; empty for those of one folder.
    """

    plugins: tuple[PluginSource, ...] = field(default=(), repr=False, compare=False)
    joined: tuple[Results, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def concat(
        cls, results: Sequence[Results], *, axis: str | None = None, baseline: str | None = None
    ) -> Self:
        """Join results of several folders, of one grid or of several, and compare all cells with each other.

        A cell that several folders have counts once, with the scores of all. Scores that were measured
        otherwise are not compared.

        Args:
            results: of each folder, at least one; `path` and `grid` are those of the first.
            axis: the axis to compare, as `architecture`; that of the first folder unless given.
            baseline: a value of it; the first unless given.

        Raises:
            GridError: there is nothing to join, no such axis, or a cell has two results.
        """
        tables = join_tables(results, axis=axis, baseline=baseline)
        # Of results that were joined before, the folders.
        parts = [part for each in results for part in (each.joined or (each,))]
        return cls(**vars(tables), joined=tuple(parts))

    @cached_property
    def curves(self) -> pd.DataFrame:
        """What was logged in training: one row per cell and logged step.

        Columns are `cell`, the axes, `seed`, `step`, and `loss_d`, `loss_g`, `d_real`, `d_fake`,
        `grad_norm_d`, `grad_norm_g` and `jsd`, NaN where a value has no meaning. Cells whose curves are
        missing or damaged are left out. They are read from the folder when they are first asked for.

        Raises:
            StoreError: the folder is gone.
        """
        return curves_frame(self._store(), self.cells)

    def generator(self, cell: str, *, device: str = "auto", best: bool = False) -> CellGenerator:
        """Load the generator of a finished cell: a `torch.nn.Module` in eval mode that also makes samples.

        `generator.sample(n, seed)` gives, bit for bit, what `ganbench sample` writes.

        Args:
            cell: its id, as in the first column of `cells`.
            device: auto, cpu, cuda or cuda:N; auto is the device that the cell was trained on.
            best: whether to load the weights at the best of its scorings, which `score.keep_best` kept, in
                place of the final ones.

        Raises:
            GanbenchError: there is no such cell, it is not finished or has kept no best, its weights are
                damaged, or a plugin that it needs is missing.
        """
        from ganbench.runner.cell_generator import open_generator

        home = self._home(cell)
        return open_generator(Store(home.path).require(), cell, home._shared, device, best=best)

    def samples(
        self, cell: str, n: int | None = None, *, repeat: int = 0, device: str = "auto", best: bool = False
    ) -> Samples:
        """Generate the samples of a finished cell that were scored, the first n.

        Args:
            cell: its id.
            n: how many; as many as were scored unless given.
            repeat: which of the sample sets, where `score.repeats` is above 1.
            device: as for `generator`.
            best: likewise; the samples are those by which the best weights were scored anew.

        Returns:
            On the CPU, uint8 (n, C, H, W) for images or float32 (n, d) for points, with the labels and
            conditions that they were made from.

        Raises:
            GanbenchError: as for `generator`; or n or repeat are out of their range.
        """
        generator = self.generator(cell, device=device, best=best)
        return generator.sample(generator.scored_samples if n is None else n, repeat=repeat)

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
        drawn = standalone_figures(self._store(), self, [])
        return {figure.name: figure.figure for figure in drawn}

    @cached_property
    def _shared(self) -> SharedParts:
        """What the generators of the folder share, so that data are loaded once."""
        from ganbench.runner.shared_parts import SharedParts

        return SharedParts(load_catalog(plugins=self.plugins))

    def _home(self, cell: str) -> Results:
        """Find the folder that has a cell.

        Raises:
            StoreError: there is no such cell.
        """
        homes = [part for part in self.joined or (self,) if cell in set(part.cells["cell"])]
        if not homes:
            known = self.cells["cell"].tolist()
            raise StoreError(f"{self.path}: no cell {cell!r}{did_you_mean(str(cell), known)}")
        finished = (part for part in homes if (part.cells.set_index("cell")["status"][cell] == "ok"))
        return next(finished, homes[0])

    def _store(self) -> Store:
        if not self.joined:
            return Store(self.path).require()
        homes = {cell: Store(self._home(cell).path).require() for cell in self.cells["cell"]}
        return _JoinedStore(self.path, homes)

    def _repr_html_(self) -> str:
        return str(
            as_html(
                printable(self.path.name), self.cells, self.comparison, self.ranking, self.final, self.part
            )
        )


class _JoinedStore(Store):
    """The cells of several results folders, each in its own; only read."""

    def __init__(self, path: Path, homes: Mapping[str, Store]) -> None:
        super().__init__(path)
        self._homes = homes

    def folder(self, cell: str) -> Path:
        return self._homes[cell].folder(cell)


def load(path: str | Path, *, plugins: Sequence[PluginSource] = ()) -> Results:
    """Read a results folder; no plugin is needed, and damaged cells appear as `error`.

    Args:
        path: a folder made by `ganbench run`.
        plugins: files and modules without a package, as for `ganbench.run`; they are needed only for
            `generator` and `samples`, and for cells whose record is damaged.

    Raises:
        StoreError: there is no such folder, it holds no results, or its grid is damaged.
        CatalogError: one of `plugins` cannot be used.
    """
    catalog = load_catalog(plugins=plugins) if plugins else None
    tables = analyse(Store(path), catalog=lambda: catalog or load_catalog())
    return Results(**vars(tables), plugins=tuple(plugins))


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
