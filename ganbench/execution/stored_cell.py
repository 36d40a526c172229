"""One cell of a results folder, run by hand: what a job of any scheduler can start.

```
python -m ganbench.execution.worker FOLDER CELL [--device DEVICE] [--keep-stale] [--plugin FILE]
```

runs one cell of a folder that `ganbench run` has laid out, from its checkpoint where it has one, and writes
its record there; `ganbench run` with the same folder goes on from it, and makes the tables. Data sets and
weights are found by GANBENCH_DATA and the like. Before anything is written, the environment here is checked
against the one that was planned. One cell must not be started twice at a time.

Exit codes: 0 the cell is `ok`, `diverged` or `skipped`, now or from before; 1 it ended in `error` or `oom`;
2 bad input, or another environment, a line for each problem; 130 told to stop by a signal, after a checkpoint
that the same command goes on from; 70 an internal failure, with its traceback.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ganbench.catalog import load_catalog, plugins_given
from ganbench.errors import GanbenchError, GridError, StoreError, did_you_mean
from ganbench.execution.executor import Place
from ganbench.execution.grid_check import Preflight
from ganbench.execution.plan import Rerun, differences_of, make_plan
from ganbench.execution.stopping import handled_signals
from ganbench.files.data_paths import GRID_VARIABLE, data_paths, data_paths_set
from ganbench.runner import SharedParts, Task, run_cell
from ganbench.runner.devices import resolve_device
from ganbench.runner.events import CellBegun, CellNote, CellScored, Event
from ganbench.store import Store
from ganbench.store.stored_grid import read_stored_grid

_EXIT_CODES = {"ok": 0, "diverged": 0, "skipped": 0, "error": 1, "oom": 1, "unfinished": 130}
_BAD_INPUT, _FAILED = 2, 70


def run_stored_cell(
    folder: str,
    cell_id: str,
    *,
    device: str,
    keep_stale: bool,
    stop: Callable[[], bool],
    on_event: Callable[[Event], None],
) -> tuple[str, str]:
    """Run one cell of a results folder to its end, where it has not come to it yet.

    Args:
        folder: made by `ganbench run`.
        cell_id: one of its grid.
        device: auto, cpu, cuda or cuda:N.
        keep_stale: whether a checkpoint of another environment is gone on from.
        stop: asked after each step.
        on_event: told how the cell goes.

    Returns:
        The cell's status and the reason for it.

    Raises:
        GanbenchError: there is no such cell, it was never laid out, or it was planned, or begun, in another
            environment than this process has.
    """
    store = Store(folder).require()
    shared = SharedParts(load_catalog())
    grid = read_stored_grid(store, shared.catalog)
    known = {cell.id: cell for cell in grid.cells}
    if cell_id not in known:
        raise StoreError(f"{store.path}: no cell {cell_id!r} in its grid{did_you_mean(cell_id, known)}")
    if not store.has_cell(cell_id):
        raise StoreError(f"{store.path}: cell {cell_id} has no record; `ganbench run` writes it first")
    place = Place.here(resolve_device(device))
    alone = replace(grid, cells=(known[cell_id],))
    rerun: Rerun = "keep" if keep_stale else "no"
    plan = make_plan(alone, store, place=place, tried=Preflight(), rerun=rerun, shared=shared)
    (planned,) = plan.cells
    record = store.cell(cell_id)
    if planned.action == "keep":
        return record["status"], record["reason"]
    changes = differences_of(record, planned.environment)
    if changes and not keep_stale:
        raise GridError(
            f"{store.path}: cell {cell_id} was planned for another environment: {'; '.join(changes)}"
        )
    task = Task(
        cell=planned.cell,
        folder=str(store.path.absolute()),
        device=place.device,
        environment=planned.environment,
        rescore=planned.action == "score",
        keep_stale=planned.keep_stale,
        data_paths=data_paths(),
        plugins=shared.catalog.given,
    )
    result = run_cell(task, shared, stop, on_event)
    return result.status, result.reason


def print_event(event: Event) -> None:
    """Print a cell's progress as a line."""
    if isinstance(event, CellBegun):
        text = "begun"
    elif isinstance(event, CellNote):
        text = f"warning: {event.note}"
    else:
        losses = "" if event.loss_d is None else f", D {event.loss_d:.3g}, G {event.loss_g:.3g}"
        text = f"step {event.step}{losses}{', scored' if isinstance(event, CellScored) else ''}"
    print(f"{event.cell}: {text}", flush=True)


def run_by_hand(arguments: Sequence[str], on_event: Callable[[Event], None] = print_event) -> int:
    """Run the cell that a command line names, and print how it ends.

    Args:
        arguments: those after the module's name.
        on_event: told how it goes.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        "python -m ganbench.execution.worker", description="Run one cell of a results folder."
    )
    parser.add_argument("folder", metavar="FOLDER", help="made by `ganbench run`")
    parser.add_argument("cell", metavar="CELL", help="its id")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--keep-stale", action="store_true", help="go on from a checkpoint of another environment"
    )
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="a plugin without a package; repeatable"
    )
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    try:
        paths = {GRID_VARIABLE: Store(options.folder).grid_folder() or None}
        with _signals_set(stopped), plugins_given(options.plugin), data_paths_set(paths):
            status, reason = run_stored_cell(
                options.folder,
                options.cell,
                device=options.device,
                keep_stale=options.keep_stale,
                stop=stopped.is_set,
                on_event=on_event,
            )
    except GanbenchError as error:
        for problem in error.problems:
            print(f"ganbench: error: {problem}", file=sys.stderr)
        return _BAD_INPUT
    except Exception:
        traceback.print_exc()
        return _FAILED
    print(f"{options.cell}: {status}{f' ({reason})' if reason else ''}", flush=True)
    return _EXIT_CODES[status]


@contextmanager
def _signals_set(stopped: threading.Event) -> Iterator[None]:
    """Let every signal that ends a run set the event, the second Ctrl-C end the process."""

    def told(number: int, _: object) -> None:
        if number == signal.SIGINT and stopped.is_set():
            os._exit(_EXIT_CODES["unfinished"])
        stopped.set()

    before = {number: signal.getsignal(number) for number in handled_signals()}
    try:
        for number in before:
            signal.signal(number, told)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
