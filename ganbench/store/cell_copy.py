"""A cell's files, and pictures of real samples, copied from one results folder into another."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ganbench.errors import StoreError
from ganbench.files.atomic import TEMPORARY_SUFFIX, make_folder, read_bytes, write_bytes, write_stream
from ganbench.store.folder import Store
from ganbench.store.names import (
    CELL,
    CHECKPOINT,
    EARLIER_CHECKPOINT,
    REFERENCES,
    is_cell_file,
    is_reference_file,
)

_PICTURE_LIMIT = 2**28


def copy_cell(cell: str, source: Store, target: Store, *, finished: bool) -> None:
    """Replace a cell of one folder by that of another.

    The record comes last, so that a copy that is killed is no cell, and is made again.

    Args:
        cell: its id.
        source: where it is; nothing is changed there.
        target: where it goes.
        finished: whether it needs no checkpoint any more.

    Raises:
        StoreError: a file cannot be read or written.
    """
    target.drop_cell(cell)
    make_folder(target.folder(cell), parents=False)
    unneeded = (CHECKPOINT, EARLIER_CHECKPOINT) if finished else ()
    names = [name for name in _files(source.folder(cell)) if is_cell_file(name) and name not in unneeded]
    for name in sorted(names, key=lambda name: (name == CELL, name)):
        _copy(source.folder(cell) / name, target.folder(cell) / name)


def copy_references(sources: Iterable[Store], target: Store) -> None:
    """Copy the pictures of real samples; of several for one data set the one whose digest sorts first.

    Raises:
        StoreError: a file cannot be read or written.
    """
    chosen: dict[str, tuple[str, bytes]] = {}
    for source in (*sources, target):
        for name in filter(is_reference_file, _files(source.path / REFERENCES)):
            content = read_bytes(source.path / REFERENCES / name, _PICTURE_LIMIT)
            found = (hashlib.sha256(content).hexdigest(), content)
            chosen[name] = min(chosen.get(name, found), found)
    if chosen:
        make_folder(target.path / REFERENCES, parents=False)
    for name, (_, content) in chosen.items():
        path = target.path / REFERENCES / name
        if not path.is_file() or read_bytes(path, _PICTURE_LIMIT) != content:
            write_bytes(path, content)


def _files(folder: Path) -> list[str]:
    """List the plain files of a folder, without temporary ones."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read: {error.strerror or error}") from error
    return [name for name in names if not name.endswith(TEMPORARY_SUFFIX)]


def _copy(source: Path, target: Path) -> None:
    try:
        with open(source, "rb") as stream:
            write_stream(target, lambda copy: shutil.copyfileobj(stream, copy, 2**20))
    except OSError as error:
        raise StoreError(f"{source}: cannot be read: {error.strerror or error}") from error
