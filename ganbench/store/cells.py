"""The files of one cell in a results folder: its record, scores, curves, picture, weights, checkpoints."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.files.atomic import (
    read_bytes,
    sync_folder,
    write_bytes,
)
from ganbench.files.tensors import MAX_BYTES, read_state, read_tensors, serialise, write_state
from ganbench.store.names import (
    BEST_GENERATOR,
    CELL,
    CHECKPOINT,
    CURVES,
    EARLIER_CHECKPOINT,
    FOLDER,
    GENERATOR,
    INCOMING_CHECKPOINT,
    SCORES,
    TRACEBACK,
    is_cell_file,
)
from ganbench.store.picture_files import PictureFiles

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from torch import Tensor

SCORE_COLUMNS = ("step", "metric", "value", "direction", "extractor", "samples", "protocol", "repeat")
# What rows got later, and how a file without such a column is read.
LATER_SCORE_COLUMNS = {"note": "", "current": "True"}
FORMAT = 1
TEXT_LIMIT = 64 * 2**20
_RECORD_LIMIT = 2**20


class CellStore(PictureFiles):
    """The cells of a results folder, each by its id."""

    def has_cell(self, cell: str) -> bool:
        """Tell whether anything was recorded of a cell."""
        return (self.folder(cell) / CELL).is_file()

    def cell(self, cell: str) -> dict[str, Any]:
        """Read the record of one cell.

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
        self._make_cell(cell)
        text = json.dumps({"format": FORMAT, **record}, indent=1, allow_nan=False)
        write_bytes(self.folder(cell) / CELL, text.encode() + b"\n")

    def scores(self, cell: str) -> list[dict[str, Any]]:
        """Read the scores of one cell: SCORE_COLUMNS, and `note` and `current`.

        `current` says whether the row's protocol is one that the grid's settings measure; a row without it
        counts as current.

        Raises:
            StoreError: the table is damaged. A cell without scores has none.
        """
        path = self.folder(cell) / SCORES
        if not path.exists():
            return []
        try:
            reader = csv.DictReader(io.StringIO(read_bytes(path, TEXT_LIMIT).decode()), strict=True)
            if missing := set(SCORE_COLUMNS) - set(reader.fieldnames or ()):
                raise ValueError(f"no column {', '.join(sorted(missing))}")
            return [
                {
                    **{name: row[name] or "" for name in SCORE_COLUMNS},
                    "note": row.get("note") or "",
                    "current": (row.get("current") or "").lower() != "false",
                    "step": int(row["step"]),
                    "value": float(row["value"]),
                    "samples": int(row["samples"]),
                    "repeat": int(row["repeat"]),
                }
                for row in reader
            ]
        except (UnicodeDecodeError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise StoreError(f"{path}: damaged: {error}") from error

    def write_scores(self, cell: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the scores of one cell, sorted by step, metric, protocol and repeat.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        stream = io.StringIO()
        columns = (*SCORE_COLUMNS, *LATER_SCORE_COLUMNS)
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for row in sorted(rows, key=lambda row: (row["step"], row["metric"], row["protocol"], row["repeat"])):
            writer.writerow({**LATER_SCORE_COLUMNS, **row, "value": repr(float(row["value"]))})
        write_bytes(self.folder(cell) / SCORES, stream.getvalue().encode())

    def mark_current(self, cell: str, protocols: Set[str]) -> None:
        """Mark the scores of one cell whose protocol is among `protocols` as current, and no others.

        A damaged table stays as it is: whatever reads it names the damage.

        Raises:
            StoreError: the file system refuses.
        """
        try:
            rows = self.scores(cell)
        except StoreError:
            return
        marked = [{**row, "current": row["protocol"] in protocols} for row in rows]
        if marked != rows:
            self.write_scores(cell, marked)

    def curves(self, cell: str) -> pd.DataFrame | None:
        """Read the diagnostics of one cell over its steps; None where there are none.

        Raises:
            StoreError: the file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder(cell) / CURVES
        if not path.exists():
            return None
        try:
            return pq.read_table(io.BytesIO(read_bytes(path, TEXT_LIMIT * 8))).to_pandas()
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
        arrays = [_arrow_array(values) for values in columns.values()]
        pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), sink)
        self._make_cell(cell)
        write_bytes(self.folder(cell) / CURVES, sink.getvalue())

    def generator(self, cell: str, limit: int = MAX_BYTES, *, best: bool = False) -> dict[str, Tensor]:
        """Read the state of the scored generator.

        Args:
            cell: which.
            limit: bytes that the file may have at most.
            best: whether to read the one at the best of the scorings, where `score.keep_best` has it kept.

        Raises:
            StoreError: it is absent or damaged.
        """
        return read_tensors(self._generator_path(cell, best), limit)

    def weights(self, cell: str, *, best: bool = False) -> str:
        """Compute SHA-256 of the stored weights, hexadecimal; empty where there are none.

        Raises:
            StoreError: they cannot be read.
        """
        if not self.has_generator(cell, best=best):
            return ""
        return hashlib.sha256(read_bytes(self._generator_path(cell, best), MAX_BYTES)).hexdigest()

    def has_generator(self, cell: str, *, best: bool = False) -> bool:
        """Tell whether the weights of a cell are there."""
        return self._generator_path(cell, best).is_file()

    def write_generator(self, cell: str, state: Mapping[str, Tensor], *, best: bool = False) -> str:
        """Write the state of the scored generator: equal training gives equal bytes.

        Returns:
            The SHA-256 of the file, hexadecimal.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        content = serialise(state)
        write_bytes(self._generator_path(cell, best), content)
        return hashlib.sha256(content).hexdigest()

    def _generator_path(self, cell: str, best: bool) -> Path:
        return self.folder(cell) / (BEST_GENERATOR if best else GENERATOR)

    def write_checkpoint(self, cell: str, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """Write a checkpoint and keep the one before it.

        Raises:
            StoreError: the file system refuses; the checkpoint that was there stays.
        """
        self._make_cell(cell)
        folder = self.folder(cell)
        incoming = folder / INCOMING_CHECKPOINT
        try:
            write_state(incoming, tensors, record)
            if (folder / CHECKPOINT).exists():
                (folder / CHECKPOINT).replace(folder / EARLIER_CHECKPOINT)
            incoming.replace(folder / CHECKPOINT)
            sync_folder(folder)
        except (OSError, StoreError) as error:
            with contextlib.suppress(OSError):
                incoming.unlink()
            reason = getattr(error.__cause__ or error, "strerror", None) or error
            path = folder / CHECKPOINT
            raise StoreError(f"{path}: cannot be written: {reason}") from error

    def checkpoints(self, cell: str) -> list[Path]:
        """List the checkpoints of a cell, the latest first; read one with `read_checkpoint`."""
        folder = self.folder(cell)
        return [folder / name for name in (CHECKPOINT, EARLIER_CHECKPOINT) if (folder / name).is_file()]

    @staticmethod
    def read_checkpoint(path: Path, limit: int = MAX_BYTES) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read the tensors and the record of a checkpoint of at most `limit` bytes.

        Raises:
            StoreError: it is absent or damaged.
        """
        return read_state(path, limit)

    def write_traceback(self, cell: str, text: str) -> None:
        """Write the traceback of a cell that ended in `error`.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / TRACEBACK, text.encode(errors="replace"))

    @staticmethod
    def traceback_file(cell: str) -> str:
        """Give the path of a cell's traceback in the results folder, as messages name it."""
        return f"{FOLDER}/{cell}/{TRACEBACK}"

    def traceback(self, cell: str) -> str | None:
        """Read the traceback of a cell that ended in `error`; None where there is none."""
        path = self.folder(cell) / TRACEBACK
        return read_bytes(path, _RECORD_LIMIT).decode(errors="replace") if path.is_file() else None

    def drop_checkpoint(self, path: Path) -> None:
        """Remove a checkpoint that cannot be used: it must not push out one that can.

        Raises:
            StoreError: the file system refuses.
        """
        _remove(path)

    def drop_unfinished(self, cell: str) -> None:
        """Remove what only an unfinished or failed cell needs: checkpoints and the traceback.

        Raises:
            StoreError: the file system refuses.
        """
        for name in (CHECKPOINT, EARLIER_CHECKPOINT, TRACEBACK):
            _remove(self.folder(cell) / name)

    def drop_cell(self, cell: str) -> None:
        """Remove everything of one cell, so that it starts anew; files that are not ganbench's stay.

        The record goes first: a run that is killed meanwhile leaves nothing that looks finished.

        Raises:
            StoreError: the file system refuses.
        """
        folder = self.folder(cell)
        _remove(folder / CELL)
        try:
            for path in folder.iterdir():
                if is_cell_file(path.name) and (path.is_symlink() or not path.is_dir()):
                    _remove(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{folder}: cannot be removed: {error.strerror or error}") from error
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed: {error.strerror or error}") from error


def _arrow_array(values: Sequence[float]) -> pa.Array:
    """Make what `pyarrow.array` makes of numbers, without the pandas that it imports."""
    import numpy as np
    import pyarrow as pa

    if not len(values):
        return pa.nulls(0)
    numbers = np.asarray(values, np.int64 if isinstance(values[0], int) else np.float64)
    buffer = pa.py_buffer(numbers)
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [None, buffer])


def _well_formed(record: Mapping[str, Any]) -> bool:
    """Tell whether a record has the fields that every reader relies on, in the right types."""
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
