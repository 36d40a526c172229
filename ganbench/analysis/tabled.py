"""Records of a results folder that has its tables only, as a baseline kept in a repository."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ganbench.analysis.records import AXES, STATUSES, Record, Score, printable
from ganbench.errors import StoreError
from ganbench.files.atomic import read_bytes
from ganbench.store import CELLS, SCORES, Store
from ganbench.store.cells import TEXT_LIMIT

_VERSIONS = ("ganbench", "torch", "torch-fidelity")
_LARGEST_INTEGER = 2**63 - 1
_Value = TypeVar("_Value")


def read_tables(store: Store) -> tuple[Record, ...]:
    """Read each cell of cells.csv, with its rows of scores.csv.

    Raises:
        StoreError: a table cannot be read, or a value in it is not of its column's kind.
    """
    scores: dict[str, list[Score]] = {}
    for cell, score in _rows(store.path / SCORES, _score):
        scores.setdefault(cell, []).append(score)
    return tuple(
        Record(**{**vars(record), "scores": tuple(scores.get(record.cell, ()))})
        for record in _rows(store.path / CELLS, _record)
    )


def _rows(path: Path, read: Callable[[Mapping[str, str]], _Value]) -> list[_Value]:
    if not path.is_file():
        return []
    try:
        table = csv.DictReader(io.StringIO(read_bytes(path, TEXT_LIMIT).decode()), strict=True)
        found = []
        for row in table:
            found.append(read({name: value or "" for name, value in row.items() if isinstance(name, str)}))
        return found
    except KeyError as error:
        raise StoreError(f"{path}: damaged: no column {error}") from error
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise StoreError(f"{path}: damaged: {error}") from error


def _record(row: Mapping[str, str]) -> Record:
    status = row["status"]
    if status not in STATUSES:
        raise ValueError(f"status {status!r}")
    seconds = float(row.get("seconds") or "nan")
    plugins = [plugin.rpartition(" ") for plugin in row.get("plugins", "").split("; ") if plugin]
    return Record(
        cell=printable(row["cell"]),
        axes={axis: printable(row.get(axis, "")) for axis in AXES},
        # A varied setting is a dotted key; no other column has a dot.
        varied={name: _setting(value) for name, value in row.items() if "." in name},
        seed=_whole(row["seed"]) if row["seed"] else None,
        status=status,
        reason=printable(row.get("reason", "")),
        warnings=tuple(printable(row.get("warnings", "")).split(";")) if row.get("warnings") else (),
        step=_whole(row["step"]) if row.get("step") else None,
        seconds=seconds if math.isfinite(seconds) and seconds >= 0 else math.nan,
        device=printable(row.get("device", "")),
        engine=printable(row.get("engine", "")),
        environment=printable(row.get("environment", "")),
        weights=printable(row.get("weights", "")),
        versions={name: printable(row[name]) for name in _VERSIONS if row.get(name)},
        plugins={
            printable(name or version): printable(version if name else "") for name, _, version in plugins
        },
    )


def _score(row: Mapping[str, str]) -> tuple[str, Score]:
    return row["cell"], Score(
        step=_whole(row["step"]),
        metric=printable(row["metric"]),
        value=float(row["value"] or "nan"),
        direction=printable(row.get("direction", "")),
        extractor=printable(row["extractor"]),
        samples=_whole(row["samples"]),
        protocol=printable(row["protocol"]),
        repeat=_whole(row.get("repeat") or "0"),
        note=printable(row.get("note", "")),
        current=row.get("current", "") != "False",
    )


def _whole(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _LARGEST_INTEGER:
        raise ValueError(f"{text} is below 0 or beyond 64 bits")
    return number


def _setting(text: str) -> Any:
    """The value of a varied setting, of which a table holds the text."""
    if text in ("True", "False"):
        return text == "True"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return printable(text) if text else None
    return value if isinstance(value, int | float) else printable(text)
