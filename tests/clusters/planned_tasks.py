"""Tasks of a small grid, each for a device model of the test's choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tiny_grid import GRID

from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.runner import Task


def planned_tasks(folder: Path, *models: str, needs: Mapping[str, float] | None = None) -> list[Task]:
    """Make a task for each model, in a folder that is made for them.

    Args:
        folder: the results folder.
        models: a cell each.
        needs: what each is to have of a cluster.
    """
    grid = read_grid({**GRID, "seeds": len(models)}, load_catalog())
    plan, store = plan_run(grid, folder, device="cpu")
    store.make()
    return [
        Task(
            cell=replace(entry.cell, needs=dict(needs or {})),
            folder=str(store.path),
            device="cpu",
            environment=replace(entry.environment, device=model),
        )
        for entry, model in zip(plan.cells, models, strict=True)
    ]
