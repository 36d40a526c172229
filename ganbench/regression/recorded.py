"""What a results folder's tables say: all that a check needs of it.

Only grid.toml, cells.csv and scores.csv are read, so that a baseline can be kept in a repository without
weights, curves and pictures.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ganbench.analysis.context import axes_of
from ganbench.analysis.records import AXES, STATUSES, printable
from ganbench.errors import StoreError
from ganbench.files.atomic import read_bytes
from ganbench.store import CELLS, SCORES, Store
from ganbench.store.cells import TEXT_LIMIT

Key = tuple[str, ...]
Row = Mapping[str, Any]

_CELL = ("cell", *AXES, "seed", "status")
_SCORE = ("cell", "step", "metric", "value", "extractor", "samples", "protocol", "direction")
# What folders of an earlier ganbench may lack, and how it is read there.
_LATER_CELL = {
    **dict.fromkeys(("reason", "warnings", "device", "engine", "environment", "weights"), ""),
    **dict.fromkeys(("ganbench", "torch", "torch-fidelity", "plugins", "provenance"), ""),
    "step": "0",
}
_LATER_SCORE = {"repeat": "0", "note": "", "current": "True"}
_NUMBERS: Mapping[str, Callable[[str], Any]] = {
    "seed": int,
    "step": int,
    "samples": int,
    "repeat": int,
    "value": float,
    "current": lambda text: text.lower() != "false",
}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The tables of a results folder.

    Attributes:
        path: the folder.
        grid: the resolved grid, parsed.
        cells: one row a cell, as `Results.cells`; what varies as text.
        scores: one row a score, likewise.
    """

    path: Path
    grid: Mapping[str, Any] = field(repr=False)
    cells: pd.DataFrame = field(repr=False, compare=False)
    scores: pd.DataFrame = field(repr=False, compare=False)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes that every grid has, and the settings that this one varies, sorted."""
        return (*AXES, *sorted(set(axes_of(self.cells)) - set(AXES)))

    def contexts(self) -> dict[Key, tuple[Row, ...]]:
        """The cells of each context, that is of everything but the seed, by the values of `axes`."""
        found: dict[Key, list[Row]] = {}
        for row in self.cells.to_dict("records"):
            found.setdefault(tuple(row[name] for name in self.axes), []).append(row)
        return {key: tuple(rows) for key, rows in found.items()}


def read_recorded(path: str | Path) -> Recorded:
    """Read the tables of a results folder whose run has come to its end.

    Args:
        path: a folder made by `ganbench run`, or one that holds only its grid.toml, cells.csv and scores.csv.

    Raises:
        StoreError: it is no such folder, a table is absent or damaged, or cells are unfinished.
    """
    store = Store(path).require()
    for name in (CELLS, SCORES):
        if not (store.path / name).is_file():
            raise StoreError(
                f"{store.path}: has no {name}; `ganbench report {store.path}` writes it where there are cells"
            )
    cells = list(_rows(store.path / CELLS, _CELL, _LATER_CELL, dotted=True))
    scores = list(_rows(store.path / SCORES, _SCORE, _LATER_SCORE, dotted=False))
    _refuse_unusable(store.path, cells)
    return Recorded(
        path=store.path,
        grid=store.grid(),
        cells=pd.DataFrame(cells),
        scores=pd.DataFrame(scores, columns=pd.Index([*_SCORE, *_LATER_SCORE])),
    )


def _rows(path: Path, needed: tuple[str, ...], later: Mapping[str, str], dotted: bool) -> Iterator[Row]:
    """The rows of a table: numbers as numbers, everything else as printable text."""
    try:
        reader = csv.DictReader(io.StringIO(read_bytes(path, TEXT_LIMIT).decode()), strict=True)
        columns = reader.fieldnames or ()
        if missing := [name for name in needed if name not in columns]:
            raise ValueError(f"no column {', '.join(missing)}")
        varied = [name for name in columns if dotted and "." in name]
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num} has more or fewer values than there are columns")
            texts = {name: row[name] for name in (*needed, *varied)}
            texts |= {name: row.get(name) or otherwise for name, otherwise in later.items()}
            yield {name: _value(name, text, reader.line_num) for name, text in texts.items()}
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise StoreError(f"{path}: damaged: {error}") from error


def _value(name: str, text: str, line: int) -> Any:
    if name not in _NUMBERS:
        return printable(text)
    try:
        return _NUMBERS[name](text)
    except ValueError:
        # So is the seed of a cell whose record was damaged when the table was written.
        raise ValueError(f"line {line}: {name} is no number: {printable(text)[:40]!r}") from None


def _refuse_unusable(path: Path, cells: list[Row]) -> None:
    if not cells:
        raise StoreError(f"{path / CELLS}: has no cell")
    for row in cells:
        if row["status"] not in STATUSES:
            raise StoreError(f"{path / CELLS}: damaged: status {row['status']!r}")
    if unfinished := sum(row["status"] == "unfinished" for row in cells):
        raise StoreError(
            f"{path}: {unfinished} of {len(cells)} cells are unfinished; `ganbench run` goes on with them"
        )
    axes = [name for name in cells[0] if name in AXES or "." in name]
    twice = Counter((*(row[name] for name in axes), row["seed"]) for row in cells)
    (most, times), *_ = twice.most_common(1)
    if times > 1:
        raise StoreError(
            f"{path / CELLS}: damaged: {times} cells of {', '.join(map(str, most[:-1]))}, seed {most[-1]}"
        )
