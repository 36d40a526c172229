"""A grid from start to tables: plan, train side by side, write what is known after each cell."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.execution.plan import Plan, PlannedCell, Rerun, check_grid, make_plan, resolve_device
from ganbench.execution.pool import WorkerPool
from ganbench.grid import Grid, read_grid
from ganbench.report import Results, load, write_page, write_tables
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.store import Store

# Tables are small and always fresh; the page embeds pictures.
_TABLE_SECONDS = 2.0
_PAGE_SECONDS = 15.0
# One thread a worker: the number of threads decides the bits of a sum.
THREADS = 1


class Interrupted(Exception):
    """The run was told to stop; the folder holds what was done and the run can go on.

    Attributes:
        folder: the results folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


class Listener(Protocol):
    """Whoever wants to see a run go by."""

    def planned(self, plan: Plan) -> None:
        """Before anything is trained."""

    def event(self, event: Mapping[str, Any]) -> None:
        """A worker's progress: cell, step, loss_d, loss_g."""

    def finished(self, cell: PlannedCell, result: CellResult) -> None:
        """A cell has ended."""


def default_folder(grid: Grid) -> Path:
    """Where a grid's results go when nothing else is said."""
    return Path("results") / grid.name


def plan_run(
    grid: Grid, out: str | Path | None = None, *, device: str = "auto", rerun: Rerun = "no"
) -> tuple[Plan, Store]:
    """What a run would do; reads, never writes.

    Raises:
        GanbenchError: the grid cannot be run as it is, here.
    """
    place = resolve_device(device)
    store = Store(out if out is not None else default_folder(grid))
    if store.path.exists() and not store.path.is_dir():
        raise StoreError(f"{store.path}: is not a folder; give another one with --out")
    skipped = check_grid(grid, place)
    return make_plan(grid, store, device=place, threads=THREADS, skipped=skipped, rerun=rerun), store


def run(
    grid: str | Path | Mapping[str, Any] | Grid,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    device: str = "auto",
    rerun: Rerun = "no",
    overrides: Sequence[str] = (),
    max_seconds_per_cell: float | None = None,
    listener: Listener | None = None,
) -> Results:
    """Train, score and compare every cell of a grid; what is done already stays.

    Args:
        grid: a TOML file, the name of a bundled grid, a mapping like the file's content, or a Grid.
        out: the results folder; default `results/<name>`.
        jobs: worker processes; default as many as CPU cores, or one for each GPU.
        device: auto, cpu, cuda or cuda:N.
        rerun: what happens to finished cells of another environment: `no` refuses, `stale` runs them again,
            `keep` keeps them; `all` runs every cell again.
        overrides: settings as `train.steps=200`, over those of the grid.
        max_seconds_per_cell: longer cells end in `error: time limit`.
        listener: told how the run goes.

    Returns:
        The tables.

    Raises:
        GanbenchError: bad input; nothing is trained.
        Interrupted: SIGINT or SIGTERM; the same call goes on where it stopped.
    """
    if not isinstance(grid, Grid):
        grid = read_grid(grid, load_catalog(), overrides)
    plan, store = plan_run(grid, out, device=device, rerun=rerun)
    with store.lock():
        # Another run may have been here while this one waited for nothing but its checks.
        plan, store = _planned_again(plan, store, rerun)
        if listener is not None:
            listener.planned(plan)
        _lay_out(plan, store)
        ids = [planned.cell.id for planned in plan.cells]
        write_tables(store, ids)
        tasks = [
            Task(
                cell=planned.cell,
                folder=str(store.path.absolute()),
                device=plan.device,
                environment=planned.environment,
                rescore=planned.action == "score",
            )
            for planned in plan.cells
            if planned.action in ("train", "score")
        ]
        _work_off(plan, store, tasks, ids, jobs, max_seconds_per_cell, listener)
        results = write_tables(store, ids)
        write_page(store, results)
    return load(store.path)


def _planned_again(plan: Plan, store: Store, rerun: Rerun) -> tuple[Plan, Store]:
    skipped = {planned.cell.id: planned.reason for planned in plan.cells if planned.action == "skip"}
    again = make_plan(
        plan.grid, store, device=plan.device, threads=plan.threads, skipped=skipped, rerun=rerun
    )
    return again, store


def _lay_out(plan: Plan, store: Store) -> None:
    """Write the grid, and a record of each cell that has none: tables are whole from the start."""
    store.write_grid(plan.grid.to_toml())
    for planned in plan.cells:
        cell = planned.cell
        if planned.fresh:
            store.drop_cell(cell.id)
        if planned.action == "skip":
            record = record_of(cell, planned.environment, status="skipped", reason=planned.reason)
            store.write_cell(cell.id, record)
        elif planned.action == "train" and not _readable(store, cell.id):
            store.write_cell(cell.id, record_of(cell, planned.environment))


def _readable(store: Store, cell: str) -> bool:
    try:
        store.cell(cell)
    except StoreError:
        return False
    return True


def _work_off(
    plan: Plan,
    store: Store,
    tasks: Sequence[Task],
    ids: Sequence[str],
    jobs: int | None,
    max_seconds: float | None,
    listener: Listener | None,
) -> None:
    if not tasks:
        return
    planned = {entry.cell.id: entry for entry in plan.cells}
    pool = WorkerPool(_devices(plan.device, jobs, len(tasks)), plan.threads, max_seconds)
    tables_due = pages_due = time.monotonic() + _TABLE_SECONDS
    with _signals(pool):
        for result in pool.run(tasks, listener.event if listener is not None else lambda _: None):
            entry = planned[result.cell]
            if result.status == "error" and result.reason and not _ended(store, result):
                # The worker is gone, so its cell is written down here.
                store.write_cell(
                    result.cell,
                    record_of(entry.cell, entry.environment, status="error", reason=result.reason),
                )
            if listener is not None and result.status != "unfinished":
                listener.finished(entry, result)
            now = time.monotonic()
            if now >= tables_due:
                results = write_tables(store, ids)
                tables_due = time.monotonic() + _TABLE_SECONDS
                if now >= pages_due:
                    write_page(store, results)
                    pages_due = time.monotonic() + _PAGE_SECONDS
    if pool.stopped:
        write_page(store, write_tables(store, ids))
        raise Interrupted(store.path)


def _ended(store: Store, result: CellResult) -> bool:
    """Whether the cell's record already says how it ended."""
    try:
        return store.cell(result.cell)["status"] == result.status
    except StoreError:
        return False


def _devices(device: str, jobs: int | None, tasks: int) -> list[str]:
    """A device for each worker."""
    if device == "cpu":
        places = ["cpu"]
        count = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    else:
        places = (
            [f"cuda:{index}" for index in range(torch.cuda.device_count())] if device == "cuda" else [device]
        )
        count = jobs or len(places)
    return [places[index % len(places)] for index in range(min(count or 1, tasks))]


@contextmanager
def _signals(pool: WorkerPool) -> Iterator[None]:
    """SIGINT and SIGTERM stop the pool; a second SIGINT ends everything at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: object) -> None:
        if pool.stopped and number == signal.SIGINT:
            pool.kill()
            os._exit(130)
        pool.stop()

    handlers: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
