"""`ganbench rm DIR`: cells, or all results of a folder, removed for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ganbench.cli.console import output, plain
from ganbench.cli.parsing import Folder, Plugins
from ganbench.errors import StoreError

if TYPE_CHECKING:
    from ganbench.store import Store


def rm_command(
    folder: Folder,
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="[CELL ...]", help="Default: everything, and the folder.")
    ] = None,
    orphaned: Annotated[
        bool, typer.Option("--orphaned", help="The cells that are no longer in the grid.")
    ] = False,
    plugins: Plugins = None,
) -> int:
    """Remove cells and make the tables anew, or remove a results folder; what is not ganbench's stays.

    Raises:
        StoreError: the folder is none or in use, it has no such cell, or something cannot be removed.
        GridError: with `orphaned`, the grid cannot be read here.
    """
    from ganbench.store import Store
    from ganbench.store.removal import remove_results, require_removable

    store, console = Store(folder), output()
    if not cells and not orphaned:
        left = remove_results(store)
        stays = ""
        if left:
            stays = f"; {', '.join(left)} stay{'s' * (len(left) == 1)}: ganbench did not write "
            stays += "it" if len(left) == 1 else "them"
        console.print(plain(f"removed {folder}{stays}"), soft_wrap=True)
        return 0
    require_removable(store.require(), cells or ())
    with store.lock():
        beside = _orphaned(store, plugins or ()) if orphaned else []
        chosen = list(dict.fromkeys([*(cells or ()), *beside]))
        left = [cell for cell in store.cell_ids() if cell not in chosen]
        if not left:
            raise StoreError(f"{folder}: that is every cell; `ganbench rm {folder}` removes the whole folder")
        for cell in chosen:
            store.drop_cell(cell)
        if chosen:
            _write_again(store, left)
    if not chosen:
        console.print(plain(f"every cell in {folder} is in its grid: nothing removed"), soft_wrap=True)
    for cell in chosen:
        console.print(plain(f"removed {cell}"), soft_wrap=True)
    return 0


def _orphaned(store: Store, plugins: Iterable[str]) -> list[str]:
    from ganbench.catalog import load_catalog
    from ganbench.store.stored_grid import read_stored_grid

    known = {cell.id for cell in read_stored_grid(store, load_catalog(plugins=tuple(plugins))).cells}
    return [cell for cell in store.cells_on_disk() if cell not in known]


def _write_again(store: Store, cells: list[str]) -> None:
    from ganbench.report import write_page, write_tables

    write_page(store, write_tables(store, cells))
