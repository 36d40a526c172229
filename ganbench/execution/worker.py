"""The inside of a worker process: set up once, then one cell after another."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait
from typing import Any

from ganbench.runner.sitting import run_cell
from ganbench.runner.task import CellResult, Task
from ganbench.training import prepare_process

# Set once in each worker by `begin`.
_stop: Any = None
_events: int = -1


def begin(stop: Any, events: str, threads: int | None) -> None:
    """Prepare this process for cells.

    Args:
        stop: shared byte without a lock, so that a killed worker cannot leave it locked; 1 means stop.
        events: file to which progress is appended, a JSON line each; appending needs no lock either.
        threads: for one operation on a CPU, or None to leave the number alone.
    """
    global _stop, _events
    _stop = stop
    _events = os.open(events, os.O_WRONLY | os.O_APPEND)
    # Ctrl-C reaches every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_process(threads)


def work(task: Task) -> CellResult:
    """Run one cell and say on the way how far it is."""
    _tell({"cell": task.cell.id, "pid": os.getpid()})
    return run_cell(task, stop=lambda: bool(_stop.value), progress=_tell)


def _tell(event: Mapping[str, Any]) -> None:
    os.write(_events, json.dumps(event).encode() + b"\n")


def _end_with_parent() -> None:
    """Leave no orphan behind, however the parent ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
