"""The inside of a worker process: one cell after another, as they come through a pipe.

`python -m ganbench.execution.worker FOLDER CELL` is a worker for one cell that is started by hand, as by a
scheduler: see `ganbench.execution.stored_cell`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ganbench.execution.freed_memory import keep_freed_memory
from ganbench.execution.stopping import stop_signals
from ganbench.files.standard_streams import guard_streams

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_SERVE = "--serve"


def serve(descriptor: int) -> None:
    """Run the cells that come through a pipe until it is closed; the process ends then, wherever it is.

    The caller's `sys.argv` comes first. For each list of Tasks after it, of cells that are trained together,
    Events go back and a CellResult for each; for a NodeCheck, with the device that it is about, a NodeReport.
    SIGTERM makes a cell write its checkpoint and end as `unfinished`.

    Args:
        descriptor: of the pipe to the parent, inherited from it.
    """
    connection = _connection(descriptor)
    messages: SimpleQueue[bytes] = SimpleQueue()
    # Before anything else: loading torch takes seconds, in which the parent may be killed.
    threading.Thread(target=_receive, args=(connection, messages), daemon=True).start()
    stopped = threading.Event()
    # Ctrl-C or a closed terminal reaches every process of the group; the parent decides what it means.
    for number in stop_signals():
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())
    sys.argv[:] = pickle.loads(messages.get())

    def send(message: object) -> None:
        try:
            connection.send(message)
        except OSError:
            # The parent is gone. Raised inside a cell, this would be the cell's error.
            os._exit(1)

    # A quarter of the time of these imports would go into looking for garbage among modules.
    gc.disable()
    from ganbench.catalog import load_catalog, plugins_given
    from ganbench.errors import GanbenchError
    from ganbench.files.data_paths import data_paths_set
    from ganbench.runner.cell_group import run_cells
    from ganbench.runner.shared_parts import SharedParts
    from ganbench.runner.task import CellResult

    gc.freeze()
    gc.enable()
    shared: SharedParts | None = None
    given = contextlib.ExitStack()
    while True:
        message = pickle.loads(messages.get())
        if not isinstance(message, list):
            check, device = message
            send(check.answer(device))
            continue
        tasks = message
        if shared is None:
            # A plugin may look for data when it is imported.
            with data_paths_set(tasks[0].data_paths):
                try:
                    given.enter_context(plugins_given(tasks[0].plugins))
                except GanbenchError as error:
                    # A file that has been changed or removed since the plan was made.
                    for task in tasks:
                        send(CellResult(cell=task.cell.id, status="error", reason=str(error), scores={}))
                    continue
                shared = SharedParts(load_catalog())
        for result in run_cells(tasks, shared, stopped.is_set, send):
            send(result)


def _connection(descriptor: int) -> Connection[Any, Any]:
    from multiprocessing import connection

    if sys.platform == "win32":
        return connection.PipeConnection(descriptor)
    # What a plugin starts must not hold the pipe open.
    os.set_inheritable(descriptor, False)
    return connection.Connection(descriptor)


def _receive(connection: Connection[Any, Any], messages: SimpleQueue[bytes]) -> None:
    """Take in what comes, and leave no orphan behind, however the parent ended."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            messages.put(connection.recv_bytes())
    os._exit(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a pipe, or run one cell as the command line says.

    Args:
        arguments: those after the module's name; `sys.argv`'s unless given.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        # The process is this worker's own.
        keep_freed_memory()
    # What a plugin prints must not end a cell where nobody can read it.
    restore = guard_streams()
    if given[:1] == [_SERVE]:
        serve(int(given[1]))
    from ganbench.execution.stored_cell import run_by_hand

    try:
        return run_by_hand(given)
    finally:
        if arguments is not None:
            restore()


if __name__ == "__main__":
    sys.exit(main())
