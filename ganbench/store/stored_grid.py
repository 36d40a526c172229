"""The grid of a results folder, and the plugins without a package that its cells were made with."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganbench.errors import GridError, StoreError, did_you_mean
from ganbench.grid import Cell, Grid, read_grid
from ganbench.store.folder import Store

if TYPE_CHECKING:
    from ganbench.catalog import Catalog


def read_whole_grid(store: Store, catalog: Catalog) -> Grid:
    """Read the grid that a results folder holds, with the cells of every shard.

    Args:
        store: the folder.
        catalog: what names mean.

    Raises:
        GridError: something in it cannot be used; a file that the folder's cells were made with, and that is
            not given now, is named.
        StoreError: there is no grid.
    """
    try:
        return read_grid(store.grid(), catalog)
    except GridError as error:
        raise with_missing_plugins(error, store, catalog) from None


def read_stored_grid(store: Store, catalog: Catalog) -> Grid:
    """Read the grid that a results folder holds; of a shard's, the cells of that shard.

    Raises:
        GanbenchError: as `read_whole_grid`.
    """
    grid, shard = read_whole_grid(store, catalog), store.shard()
    return grid if shard is None else grid.part(shard)


def finished_cell(store: Store, wanted: str, catalog: Catalog) -> Cell:
    """Find the cell with an id in the grid of a results folder, and with weights in the folder.

    Args:
        store: the folder.
        wanted: the id.
        catalog: what names in the grid mean.

    Raises:
        GridError: something in the grid cannot be used.
        StoreError: there is no such cell, or it has no weights.
    """
    known = {cell.id: cell for cell in read_stored_grid(store, catalog).cells}
    if wanted not in known:
        near = did_you_mean(wanted, known)
        hint = near if near.startswith("; did") else "; see the first column of cells.csv"
        raise StoreError(f"{store.path}: no cell {wanted!r} in its grid{hint}")
    if not store.has_generator(wanted):
        raise StoreError(f"{store.path}: cell {wanted} has no weights: it has not ended well, or not yet")
    return known[wanted]


def with_missing_plugins(error: GridError, store: Store, catalog: Catalog) -> GridError:
    """Add to an error the plugins that the records of a folder name and that are not given.

    Args:
        error: of a grid that cannot be read.
        store: the folder; it need not be there.
        catalog: the one that the grid was read with.

    Returns:
        The error, with one more line for each.
    """
    given = {plugin.name for plugin in catalog.given}
    missing = {name: path for name, path in recorded_plugins(store).items() if name not in given}
    lines = [
        f"{store.path}: its cells were made with --plugin {path}; give it again" for path in missing.values()
    ]
    return GridError(*error.problems, *lines, tracebacks=error.tracebacks) if lines else error


def recorded_plugins(store: Store) -> dict[str, str]:
    """List the files that the cells of a folder were made with: by name, the path as it was given.

    Records that cannot be read are passed over.
    """
    found: dict[str, str] = {}
    with contextlib.suppress(StoreError, OSError):
        for cell in store.cells_on_disk():
            with contextlib.suppress(StoreError):
                plugins = store.cell(cell).get("plugins")
                if isinstance(plugins, Mapping):
                    for name, facts in plugins.items():
                        if isinstance(facts, Mapping):
                            found.setdefault(str(name), str(facts.get("path", name)))
    return found
