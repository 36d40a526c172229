"""The tables of several results folders as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared, Row, axes_of
from ganbench.analysis.final_scores import final_scores, summarise
from ganbench.analysis.identities import AUGMENTATION, is_varied
from ganbench.analysis.ranking import rank
from ganbench.analysis.records import AXES, NOT_AUGMENTED, plain
from ganbench.analysis.result_tables import ResultTables
from ganbench.analysis.tables import CELL_COLUMNS, SCORE_COLUMNS, frame
from ganbench.errors import GridError, did_you_mean

_SCORE_KEY = ("step", "metric", "extractor", "protocol", "repeat")


def join_tables(
    tables: Sequence[ResultTables], *, axis: str | None = None, baseline: str | None = None
) -> ResultTables:
    """Join the tables of results folders, of one grid or of several, and compare all cells with each other.

    A cell that several folders have is taken from the first where it is finished, with the scores of all.

    Args:
        tables: of each folder, at least one.
        axis: the axis to compare; that of the first folder unless given.
        baseline: a value of it; the first unless given.

    Returns:
        Tables whose `path` and `grid` are those of the first folder. A setting that only some of the grids
        vary has in the rows of the others the value that their grid gives it; none where they have overrides.

    Raises:
        GridError: there is nothing to join, no such axis, or a cell has two results.
    """
    if not tables:
        raise GridError("concat: needs at least one results folder")
    first, varied = tables[0], _varied(tables)
    chosen: dict[str, tuple[Row, ResultTables]] = {}
    for each in tables:
        for row in each.cells.to_dict("records"):
            chosen[row["cell"]] = _better(chosen.get(row["cell"]), (row, each))
    cells = frame(
        [_filled(row, home, varied) for row, home in chosen.values()], _columns(varied, CELL_COLUMNS)
    )
    scores = frame(_score_rows(tables, chosen, varied), _columns(varied, SCORE_COLUMNS))
    what = first.compared if axis is None else Compared(axis, baseline)
    known = axes_of(cells)
    for name in what.axes:
        if name not in known:
            raise GridError(f"axis: no axis {name!r} in these results{did_you_mean(name, known)}")
    finals = final_scores(cells, scores)
    comparison = compare(cells, scores, what, finals)
    return ResultTables(
        path=first.path,
        grid=first.grid,
        cells=cells,
        scores=scores,
        comparison=comparison,
        ranking=rank(cells, scores, what, finals, comparison),
        final=summarise(cells, scores, finals),
        compared=what,
        finals=finals,
    )


def _varied(tables: Sequence[ResultTables]) -> tuple[str, ...]:
    """List what any of the grids varies beside the axes of all; the augmentation first, as in every table."""
    names = dict.fromkeys(name for each in tables for name in each.cells.columns if is_varied(name))
    return (*([AUGMENTATION] if AUGMENTATION in names else []), *(n for n in names if n != AUGMENTATION))


def _columns(varied: Sequence[str], rest: Sequence[str]) -> tuple[str, ...]:
    return ("cell", *AXES, *varied, *rest)


def _filled(row: Row, tables: ResultTables, varied: Sequence[str]) -> dict[str, Any]:
    """Complete a row with what its own grid does not vary."""
    filled = {name: _setting(tables.grid, name) for name in varied} | dict(row)
    return {name: None if _is_missing(value) and name in varied else value for name, value in filled.items()}


def _setting(grid: Mapping[str, Any], name: str) -> Any:
    """Read a setting of a resolved grid; None where overrides may give it another value for some cells."""
    if name == AUGMENTATION:
        return NOT_AUGMENTED
    found: Any = None if grid.get("override") else grid
    for key in name.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return None if isinstance(found, Mapping | list) else plain(found)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value


def _better(
    before: tuple[Row, ResultTables] | None, now: tuple[Row, ResultTables]
) -> tuple[Row, ResultTables]:
    """Choose between a cell as two folders have it.

    Raises:
        GridError: both have finished it, to different weights.
    """
    if before is None:
        return now
    (one, mine), (other, yours) = before, now
    done = [row["status"] == "ok" for row in (one, other)]
    if all(done) and one["weights"] != other["weights"]:
        raise GridError(
            f"cell {one['cell']}: two results, in {mine.path} and {yours.path}: weights "
            f"{str(one['weights'])[:12]} and {str(other['weights'])[:12]}"
        )
    return now if done == [False, True] else before


def _score_rows(
    tables: Sequence[ResultTables], chosen: dict[str, tuple[Row, ResultTables]], varied: Sequence[str]
) -> list[dict[str, Any]]:
    """List the scores of each cell: of the chosen folder, and what equal results elsewhere have more."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in tables:
        weights = dict(zip(each.cells["cell"].tolist(), each.cells["weights"].tolist(), strict=True))
        for row in each.scores.to_dict("records"):
            own, home = chosen[row["cell"]]
            if each is home or weights[row["cell"]] == own["weights"] != "":
                found.setdefault((row["cell"], *(row[n] for n in _SCORE_KEY)), _filled(row, each, varied))
    return list(found.values())
