"""Run the cells of a small grid in this process, without tables and page: most of a run's time goes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from parts_here import shared
from safetensors.torch import load_file

from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import Grid, read_grid
from ganbench.runner import SharedParts, Task, run_cell
from ganbench.store import Store


def finish(
    asked: Mapping[str, Any] | Grid,
    folder: Path,
    *,
    stops: Sequence[int] = (),
    plugins: Sequence[Path] = (),
    stopped: Callable[[Store, str], object] = lambda store, cell: None,
) -> Store:
    """Run every cell of a grid to its end.

    Args:
        asked: the grid, or its document.
        folder: of the results.
        stops: each cell is first told to stop after so many steps, once for each number, and resumed.
        plugins: files of plugins, given as with `--plugin`.
        stopped: called with the store and a cell's id whenever the cell has stopped.
    """
    catalog = load_catalog(plugins=plugins)
    grid = asked if isinstance(asked, Grid) else read_grid(dict(asked), catalog)
    plan, store = plan_run(grid, folder, device="cpu", plugins=plugins)
    store.make()
    store.write_grid(plan.grid.to_toml())
    for planned in plan.cells:
        task = Task(cell=planned.cell, folder=str(folder), device="cpu", environment=planned.environment)
        for steps in (*stops, None):
            asked = repeat(False) if steps is None else chain(repeat(False, steps), repeat(True))
            parts = SharedParts(catalog) if plugins else shared()
            result = run_cell(task, parts, asked.__next__)
            expected = ("ok", "") if steps is None else ("unfinished", "interrupted")
            assert (result.status, result.reason) == expected
            if steps is not None:
                stopped(store, planned.cell.id)
    return store


def weights_of(store: Store) -> dict[str, torch.Tensor]:
    """The scored generator of the only cell."""
    (cell,) = store.cells_on_disk()
    return load_file(store.folder(cell) / "generator.safetensors")


def equal_files(one: Store, other: Store) -> bool:
    """Whether two folders hold the same bytes of every cell, but for its record, which tells times."""
    mine, theirs = (
        {
            f"{path.parent.name}/{path.name}": path.read_bytes()
            for path in Path(store.path).glob("cells/*/*")
            if path.name != "cell.json"
        }
        for store in (one, other)
    )
    return bool(mine) and mine == theirs
