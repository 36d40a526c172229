"""A grid from start to tables: plan, train side by side, write what is known after each scoring."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.execution.alternatives import nothing_runs, require_runnable
from ganbench.execution.arguments import check_arguments, require_processes
from ganbench.execution.grid_check import preflight
from ganbench.execution.local import LocalExecutor
from ganbench.execution.plan import Plan, PlannedCell, Rerun, make_plan, resolve_device
from ganbench.execution.stopping import LAST_SECONDS, Interrupted, stopping
from ganbench.files.data_paths import data_paths
from ganbench.grid import Grid, read_grid
from ganbench.grid.environment import device_model
from ganbench.grid.history import History
from ganbench.report import Results, load, write_page, write_tables
from ganbench.runner import forget_environment
from ganbench.runner.events import CellBegun, CellProgress, CellScored, Event
from ganbench.runner.reasons import broken_reason
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.store import Store
from ganbench.training import deterministic

# Tables are small and always fresh; the page embeds pictures.
_TABLE_SECONDS = 2.0
_PAGE_SECONDS = 5.0
# A table or a page that took a while is not written again for so many times as long.
_PATIENCE = 20
# A page may take so many times as long as the one before it: more is in it.
_GROWTH = 1.5
# One thread a worker: the number of threads decides the bits of a sum.
THREADS = 1


class Listener(Protocol):
    """Whoever wants to see a run go by."""

    def planned(self, plan: Plan) -> None:
        """Before anything is trained."""

    def event(self, event: Mapping[str, Any]) -> None:
        """A worker's progress: cell, step, loss_d, loss_g, and `scored` where that step has just been scored.

        Or cell and note, which is for the user.
        """

    def finished(self, cell: PlannedCell, result: CellResult) -> None:
        """A cell has ended."""


def default_folder(grid: Grid) -> Path:
    """Where a grid's results go when nothing else is said."""
    return Path("results") / grid.name


@contextmanager
def kept_process() -> Iterator[None]:
    """Put back the environment and the warning filters when this ends.

    scikit-learn and sympy change them when they are imported, which a run does only when it needs them.
    torch's switches and the random states are kept where they are used.
    """
    environment = dict(os.environ)
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)


@kept_process()
def plan_run(
    grid: Grid,
    out: str | Path | None = None,
    *,
    device: str = "auto",
    rerun: Rerun = "no",
    keep_going: bool = False,
) -> tuple[Plan, Store]:
    """What a run would do; reads, never writes.

    Raises:
        GanbenchError: the grid cannot be run as it is, here.
    """
    check_arguments(grid=grid, out=out, device=device, rerun=rerun, keep_going=keep_going)
    place = resolve_device(device)
    store = Store(out if out is not None else default_folder(grid))
    store.require_own()
    if rerun != "all" and store.has_only_tables():
        raise StoreError(
            f"{store.path}: holds tables of cells without the cells, as a baseline in a repository does, and "
            "a run would replace them; give another folder with --out, or --rerun all to train them anew"
        )
    # A notebook plans again and again, and pictures may have come to a folder in between.
    forget_environment()
    with deterministic():
        tried = preflight(grid, place, keep_going=keep_going)
    plan = make_plan(grid, store, device=place, threads=THREADS, tried=tried, rerun=rerun)
    require_runnable(plan, store)
    return plan, store


@kept_process()
def run(
    grid: str | Path | Mapping[str, Any] | Grid,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    device: str = "auto",
    rerun: Rerun = "no",
    overrides: Sequence[str] = (),
    max_seconds_per_cell: float | None = None,
    keep_going: bool = False,
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
        keep_going: whether cells whose plugins are broken end in `error`, and the others are run; otherwise
            a broken plugin is bad input.
        listener: told how the run goes.

    Returns:
        The tables.

    Raises:
        GanbenchError: bad input, or not one cell can be built; nothing is trained.
        Interrupted: SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2; the same call goes on where it stopped.
    """
    check_arguments(
        grid=grid,
        out=out,
        jobs=jobs,
        device=device,
        rerun=rerun,
        overrides=overrides,
        max_seconds_per_cell=max_seconds_per_cell,
        keep_going=keep_going,
        listener=listener,
    )
    require_processes()
    folder = Path(out) if out is not None else None
    with stopping(lambda: _folder_of(grid, folder)) as stopper:
        if not isinstance(grid, Grid):
            grid = read_grid(grid, load_catalog(), overrides)
        plan, store = plan_run(grid, folder, device=device, rerun=rerun, keep_going=keep_going)
        with store.lock():
            # Another run may have been here since.
            plan = _planned_again(plan, store, rerun)
            if listener is not None:
                listener.planned(plan)
            else:
                for note in plan.notes:
                    warnings.warn(note, stacklevel=2)
            _lay_out(plan, store)
            stopper.begun = True
            sitting = _Sitting(plan, store, listener)
            sitting.write(page=False)
            tasks = _tasks(plan, store)
            if tasks:
                devices = devices_of(plan.device, jobs, len(tasks))
                stopper.pool = pool = LocalExecutor(devices, plan.threads, max_seconds_per_cell)
                sitting.work_off(pool, tasks)
            sitting.write(page=True)
        results = load(store.path)
        if (results.cells["status"] == "skipped").all():
            # What preflight did not find: a plugin says only in a worker that it does not fit.
            cells = {planned.cell.id: planned.cell for planned in plan.cells}
            rows = zip(results.cells["reason"], results.cells["cell"], strict=True)
            raise nothing_runs(plan.grid.name, {reason: cells[cell] for reason, cell in rows})
        return results


def _folder_of(grid: object, out: Path | None) -> Path:
    if out is not None:
        return out
    return default_folder(grid) if isinstance(grid, Grid) else Path("results")


def _planned_again(plan: Plan, store: Store, rerun: Rerun) -> Plan:
    return make_plan(
        plan.grid, store, device=plan.device, threads=plan.threads, tried=plan.tried, rerun=rerun
    )


def _lay_out(plan: Plan, store: Store) -> None:
    """Write a record of each cell that has none, then the grid: the folder is whole from the start."""
    store.make()
    store.sweep()
    for planned in plan.cells:
        cell = planned.cell
        if planned.fresh:
            store.drop_cell(cell.id)
        if planned.action == "skip":
            record = record_of(cell, planned.environment, status="skipped", reason=planned.reason)
            store.write_cell(cell.id, record)
        elif planned.action == "fail":
            reason = broken_reason(planned.faults, cell)
            if text := "\n".join(fault.traceback for fault in planned.faults if fault.traceback):
                store.write_traceback(cell.id, text)
            store.write_cell(cell.id, record_of(cell, planned.environment, status="error", reason=reason))
        elif planned.action == "train" and planned.fresh:
            store.write_cell(cell.id, record_of(cell, planned.environment))
        elif planned.action == "keep" and store.checkpoints(cell.id):
            # Its run was killed between the end of the cell and its last clean-up.
            store.drop_unfinished(cell.id)
        store.mark_current(cell.id, planned.protocols)
    store.write_grid(plan.grid.to_toml())


def _tasks(plan: Plan, store: Store) -> list[Task]:
    paths = data_paths()
    return [
        Task(
            cell=planned.cell,
            folder=str(store.path.absolute()),
            device=plan.device,
            environment=planned.environment,
            rescore=planned.action == "score",
            keep_stale=planned.keep_stale,
            data_paths=paths,
        )
        for planned in plan.cells
        if planned.action in ("train", "score")
    ]


class _Sitting:
    """One run's dealings with its folder and its listener while cells come back."""

    def __init__(self, plan: Plan, store: Store, listener: Listener | None) -> None:
        self._planned = {entry.cell.id: entry for entry in plan.cells}
        self._ids = [entry.cell.id for entry in plan.cells]
        self._store = store
        self._listener = listener
        self._steps: dict[str, int] = {}
        self._tables_due = self._page_due = 0.0
        self._page_took = 0.0

    def work_off(self, pool: LocalExecutor, tasks: Sequence[Task]) -> None:
        """Run the tasks, and write down what is known after each scoring and each cell.

        Raises:
            Interrupted: the pool was told to stop.
        """

        def heard(event: Event) -> None:
            self._event(event)
            # Meanwhile workers go on: what they send waits in their pipes, which hold minutes of it.
            if isinstance(event, CellScored) and pool.stopped is None:
                self._write_some()

        # Closed here, so that no worker outlives an exception for as long as its traceback is kept.
        with contextlib.closing(pool.run(tasks, heard)) as results:
            for ended, result in enumerate(results, 1):
                entry = self._planned[result.cell]
                if entry.action == "train" and result.status in ("error", "oom"):
                    self._write_down(entry, result)
                if self._listener is not None and result.status != "unfinished":
                    self._listener.finished(entry, result)
                if pool.stopped is None and ended < len(tasks):
                    self._write_some()
        if pool.stopped is not None:
            # Drawing a page may take longer than a user who interrupts will wait.
            left = pool.stopped + LAST_SECONDS - time.monotonic()
            self.write(page=_GROWTH * self._page_took < left)
            raise Interrupted(self._store.path)

    def write(self, *, page: bool) -> None:
        """Write the tables, and the page where it is wanted."""
        results = write_tables(self._store, self._ids)
        if page:
            write_page(self._store, results)

    def _write_some(self) -> None:
        """Write what is due: more seldom where writing takes longer."""
        begun = time.monotonic()
        if begun < self._tables_due:
            return
        page = begun >= self._page_due
        self.write(page=page)
        now = time.monotonic()
        took = now - begun
        self._tables_due = now + max(_TABLE_SECONDS, _PATIENCE * took)
        if page:
            self._page_due, self._page_took = now + max(_PAGE_SECONDS, _PATIENCE * took), took

    def _event(self, event: Event) -> None:
        if isinstance(event, CellBegun):
            return
        if isinstance(event, CellProgress):
            self._steps[event.cell] = event.step
        if self._listener is not None:
            self._listener.event(event.as_mapping())

    def _write_down(self, entry: PlannedCell, result: CellResult) -> None:
        """Write the end of a cell whose worker could not: it is gone, or its disk was full."""
        store, cell = self._store, entry.cell
        step, seconds = self._steps.get(cell.id, 0), 0.0
        history = History.of(entry.environment)
        with contextlib.suppress(StoreError, ValueError):
            before = store.cell(cell.id)
            if before["status"] == result.status:
                return
            step, seconds = max(step, before["step"]), before["seconds"]
            history = History.from_record(before)
        store.write_cell(
            cell.id,
            record_of(
                cell,
                history,
                status=result.status,
                reason=result.reason,
                step=step,
                seconds=max(seconds, result.seconds),
            ),
        )


def devices_of(device: str, jobs: int | None, tasks: int) -> list[str]:
    """A device for each worker."""
    if device == "cpu":
        places = ["cpu"]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        count = jobs or cores
    else:
        # One model throughout: the model decides bits, and a cell's must not depend on which GPU was free.
        places = (
            [
                f"cuda:{index}"
                for index in range(torch.cuda.device_count())
                if device_model(f"cuda:{index}") == device_model(device)
            ]
            if device == "cuda"
            else [device]
        )
        count = jobs or len(places)
    return [places[index % len(places)] for index in range(min(count or 1, tasks))]
