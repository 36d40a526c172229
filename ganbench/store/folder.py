"""A results folder on disk: the only module, with its neighbours here, that knows the file names."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.store.atomic import TEMPORARY_SUFFIX, make_folder, read_bytes, write_bytes
from ganbench.store.lock import hold
from ganbench.store.tensors import read_state, read_tensors, serialise, write_state

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

GRID = "grid.toml"
CELLS = "cells.csv"
SCORES = "scores.csv"
COMPARISON = "comparison.csv"
REPORT = "report.html"
FOLDER = "cells"

CELL = "cell.json"
CURVES = "curves.parquet"
PICTURE = "samples.png"
GENERATOR = "generator.safetensors"
CHECKPOINT = "checkpoint.safetensors"
EARLIER_CHECKPOINT = "checkpoint.earlier.safetensors"
TRACEBACK = "traceback.txt"

SCORE_COLUMNS = ("step", "metric", "value", "direction", "extractor", "samples", "protocol", "repeat")
FORMAT = 1
_ID = re.compile(r"c[0-9a-f]{11}")
_TEXT_LIMIT = 64 * 2**20
_RECORD_LIMIT = 2**20


class Store:
    """A results folder.

    Every write is atomic. Every read is bounded and checked: the folder may come from anywhere.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other runs out.

        Raises:
            StoreError: another run holds the folder, or it cannot be written.
        """
        return hold(self.path)

    # The whole folder

    def exists(self) -> bool:
        """Whether this is a results folder: it has a grid."""
        return (self.path / GRID).is_file()

    def require(self) -> Store:
        """This store, where it is one.

        Raises:
            StoreError: there is no such folder, or it holds no results.
        """
        if not self.path.is_dir():
            raise StoreError(f"{self.path}: no such folder; expected a results folder made by `ganbench run`")
        if not self.exists():
            raise StoreError(f"{self.path}: not a results folder: it has no {GRID}")
        return self

    def grid_text(self) -> str:
        """The resolved grid, as TOML.

        Raises:
            StoreError: it is absent or not text.
        """
        try:
            return read_bytes(self.path / GRID, _TEXT_LIMIT).decode()
        except UnicodeDecodeError as error:
            raise StoreError(f"{self.path / GRID}: not UTF-8 text: {error}") from error

    def grid(self) -> dict[str, Any]:
        """The resolved grid, parsed.

        Raises:
            StoreError: it is absent or damaged.
        """
        try:
            return tomllib.loads(self.grid_text())
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise StoreError(f"{self.path / GRID}: damaged: {error}") from error

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file at the top of the folder.

        Raises:
            StoreError: the file system refuses.
        """
        write_bytes(self.path / name, text.encode())
        return self.path / name

    def write_grid(self, text: str) -> None:
        """Write the resolved grid, and with it make this a results folder.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.path / FOLDER)
        self.write_text(GRID, text)

    def write_frame(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a table as CSV, floats in full precision.

        Raises:
            StoreError: the file system refuses.
        """
        return self.write_text(name, frame.to_csv(index=False, lineterminator="\n"))

    def cell_ids(self) -> list[str]:
        """The cells of the grid, in its order; every cell on disk where cells.csv is absent or damaged."""
        try:
            table = read_bytes(self.path / CELLS, _TEXT_LIMIT).decode()
            ids = [row["cell"] for row in csv.DictReader(io.StringIO(table))]
            if ids and all(_ID.fullmatch(cell) for cell in ids) and len(set(ids)) == len(ids):
                return ids
        except (StoreError, UnicodeDecodeError, KeyError, csv.Error, TypeError):
            pass
        return self.cells_on_disk()

    def cells_on_disk(self) -> list[str]:
        """Every cell that has a folder, sorted, whether or not the grid still has it."""
        folder = self.path / FOLDER
        if not folder.is_dir():
            return []
        return sorted(
            entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name) and entry.is_dir()
        )

    # One cell

    def folder(self, cell: str) -> Path:
        """The folder of one cell.

        Raises:
            StoreError: the name is not a cell's, so it could lead anywhere.
        """
        if not _ID.fullmatch(cell):
            raise StoreError(f"{self.path}: {cell!r} is not a cell; expected 'c' and 11 hexadecimal digits")
        return self.path / FOLDER / cell

    def has_cell(self, cell: str) -> bool:
        """Whether anything was recorded of a cell."""
        return (self.folder(cell) / CELL).is_file()

    def cell(self, cell: str) -> dict[str, Any]:
        """The record of one cell.

        Raises:
            StoreError: it is absent, damaged, or of a later version.
        """
        path = self.folder(cell) / CELL
        try:
            record = json.loads(read_bytes(path, _RECORD_LIMIT))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path}: damaged: {error}") from error
        if not isinstance(record, dict) or record.get("cell") != cell or not _well_formed(record):
            raise StoreError(f"{path}: damaged: not the record of cell {cell}")
        if record["format"] > FORMAT:
            raise StoreError(
                f"{path}: written by a later ganbench (format {record['format']}, known: {FORMAT})"
            )
        return record

    def write_cell(self, cell: str, record: Mapping[str, Any]) -> None:
        """Write the record of one cell.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.folder(cell))
        text = json.dumps({"format": FORMAT, **record}, indent=1, allow_nan=False)
        write_bytes(self.folder(cell) / CELL, text.encode() + b"\n")

    def scores(self, cell: str) -> list[dict[str, Any]]:
        """The scores of one cell: step, metric, value, direction, extractor, samples, protocol, repeat.

        Raises:
            StoreError: the table is damaged. A cell without scores has none.
        """
        path = self.folder(cell) / SCORES
        if not path.exists():
            return []
        try:
            rows = list(csv.DictReader(io.StringIO(read_bytes(path, _TEXT_LIMIT).decode()), strict=True))
            return [
                {
                    **{name: row[name] or "" for name in SCORE_COLUMNS},
                    "step": int(row["step"]),
                    "value": float(row["value"]),
                    "samples": int(row["samples"]),
                    "repeat": int(row["repeat"]),
                }
                for row in rows
            ]
        except (UnicodeDecodeError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise StoreError(f"{path}: damaged: {error}") from error

    def write_scores(self, cell: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the scores of one cell, sorted by step, metric, protocol and repeat.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.folder(cell))
        stream = io.StringIO()
        writer = csv.DictWriter(stream, SCORE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in sorted(rows, key=lambda row: (row["step"], row["metric"], row["protocol"], row["repeat"])):
            writer.writerow({**row, "value": repr(float(row["value"]))})
        write_bytes(self.folder(cell) / SCORES, stream.getvalue().encode())

    def curves(self, cell: str) -> pd.DataFrame | None:
        """The diagnostics of one cell over its steps, or None where there are none.

        Raises:
            StoreError: the file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder(cell) / CURVES
        if not path.exists():
            return None
        try:
            return pq.read_table(io.BytesIO(read_bytes(path, _TEXT_LIMIT * 8))).to_pandas()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(f"{path}: damaged: {error}") from error

    def write_curves(self, cell: str, columns: Mapping[str, Sequence[float]]) -> None:
        """Write the diagnostics of one cell.

        Raises:
            StoreError: the file system refuses.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(pa.table(dict(columns)), sink)
        make_folder(self.folder(cell))
        write_bytes(self.folder(cell) / CURVES, sink.getvalue())

    def samples_png(self, cell: str) -> Path | None:
        """The picture of one cell's samples, where there is one."""
        path = self.folder(cell) / PICTURE
        return path if path.is_file() else None

    def write_picture(self, cell: str, content: bytes) -> None:
        """Write the picture of one cell's samples.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.folder(cell))
        write_bytes(self.folder(cell) / PICTURE, content)

    def generator(self, cell: str) -> dict[str, Tensor]:
        """The state of the scored generator.

        Raises:
            StoreError: it is absent or damaged.
        """
        return read_tensors(self.folder(cell) / GENERATOR)

    def has_generator(self, cell: str) -> bool:
        """Whether the weights of a cell are there."""
        return (self.folder(cell) / GENERATOR).is_file()

    def write_generator(self, cell: str, state: Mapping[str, Tensor]) -> str:
        """Write the state of the scored generator: equal training gives equal bytes.

        Returns:
            The SHA-256 of the file, hexadecimal.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.folder(cell))
        content = serialise(state)
        write_bytes(self.folder(cell) / GENERATOR, content)
        return hashlib.sha256(content).hexdigest()

    def write_checkpoint(self, cell: str, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """Write a checkpoint and keep the one before it.

        Raises:
            StoreError: the file system refuses; the checkpoint that was there stays.
        """
        folder = self.folder(cell)
        make_folder(folder)
        incoming = folder / f".{CHECKPOINT}.incoming{TEMPORARY_SUFFIX}"
        write_state(incoming, tensors, record)
        try:
            if (folder / CHECKPOINT).exists():
                (folder / CHECKPOINT).replace(folder / EARLIER_CHECKPOINT)
            incoming.replace(folder / CHECKPOINT)
        except OSError as error:
            raise StoreError(
                f"{folder / CHECKPOINT}: cannot be written: {error.strerror or error}"
            ) from error

    def checkpoints(self, cell: str) -> list[Path]:
        """The checkpoints of a cell, the latest first; read one with `read_checkpoint`."""
        folder = self.folder(cell)
        return [folder / name for name in (CHECKPOINT, EARLIER_CHECKPOINT) if (folder / name).is_file()]

    @staticmethod
    def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and the record of a checkpoint.

        Raises:
            StoreError: it is absent or damaged.
        """
        return read_state(path)

    def write_traceback(self, cell: str, text: str) -> None:
        """Write the traceback of a cell that ended in `error`.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.folder(cell))
        write_bytes(self.folder(cell) / TRACEBACK, text.encode(errors="replace"))

    def traceback(self, cell: str) -> str | None:
        """The traceback of a cell that ended in `error`, where there is one."""
        path = self.folder(cell) / TRACEBACK
        return read_bytes(path, _RECORD_LIMIT).decode(errors="replace") if path.is_file() else None

    def drop_unfinished(self, cell: str) -> None:
        """Remove what only an unfinished cell needs: checkpoints and the leftovers of killed writes."""
        folder = self.folder(cell)
        for name in (CHECKPOINT, EARLIER_CHECKPOINT):
            (folder / name).unlink(missing_ok=True)
        for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
            leftover.unlink(missing_ok=True)

    def drop_cell(self, cell: str) -> None:
        """Remove everything of one cell, so that it starts anew."""
        shutil.rmtree(self.folder(cell), ignore_errors=True)


def _well_formed(record: Mapping[str, Any]) -> bool:
    """Whether a record has what every reader relies on, in the right types."""
    return (
        isinstance(record.get("format"), int)
        and isinstance(record.get("axes"), dict)
        and all(isinstance(value, str) for value in record["axes"].values())
        and isinstance(record.get("varied"), dict)
        and isinstance(record.get("seed"), int)
        and isinstance(record.get("status"), str)
        and isinstance(record.get("reason"), str)
        and isinstance(record.get("warnings"), list)
        and isinstance(record.get("step"), int)
        and isinstance(record.get("seconds"), int | float)
        and isinstance(record.get("environment"), dict)
    )
