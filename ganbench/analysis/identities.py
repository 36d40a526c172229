"""The cells of a results folder's grid, for cells whose own record cannot be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.catalog import Catalog
from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import read_bytes
from ganbench.grid import read_grid
from ganbench.store import CELLS, Store
from ganbench.store.cells import TEXT_LIMIT

AUGMENTATION = "augmentation"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A cell's axes and seed, without its results.

    Attributes:
        axes: label of each axis.
        varied: value of each setting that the grid varies, by dotted key, and of `augmentation`.
        seed: its seed.
    """

    axes: Mapping[str, str]
    varied: Mapping[str, Any]
    seed: int


def is_varied(column: str) -> bool:
    """Tell whether a column of a table is of something that only some grids vary: a setting, augmentations.

    A setting is a dotted key, so that it can never take another column's place.
    """
    return "." in column or column == AUGMENTATION


def read_identities(
    store: Store, axes: tuple[str, ...], catalog: Callable[[], Catalog]
) -> dict[str, Identity]:
    """Read what each cell of a folder's grid is, by cell.

    They come from the grid. Where that cannot be read here, since a plugin of it is missing say, they come
    from the cells.csv of an earlier run.

    Args:
        store: the folder.
        axes: names of the axes that every grid has.
        catalog: gives the catalog that the grid is read with.
    """
    try:
        cells = read_grid(store.grid(), catalog()).cells
    except GanbenchError:
        return _from_table(store, axes)
    return {cell.id: Identity(axes=cell.axes, varied=cell.varied, seed=cell.seed) for cell in cells}


def _from_table(store: Store, axes: tuple[str, ...]) -> dict[str, Identity]:
    """Read them from cells.csv; incomplete rows are left out."""
    found = {}
    try:
        table = read_bytes(store.path / CELLS, TEXT_LIMIT).decode()
        for row in csv.DictReader(io.StringIO(table)):
            if all(row.get(name) for name in (*axes, "seed")):
                varied = {key: _value(key, text) for key, text in row.items() if key and is_varied(key)}
                own = {name: row[name] for name in axes}
                found[row["cell"]] = Identity(axes=own, varied=varied, seed=int(row["seed"]))
    except (StoreError, UnicodeDecodeError, ValueError, KeyError, TypeError, csv.Error):
        return {}
    return found


def _value(column: str, text: str) -> Any:
    """Read a varied setting into the type that the table's other rows have; an augmentation is text."""
    if column == AUGMENTATION:
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False}.get(text, text)
