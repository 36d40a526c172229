"""Parts of cells, built from the catalog of this process."""

from __future__ import annotations

from functools import lru_cache

from ganbench.catalog import Catalog, load_catalog
from ganbench.grid import Cell
from ganbench.grid.plugin_source import forget_sources
from ganbench.runner import CellParts, SharedParts


def shared() -> SharedParts:
    """What the tests of this process share, for as long as its catalog is the same."""
    return _of(load_catalog())


def parts(cell: Cell, device: str = "cpu") -> CellParts:
    """Those of one cell, with nothing built."""
    return CellParts(cell, shared(), device)


def forget() -> None:
    """Build anew from here on: files, or what plugins say of themselves, have changed."""
    _of.cache_clear()
    forget_sources()


@lru_cache(maxsize=1)
def _of(catalog: Catalog) -> SharedParts:
    return SharedParts(catalog)
