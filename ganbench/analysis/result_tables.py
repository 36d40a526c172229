"""The tables of a results folder, with the final scores and the comparison computed from them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pandas as pd

from ganbench.analysis.budget import budget_table
from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared, axes_of, compared, contexts, uncompared
from ganbench.analysis.final_scores import Finals, final_scores, summarise
from ganbench.analysis.ranking import rank
from ganbench.analysis.read_tables import Tables, collect_tables
from ganbench.catalog import Catalog
from ganbench.errors import StoreError
from ganbench.store import BUDGET, CELLS, COMPARISON, RANKING, SCORES, Store

CURVES = ("loss_d", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g", "jsd")
_MAX_STEP = 2**53


@dataclass(frozen=True, kw_only=True)
class ResultTables(Tables):
    """The tables of a results folder and what follows from them.

    Attributes:
        comparison: one row per context × metric × pair of the compared axis, with the verdict in words.
        ranking: one row per context × metric × value of the compared axis, where there are three or more:
            which may be the best, and which are shown to be worse.
        final: one row per combination × final value, those that are never compared too: mean and standard
            deviation over its seeds, and that of the metric itself.
        compared: the compared axis and its baseline.
        finals: final scores by cell.
    """

    comparison: pd.DataFrame = field(repr=False, compare=False)
    ranking: pd.DataFrame = field(repr=False, compare=False)
    final: pd.DataFrame = field(repr=False, compare=False)
    compared: Compared = field(repr=False, compare=False)
    finals: Mapping[str, Finals] = field(repr=False, compare=False)

    @property
    def budget(self) -> pd.DataFrame:
        """The expected best score by the number of combinations; empty where the grid is no sample."""
        return budget_table(self.final.head(0) if "sample" not in self.grid else self.final, self.compared)

    @property
    def uncompared(self) -> list[str]:
        """Say in one line how many contexts have nothing to compare; nothing of a shard, or where all do."""
        found = [] if self.part else contexts(self.cells, self.compared.axis)
        return uncompared((context.groups for context in found), self.compared)


def analyse(
    store: Store, cells: Sequence[str] | None = None, *, catalog: Callable[[], Catalog]
) -> ResultTables:
    """Compute all tables of a folder from what its cells recorded.

    Args:
        store: the folder.
        cells: the grid's cells in its order; as the folder's cells.csv has them unless given.
        catalog: gives the catalog that the grid is read with, where a cell's own record cannot be read.

    Raises:
        StoreError: there is no such folder, it holds no results, or its grid is damaged.
    """
    tables = collect_tables(store, cells, catalog=catalog)
    what = compared(tables.grid)
    finals = final_scores(tables.cells, tables.scores)
    comparison = compare(tables.cells, tables.scores, what, finals)
    return ResultTables(
        **vars(tables),
        comparison=comparison,
        ranking=rank(tables.cells, tables.scores, what, finals, comparison),
        final=summarise(tables.cells, tables.scores, finals),
        compared=what,
        finals=finals,
    )


def curves_frame(store: Store, cells: pd.DataFrame) -> pd.DataFrame:
    """Make the table of what was logged in training: one row per cell and logged step.

    Cells whose curves are missing, damaged or without steps are left out.

    Args:
        store: has the curves of the cells.
        cells: the table of cells.

    Returns:
        A frame with `cell`, the axes, `seed`, `step` and CURVES, in the order of the cells, then of the
        steps; NaN where a value has no meaning.
    """
    axes = axes_of(cells)
    known, tables = cells[cells["seed"].notna()], []
    for row in known.to_dict("records"):
        with suppress(StoreError):
            table = store.curves(row["cell"])
            if table is None or "step" not in table.columns:
                continue
            numbers = table.reindex(columns=["step", *CURVES]).apply(pd.to_numeric, errors="coerce")
            # A damaged file may have any numbers there.
            numbers = numbers[numbers["step"].between(0, _MAX_STEP)]
            numbers = numbers.astype({"step": "int64", **dict.fromkeys(CURVES, "float64")})
            same = {name: [row[name]] * len(numbers) for name in ("cell", *axes, "seed")}
            tables.append(pd.concat([pd.DataFrame(same, index=numbers.index), numbers], axis=1))
    if not tables:
        return pd.DataFrame(columns=["cell", *axes, "seed", "step", *CURVES])
    return pd.concat(tables, ignore_index=True)


def write_result_tables(store: Store, tables: ResultTables, *, comparison_only: bool = False) -> None:
    """Write cells.csv, scores.csv and comparison.csv; ranking.csv and budget.csv where there is any of it.

    Args:
        store: the folder.
        tables: its tables.
        comparison_only: whether the first two stay as they are.

    Raises:
        StoreError: the folder cannot be written.
    """
    if not comparison_only:
        store.write_frame(CELLS, tables.cells)
        store.write_frame(SCORES, tables.scores)
    store.write_frame(COMPARISON, tables.comparison)
    # A ranking of an earlier time must not stay beside a comparison without one.
    for name, table in ((RANKING, tables.ranking), (BUDGET, tables.budget)):
        if not table.empty or (store.path / name).exists():
            store.write_frame(name, table)
