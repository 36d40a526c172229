"""The removal of cells, or of all results, from a folder; files that are not ganbench's stay."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ganbench.errors import StoreError, did_you_mean
from ganbench.store.folder import Store
from ganbench.store.lock import HOLDER, LOCK
from ganbench.store.names import FOLDER, GRID, MARK, REFERENCES, is_reference_file, is_top_file
from ganbench.store.ownership import is_results_folder

# By these the folder is known: removed last, so that an interrupted removal can be gone on with.
_LAST = (GRID, MARK)


def require_removable(store: Store, cells: Sequence[str]) -> None:
    """Refuse cells that cannot be removed.

    Args:
        store: a results folder.
        cells: ids, as a user gave them.

    Raises:
        StoreError: the folder has no such cell, only tables of it, or jobs that no run has collected.
    """
    store.require_collected()
    there = store.cells_on_disk()
    if store.has_only_tables():
        raise StoreError(
            f"{store.path}: holds tables of cells without the cells; it can only be removed whole"
        )
    for cell in cells:
        if cell not in there:
            raise StoreError(f"{store.path}: has no cell {cell!r}{did_you_mean(cell, there)}")


def remove_results(store: Store) -> list[str]:
    """Remove all that ganbench has written in a folder, and the folder where nothing else is in it.

    Killed at any moment, it can be called again.

    Returns:
        The names of what stays, since ganbench did not write it.

    Raises:
        StoreError: it is no results folder, is in use, or cannot be removed.
    """
    folder = store.path
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; expected a results folder made by `ganbench run`")
    if not is_results_folder(folder):
        raise StoreError(
            f"{folder}: not a results folder: it has no {GRID} beside ganbench's tables or cells"
        )
    with store.lock():
        store.require_collected()
        store.sweep()
        for cell in store.cells_on_disk():
            store.drop_cell(cell)
        _remove_own(folder / REFERENCES, is_reference_file)
        for name in (FOLDER, REFERENCES):
            with contextlib.suppress(OSError):
                (folder / name).rmdir()
        _remove_own(folder, lambda name: is_top_file(name) and name not in (*_LAST, HOLDER))
        for name in _LAST:
            _remove_own(folder, name.__eq__)
    # Not before the lock is let go of: some systems do not remove an open file.
    _remove_own(folder, lambda name: name == LOCK or name.startswith(f"{LOCK}."))
    with contextlib.suppress(OSError):
        folder.rmdir()
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _remove_own(folder: Path, is_own: Callable[[str], bool]) -> None:
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_own(path.name) and (path.is_symlink() or not path.is_dir()):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be removed: {error.strerror or error}") from error
