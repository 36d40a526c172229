"""A results folder made ready for what is planned, and the tasks that workers get."""

from __future__ import annotations

import os
from collections.abc import Collection

from ganbench.execution.plan import Plan
from ganbench.files.data_paths import data_paths
from ganbench.grid import Choice
from ganbench.grid.environment import measured_by, parts_of, with_chosen
from ganbench.runner.reasons import broken_reason
from ganbench.runner.task import Task, record_of
from ganbench.store import Store


def lay_out(plan: Plan, store: Store, held: Collection[str] = ()) -> None:
    """Write a record of each cell that has none, then the grid: the folder is whole from the start.

    Args:
        plan: of the run.
        store: the results folder.
        held: cells that jobs may be writing just now: one that begins has no record for a moment.
    """
    catalog = plan.shared.catalog
    store.make(plan.grid.folder if _names_paths(plan) else "", plan.grid.shard)
    sweep(store)
    for planned in plan.cells:
        cell = planned.cell
        if cell.id in held:
            continue
        if planned.fresh:
            store.drop_cell(cell.id)
        if planned.action == "skip":
            record = record_of(cell, planned.environment, catalog, status="skipped", reason=planned.reason)
            store.write_cell(cell.id, record)
        elif planned.action == "fail":
            reason = broken_reason(planned.faults, cell)
            if text := "\n".join(fault.traceback for fault in planned.faults if fault.traceback):
                store.write_traceback(cell.id, text)
            store.write_cell(
                cell.id, record_of(cell, planned.environment, catalog, status="error", reason=reason)
            )
        elif planned.action == "train" and planned.fresh:
            store.write_cell(cell.id, record_of(cell, planned.environment, catalog))
        elif planned.action == "keep" and store.checkpoints(cell.id):
            # Its run was killed between the end of the cell and its last clean-up.
            store.drop_unfinished(cell.id)
        store.mark_current(cell.id, planned.protocols)
    store.write_grid(plan.grid.to_toml())


def sweep(store: Store) -> None:
    """Remove the temporary files of killed writes, unless jobs may be writing just now."""
    if not store.jobs_folder.exists():
        store.sweep()


def tasks_of(plan: Plan, store: Store) -> list[Task]:
    """Give a task for each cell that is to be trained, or scored again.

    Args:
        plan: of the run.
        store: the results folder.
    """
    paths, plugins = data_paths(), plan.shared.catalog.given
    return [
        Task(
            cell=planned.cell,
            folder=str(store.path.absolute()),
            device=plan.device,
            environment=planned.environment,
            rescore=planned.action == "score",
            keep_stale=planned.keep_stale,
            data_paths=paths,
            plugins=plugins,
        )
        for planned in plan.cells
        if planned.action in ("train", "score")
    ]


def _names_paths(plan: Plan) -> bool:
    """Tell whether a part of a cell is built from a relative path."""
    catalog = plan.shared.catalog
    seen: dict[int, Choice] = {}
    for cell in plan.grid.cells:
        # The cells of a grid share these objects; kept, their ids stay theirs.
        parts = (*parts_of(cell), *measured_by(cell))
        new = [(kind, choice) for kind, choice in parts if id(choice) not in seen]
        seen |= {id(choice): choice for _, choice in new}
        for kind, choice in with_chosen(new, catalog):
            for name, option in catalog.options(kind, choice.name).items():
                given = choice.options.get(name)
                if option.type.is_path and given is not None:
                    several = given if isinstance(given, list | tuple) else [given]
                    if not all(os.path.isabs(os.path.expanduser(text)) for text in several):
                        return True
    return False
