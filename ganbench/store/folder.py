"""A results folder on disk; this package alone knows the names of the files in it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tomllib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, read_bytes, write_bytes
from ganbench.grid.shard import Shard
from ganbench.store.cells import TEXT_LIMIT, CellStore
from ganbench.store.lock import hold
from ganbench.store.names import CELL_ID, CELLS, FOLDER, GRID, JOBS, REFERENCES, WORKERS
from ganbench.store.ownership import leftovers, marked_grid_folder, marked_shard, require_own, write_mark

if TYPE_CHECKING:
    import pandas as pd


class Store(CellStore):
    """A results folder.

    Every write is atomic. Every read is bounded and checked: the folder may come from anywhere.
    """

    def lock(self) -> AbstractContextManager[None]:
        """Keep other runs out.

        Raises:
            StoreError: another run holds the folder, or it cannot be written.
        """
        return hold(self.path)

    def exists(self) -> bool:
        """Tell whether this is a results folder: whether it has a grid."""
        return (self.path / GRID).is_file()

    def require_own(self) -> None:
        """Refuse the folder where a run would mix with, or replace, what is not ganbench's.

        Raises:
            StoreError: it is no folder, or holds something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path}: is not a folder; give another one with --out")
        require_own(self.path)

    def require(self) -> Self:
        """Return this store, or refuse a folder that is none.

        Raises:
            StoreError: there is no such folder, or it holds no results.
        """
        if not self.path.is_dir():
            raise StoreError(f"{self.path}: no such folder; expected a results folder made by `ganbench run`")
        if not self.exists():
            raise StoreError(f"{self.path}: not a results folder: it has no {GRID}")
        return self

    def grid_text(self) -> str:
        """Read the resolved grid as TOML.

        Raises:
            StoreError: it is absent or not text.
        """
        try:
            return read_bytes(self.path / GRID, TEXT_LIMIT).decode()
        except UnicodeDecodeError as error:
            raise StoreError(f"{self.path / GRID}: not UTF-8 text: {error}") from error

    def grid(self) -> dict[str, Any]:
        """Read and parse the resolved grid.

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

    def make(self, grid_folder: str = "", shard: Shard | None = None) -> None:
        """Make and mark the folder, so that cells can be written; it holds results once it has a grid.

        Args:
            grid_folder: where the file of the grid lies, if that is to be remembered.
            shard: which part of the grid's cells it is to have; None for all of them.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.path)
        write_mark(self.path, grid_folder, shard)
        make_folder(self.path / FOLDER)

    def grid_folder(self) -> str:
        """Read where the file of the grid lay, an absolute path; empty where nothing depends on it."""
        return marked_grid_folder(self.path)

    def shard(self) -> Shard | None:
        """Read which part of the grid's cells the folder has; None where it has all of them."""
        return marked_shard(self.path)

    def write_grid(self, text: str) -> None:
        """Write the resolved grid, and with it make this a results folder.

        Raises:
            StoreError: the file system refuses.
        """
        self.make()
        self.write_text(GRID, text)

    def require_collected(self) -> None:
        """Refuse a folder into which jobs of a cluster may be writing.

        Raises:
            StoreError: there are jobs that no run has collected.
        """
        if self.jobs_folder.exists():
            raise StoreError(
                f"{self.path}: jobs of Slurm are still to be collected; give the run's command with "
                f"--executor slurm and without --rerun first, or end the jobs and remove {self.jobs_folder}"
            )

    @property
    def jobs_folder(self) -> Path:
        """Where jobs of a scheduler keep their files while a run has any, or has not collected them."""
        return self.path / JOBS

    def workers(self) -> dict[str, Any]:
        """Read what a run tells its workers on other machines; empty where there is no such file.

        Raises:
            StoreError: it cannot be read, or not just now.
        """
        path = self.path / WORKERS
        if not path.exists():
            return {}
        try:
            found = json.loads(read_bytes(path, TEXT_LIMIT))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path}: damaged: {error}") from error
        return found if isinstance(found, dict) else {}

    def write_workers(self, told: Mapping[str, Any]) -> None:
        """Write what a run tells its workers on other machines.

        Raises:
            StoreError: the file system refuses.
        """
        self.write_text(WORKERS, json.dumps(told) + "\n")

    def drop_workers(self) -> None:
        """Remove what a run has told its workers.

        Raises:
            StoreError: the file system refuses.
        """
        try:
            (self.path / WORKERS).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path / WORKERS}: cannot be removed: {error.strerror}") from error

    def write_frame(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a table as CSV, floats in full precision.

        Raises:
            StoreError: the file system refuses.
        """
        return self.write_text(name, frame.to_csv(index=False, lineterminator="\n"))

    def reference_png(self, dataset: str) -> Path | None:
        """Find the picture of real samples of a data set; None where there is none.

        Args:
            dataset: its label, as in a cell's axes.
        """
        path = self.path / REFERENCES / _reference_name(dataset)
        return path if path.is_file() else None

    def write_reference_picture(self, dataset: str, content: bytes) -> None:
        """Write the picture of real samples of a data set.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.path / REFERENCES, parents=False)
        write_bytes(self.path / REFERENCES / _reference_name(dataset), content)

    def cell_ids(self) -> list[str]:
        """List the cells of the grid, in its order; those on disk where cells.csv is absent or damaged."""
        try:
            table = read_bytes(self.path / CELLS, TEXT_LIMIT).decode()
            ids = [row["cell"] for row in csv.DictReader(io.StringIO(table))]
            if ids and all(CELL_ID.fullmatch(cell) for cell in ids) and len(set(ids)) == len(ids):
                return ids
        except (StoreError, UnicodeDecodeError, KeyError, csv.Error, TypeError):
            pass
        return self.cells_on_disk()

    def has_only_tables(self) -> bool:
        """Tell whether results are in the tables and nowhere else, as in a baseline kept in a repository.

        A table that only lists cells, or only unfinished ones, holds no results.
        """
        if self.cells_on_disk() or not self.cell_ids():
            return False
        table = csv.DictReader(io.StringIO(read_bytes(self.path / CELLS, TEXT_LIMIT).decode()))
        return any(row.get("status") != "unfinished" for row in table if row.keys() - {"cell"})

    def cells_on_disk(self) -> list[str]:
        """List the cells that have a folder, sorted, whether or not the grid still has them."""
        folder = self.path / FOLDER
        if not folder.is_dir():
            return []
        return sorted(
            entry.name for entry in folder.iterdir() if CELL_ID.fullmatch(entry.name) and entry.is_dir()
        )

    def sweep(self) -> None:
        """Remove the temporary files of killed writes, and nothing else; only while the lock is held.

        Raises:
            StoreError: the file system refuses.
        """
        try:
            for path in leftovers(self.path):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be cleaned: {error.strerror or error}") from error


def _reference_name(dataset: str) -> str:
    """Name a label's file: a label may hold any character, and be longer than a file's name may be."""
    return f"{hashlib.sha256(dataset.encode(errors='replace')).hexdigest()[:16]}.png"
