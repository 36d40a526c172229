"""The inside of a worker process: set up once, then one cell after another."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection, wait
from typing import Any

from ganbench.execution.stopping import stop_signals
from ganbench.files.standard_streams import guard_streams


def serve(connection: Connection[Any, Any], threads: int | None) -> None:
    """Run the cells that come through the connection until it is closed.

    For each Task it gets, it sends Events and at last a CellResult. SIGTERM makes the
    cell write its checkpoint and end as `unfinished`.

    Args:
        connection: to the parent.
        threads: for one operation on a CPU, or None to leave the number alone.
    """
    # What a plugin prints must not end a cell where nobody can read it.
    guard_streams()
    # Before anything else: loading torch takes seconds, in which the parent may be killed.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stopped = threading.Event()
    # Ctrl-C or a closed terminal reaches every process of the group; the parent decides what it means.
    for number in stop_signals():
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())

    from ganbench.errors import GanbenchError
    from ganbench.runner.cell_run import run_cell
    from ganbench.runner.events import CellBegun
    from ganbench.runner.task import CellResult
    from ganbench.training import prepare_process

    prepare_process(threads)
    # An optimizer's first step imports this; the seconds that it takes are no part of a cell's.
    importlib.import_module("torch._dynamo")
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(CellBegun(cell=task.cell.id))
        try:
            result = run_cell(task, stop=stopped.is_set, on_event=connection.send)
        except GanbenchError as error:
            result = CellResult(cell=task.cell.id, status="error", reason=str(error), scores={})
        connection.send(result)


def _end_with_parent() -> None:
    """Leave no orphan behind, however the parent ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
