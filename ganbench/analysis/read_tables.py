"""The tables of cells and scores of a results folder, from what its cells recorded or from its CSV files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from ganbench.analysis.context import axes_of
from ganbench.analysis.identities import AUGMENTATION, is_varied
from ganbench.analysis.records import (
    AXES,
    MAX_INTEGER,
    STATUSES,
    Record,
    Score,
    finite_seconds,
    known_costs,
    plain,
    printable,
    read_records,
)
from ganbench.analysis.tables import CELL_COLUMNS, cells_frame, scores_frame
from ganbench.catalog import Catalog
from ganbench.errors import StoreError
from ganbench.files.atomic import read_bytes
from ganbench.grid.cell import Cell
from ganbench.grid.shard import Shard
from ganbench.store import CELLS, SCORES, Store
from ganbench.store.cells import LATER_SCORE_COLUMNS, TEXT_LIMIT

Key = tuple[str, ...]
Row = Mapping[str, Any]
_Read = TypeVar("_Read")

# Without these columns a CSV file is no table of cells, or of scores.
_CELL = ("cell", *AXES, "seed", "status")
_SCORE = ("cell", "step", "metric", "value", "extractor", "samples", "protocol", "direction")
# What files of an earlier ganbench may lack, or leave empty, and how it is read there.
_LATER_CELL = {name: "" for name in CELL_COLUMNS if name not in _CELL}
_LATER_SCORE = {"repeat": "0", **LATER_SCORE_COLUMNS}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a results folder.

    Attributes:
        path: the folder.
        grid: the resolved grid, parsed.
        cells: one row per cell: identity, status and reason, warnings, step, seconds, device, environment.
        scores: one row per score: cell, step, metric, value, how it was measured.
        shard: which part of the grid's cells the folder has; None where it has all of them.
        external: whether the scores are of samples that another program made; there is no grid then.
    """

    path: Path
    grid: Mapping[str, Any] = field(repr=False, compare=False)
    cells: pd.DataFrame = field(repr=False, compare=False)
    scores: pd.DataFrame = field(repr=False, compare=False)
    shard: Shard | None = None
    external: bool = False

    @property
    def part(self) -> str:
        """Say that a shard's comparison is not that of its grid; empty where the folder is no shard's."""
        if self.shard is None:
            return ""
        return f"{self.shard.words}: a part of the grid; join the shards with `ganbench merge` to compare"

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes that every grid has, and the settings that this one varies, sorted."""
        return (*AXES, *sorted(set(axes_of(self.cells)) - set(AXES)))

    def contexts(self) -> dict[Key, tuple[Row, ...]]:
        """Group the cells by everything but the seed: by the values of `axes`, as text."""
        groups: dict[Key, list[Row]] = {}
        for row in self.cells.to_dict("records"):
            key = tuple("" if row[name] is None else str(row[name]) for name in self.axes)
            groups.setdefault(key, []).append(row)
        return {key: tuple(rows) for key, rows in groups.items()}

    def context_of(self, cell: Cell) -> Key:
        """Give a grid's cell the key that `contexts` has it under."""
        values = {**cell.axes, **{name: str(value) for name, value in cell.varied.items()}}
        return tuple(values.get(name, "") for name in self.axes)


def collect_tables(
    store: Store, cells: Sequence[str] | None = None, *, catalog: Callable[[], Catalog]
) -> Tables:
    """Make the tables from what each cell of a folder recorded; damaged cells appear as `error`.

    A folder that holds tables and no cells, as a baseline in a repository, is read as it is.

    Args:
        store: the folder.
        cells: the grid's cells in its order; as the folder's cells.csv has them unless given.
        catalog: gives the catalog that the grid is read with, where a cell's own record cannot be read.

    Raises:
        StoreError: there is no such folder, it holds no results, or its grid is damaged.
    """
    grid = store.require().grid()
    if cells is None and store.has_only_tables():
        records = _table_records(store)
    else:
        records = read_records(store, cells, catalog=catalog)
    if not records:
        raise StoreError(f"{store.path}: no cell in this results folder")
    return _tables(store, grid, records)


def read_tables(path: str | Path) -> Tables:
    """Read the tables that a folder has as CSV.

    Only grid.toml, cells.csv and scores.csv are read, so that a folder can be kept in a repository without
    weights, curves and pictures.

    Args:
        path: a folder made by `ganbench run`, or one that holds these three files only.

    Raises:
        StoreError: it is no such folder, or a table is absent, damaged or without cells.
    """
    store = Store(path).require()
    for name in (CELLS, SCORES):
        if not (store.path / name).is_file():
            raise StoreError(
                f"{store.path}: has no {name}; `ganbench report {store.path}` writes it where there are cells"
            )
    records = _table_records(store)
    if not records:
        raise StoreError(f"{store.path / CELLS}: has no cell")
    return _tables(store, store.grid(), records)


def _tables(store: Store, grid: Mapping[str, Any], records: Sequence[Record]) -> Tables:
    return Tables(
        path=store.path,
        grid=grid,
        cells=cells_frame(records),
        scores=scores_frame(records),
        shard=store.shard(),
    )


def _table_records(store: Store) -> tuple[Record, ...]:
    """Read each cell of cells.csv, with its rows of scores.csv where there is such a file."""
    scores: dict[str, list[Score]] = {}
    if (store.path / SCORES).is_file():
        for cell, score in _rows(store.path / SCORES, _SCORE, _LATER_SCORE, _score):
            scores.setdefault(cell, []).append(score)
    records = list(_rows(store.path / CELLS, _CELL, _LATER_CELL, _record))
    _refuse_twice(store.path / CELLS, records)
    return tuple(replace(record, scores=tuple(scores.get(record.cell, ()))) for record in records)


def _rows(
    path: Path, needed: Sequence[str], later: Mapping[str, str], read: Callable[[Mapping[str, str]], _Read]
) -> Iterator[_Read]:
    """Read the rows of a CSV file, with what it may lack filled in."""
    try:
        reader = csv.DictReader(io.StringIO(read_bytes(path, TEXT_LIMIT).decode()), strict=True)
        columns = reader.fieldnames or ()
        if missing := [name for name in needed if name not in columns]:
            raise ValueError(f"no column {', '.join(missing)}")
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num} has more or fewer values than there are columns")
            filled = {name: row.get(name) or otherwise for name, otherwise in later.items()}
            try:
                found = read({**row, **filled})
            except ValueError as error:
                raise ValueError(f"line {reader.line_num}: {error}") from error
            yield found
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise StoreError(f"{path}: damaged: {error}") from error


def _record(row: Mapping[str, str]) -> Record:
    if row["status"] not in STATUSES:
        raise ValueError(f"status {printable(row['status'])!r}")
    plugins = [plugin.rpartition(" ") for plugin in row["plugins"].split("; ") if plugin]
    return Record(
        cell=printable(row["cell"]),
        axes={axis: printable(row[axis]) for axis in AXES},
        varied={name: _setting(name, text) for name, text in row.items() if is_varied(name)},
        # A cell whose record was damaged when the table was written, and of which the grid told nothing.
        seed=_count(row, "seed") if row["seed"] or row["status"] != "error" else None,
        status=row["status"],
        reason=printable(row["reason"]),
        warnings=tuple(printable(warning) for warning in row["warnings"].split(";") if warning),
        step=_count(row, "step") if row["step"] else 0 if row["status"] == "ok" else None,
        seconds=finite_seconds(row["seconds"]),
        device=printable(row["device"]),
        engine=printable(row["engine"]),
        environment=printable(row["environment"]),
        weights=printable(row["weights"]),
        versions={name: printable(row[name]) for name in ("ganbench", "torch", "torch-fidelity")},
        plugins={
            printable(name or version): printable(version if name else "") for name, _, version in plugins
        },
        provenance=printable(row["provenance"]),
        cost=known_costs(row),
    )


def _score(row: Mapping[str, str]) -> tuple[str, Score]:
    return printable(row["cell"]), Score(
        step=_count(row, "step"),
        metric=printable(row["metric"]),
        # A table has nothing where a score is NaN.
        value=_number(row, "value", float) if row["value"] else math.nan,
        direction=printable(row["direction"]),
        extractor=printable(row["extractor"]),
        samples=_count(row, "samples"),
        protocol=printable(row["protocol"]),
        repeat=_count(row, "repeat"),
        note=printable(row["note"]),
        current=row["current"].lower() != "false",
    )


def _count(row: Mapping[str, str], name: str) -> int:
    count = _number(row, name, int)
    if not 0 <= count <= MAX_INTEGER:
        raise ValueError(f"{name} is below 0 or beyond 64 bits: {printable(row[name])[:40]!r}")
    return count


def _number(row: Mapping[str, str], name: str, kind: Callable[[str], _Read]) -> _Read:
    try:
        return kind(row[name])
    except ValueError:
        raise ValueError(f"{name} is no number: {printable(row[name])[:40]!r}") from None


def _setting(name: str, text: str) -> Any:
    """Read the value of a varied setting, or an augmentation, of which a table holds the text."""
    if name == AUGMENTATION:
        return printable(text) if text else None
    if text in ("True", "False"):
        return text == "True"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return printable(text) if text else None
    return plain(value) if isinstance(value, int | float) else printable(text)


def _refuse_twice(path: Path, records: Sequence[Record]) -> None:
    """Refuse a table in which one seed of a context stands twice."""
    known = [record for record in records if record.seed is not None]
    times = Counter(
        (*record.axes.values(), *map(str, record.varied.values()), record.seed) for record in known
    )
    if times:
        (twice, count), *_ = times.most_common(1)
        if count > 1:
            raise StoreError(
                f"{path}: damaged: {count} cells of {', '.join(map(str, twice[:-1]))}, seed {twice[-1]}"
            )
