"""The folders and files that are ganbench's own; a run replaces and removes no others."""

from __future__ import annotations

import csv
import io
import json
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w

from ganbench.errors import GridError, StoreError
from ganbench.files.atomic import TEMPORARY_SUFFIX, read_bytes, write_bytes
from ganbench.grid.shard import Shard
from ganbench.store.cells import TEXT_LIMIT
from ganbench.store.lock import HOLDER, LOCK
from ganbench.store.names import (
    CELL_ID,
    CELLS,
    FOLDER,
    GRID,
    JOBS,
    MARK,
    REFERENCES,
    WORKERS,
    is_cell_file,
    is_reference_file,
    is_top_file,
)

_COLUMNS = {"cell", "dataset", "architecture", "loss", "penalty", "seed", "status"}
_RESOLVED = {"name", "seeds", "axes", "train", "score", "compare"}
# What systems and version control put into an otherwise empty folder, and ganbench never writes.
_CLUTTER = {".gitkeep", ".gitignore", ".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}
_SHOWN = 3


def write_mark(folder: Path, grid_folder: str = "", shard: Shard | None = None) -> None:
    """Mark a folder as ganbench's, where it is not yet.

    Args:
        folder: of results.
        grid_folder: where the file of their grid lies, to be noted relative to the results; empty to leave
            what has been noted.
        shard: which part of the grid's cells the folder has; None to leave what has been noted.

    Raises:
        StoreError: the file system refuses.
    """
    before = _mark(folder)
    noted = {"format": 1, **before}
    if grid_folder not in ("", marked_grid_folder(folder)):
        noted["grid_folder"] = os.path.relpath(grid_folder, folder)
    if shard is not None:
        noted["shard"] = str(shard)
    if noted != before:
        write_bytes(folder / MARK, json.dumps(noted).encode() + b"\n")


def marked_grid_folder(folder: Path) -> str:
    """Read where the file of the results' grid lies, an absolute path; empty where that is not known."""
    noted = _mark(folder).get("grid_folder")
    return os.path.normpath(folder.absolute() / noted) if isinstance(noted, str) and noted else ""


def marked_shard(folder: Path) -> Shard | None:
    """Read which part of its grid's cells a folder has; None where it has all of them."""
    noted = _mark(folder).get("shard")
    try:
        return None if noted is None else Shard.read(noted)
    except GridError:
        return None


def _mark(folder: Path) -> dict[str, Any]:
    """Read what a folder's mark notes; nothing where there is none, or a damaged one."""
    try:
        noted = json.loads(read_bytes(folder / MARK, TEXT_LIMIT))
    except (StoreError, OSError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def require_own(folder: Path) -> None:
    """Refuse a folder that a run would mix with, or replace, what is not ganbench's.

    A missing folder, an empty one, a results folder, and one with no more than an interrupted run left
    are fine. Nothing is written.

    Raises:
        StoreError: it holds something else, or a grid.toml that ganbench did not write; or it cannot be read.
    """
    entries = _entries(folder)
    if not is_results_folder(folder, entries):
        strangers = sorted(entry.name for entry in entries if not _left_by_a_run(entry))
        if strangers:
            shown = ", ".join(strangers[:_SHOWN]) + (", ..." if len(strangers) > _SHOWN else "")
            raise StoreError(
                f"{folder}: holds {shown}, and no results of ganbench; "
                "give a new or an empty folder with --out"
            )
    grid = folder / GRID
    if grid.is_file() and not _is_resolved(grid):
        raise StoreError(
            f"{grid}: is not a grid as ganbench writes it, and the resolved one would replace it; "
            "give another folder with --out"
        )


def is_results_folder(folder: Path, entries: Iterable[os.DirEntry[str]] | None = None) -> bool:
    """Tell whether a folder has ganbench's mark, or a grid beside ganbench's table or folders of cells.

    Raises:
        StoreError: it cannot be read.
    """
    names = {entry.name for entry in (_entries(folder) if entries is None else entries)}
    if MARK in names and (folder / MARK).is_file():
        return True
    if GRID not in names or not (folder / GRID).is_file():
        return False
    if CELLS in names and set(_header(folder / CELLS)) >= _COLUMNS:
        return True
    return FOLDER in names and any(_is_cell(entry) for entry in _entries(folder / FOLDER))


def require_foreign(file: Path) -> None:
    """Refuse to write a file that the user named over one that ganbench keeps in a results folder.

    Raises:
        StoreError: it is one of a results folder's own files.
    """
    cell = file.absolute().parent
    places = [(cell, is_top_file)]
    if CELL_ID.fullmatch(cell.name) and cell.parent.name == FOLDER:
        places.append((cell.parent.parent, is_cell_file))
    for folder, is_own in places:
        if is_own(file.name) and is_results_folder(folder):
            raise StoreError(f"{file}: is a file of the results in {folder}; give another name")


def leftovers(folder: Path) -> list[Path]:
    """List the temporary files of killed writes in a results folder: files only, of ganbench's names only.

    Raises:
        StoreError: it cannot be read.
    """
    places = [(folder, is_top_file), (folder / REFERENCES, is_reference_file)]
    places += [(Path(entry), is_cell_file) for entry in _entries(folder / FOLDER) if _is_cell(entry)]
    return [
        place / entry.name
        for place, is_own in places
        for entry in _entries(place)
        if entry.name.endswith(TEMPORARY_SUFFIX)
        and is_own(entry.name)
        and entry.is_file(follow_symlinks=False)
    ]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _header(table: Path) -> list[str]:
    try:
        text = read_bytes(table, TEXT_LIMIT).decode()
        return next(csv.reader(io.StringIO(text)), [])
    except (StoreError, UnicodeDecodeError, csv.Error):
        return []


def _is_cell(entry: os.DirEntry[str]) -> bool:
    return CELL_ID.fullmatch(entry.name) is not None and entry.is_dir()


def _left_by_a_run(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry remains of a run that was killed before it had written its grid."""
    if entry.name in _CLUTTER:
        return True
    if entry.name in (FOLDER, REFERENCES) and entry.is_dir():
        is_own = _only_cell_files if entry.name == FOLDER else _is_reference
        return all(map(is_own, _entries(Path(entry))))
    if entry.name == JOBS and entry.is_dir():
        return True
    # A lock that is no lock of the system's is several files, named after it.
    locks = entry.name == LOCK or entry.name.startswith(f"{LOCK}.")
    return entry.is_file() and (locks or entry.name in (HOLDER, WORKERS) or _is_temporary(entry.name))


def _only_cell_files(entry: os.DirEntry[str]) -> bool:
    return _is_cell(entry) and all(is_cell_file(each.name) for each in _entries(Path(entry)))


def _is_reference(entry: os.DirEntry[str]) -> bool:
    return entry.is_file() and is_reference_file(entry.name)


def _is_temporary(name: str) -> bool:
    return name.endswith(TEMPORARY_SUFFIX) and is_top_file(name)


def _is_resolved(path: Path) -> bool:
    """Tell whether ganbench wrote a grid: all settings, no comment, its own layout.

    A damaged file counts as one: its reader says what is wrong.
    """
    try:
        text = read_bytes(path, TEXT_LIMIT).decode().replace("\r\n", "\n")
        grid = tomllib.loads(text)
        return grid.keys() >= _RESOLVED and tomli_w.dumps(grid) == text
    except (UnicodeDecodeError, ValueError, RecursionError, StoreError):
        return True
