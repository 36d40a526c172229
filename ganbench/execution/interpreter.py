"""A new interpreter that serves a pipe, which every executor's workers are, and how it ended.

What starts one on another machine imports this module alone, so it imports next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ganbench.execution.stopping import stop_signals

# As `python -m ganbench.execution.worker`, but with the caller's `sys.path` from the start: ganbench and its
# plugins may be found by it alone, and nothing is imported from the working directory unless it is in there.
_START = (
    "import sys; sys.path[:] = {path!a}; import runpy; "
    "runpy.run_module('ganbench.execution.worker', run_name='__main__', alter_sys=True)"
)
# Windows has no name for it.
_SIGKILL = int(getattr(signal, "SIGKILL", 9))
# Where Linux counts the processes that it has killed for want of memory.
_OOM_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


def interpreter_flags() -> list[str]:
    """List the flags that this interpreter was started with."""
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return]


def start_interpreter(
    connection: Connection[Any, Any],
    *,
    path: Sequence[str] | None = None,
    flags: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a worker at the other end of a pipe, in a new interpreter.

    The script that called `ganbench.run` is not imported there: it would run again.

    Args:
        connection: what the worker is to read from and write to.
        path: its `sys.path`; that of this process unless given.
        flags: of the interpreter; likewise.
        environment: its variables; likewise.
        folder: its working folder; likewise.
    """
    descriptor = connection.fileno()
    entries = sys.path if path is None else path
    command = [
        os.fsdecode(spawn.get_executable()),
        *(interpreter_flags() if flags is None else flags),
        "-c",
        _START.format(path=[entry for entry in entries if isinstance(entry, str)]),
        "--serve",
        str(descriptor),
    ]
    if sys.platform == "win32":
        os.set_handle_inheritable(descriptor, True)
        only = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [descriptor]})
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, startupinfo=only, env=environment, cwd=folder
        )
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, pass_fds=[descriptor], env=environment, cwd=folder
    )


@contextmanager
def held_signals() -> Iterator[None]:
    """Keep signals from a process that cannot handle them yet: it inherits what is blocked here."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def oom_kills() -> int:
    """Count the processes that the kernel has killed for want of memory, where it says so."""
    count = 0
    for counter in _OOM_COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in counter.read_text().splitlines():
                name, _, value = line.partition(" ")
                count += int(value) if name == "oom_kill" else 0
    return count


def freed_by(exitcode: int | None, before: int) -> str:
    """Name who ended a process because memory was missing; empty where that was not the cause.

    Args:
        exitcode: of the process, as subprocess has it.
        before: what `oom_kills` gave when the process was started.
    """
    return "the kernel" if exitcode == -_SIGKILL and oom_kills() > before else ""


def cause_of(exitcode: int | None) -> str:
    """Name what ended a process: a signal, or its exit code.

    Args:
        exitcode: as subprocess has it; None where it had to be ended.
    """
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return "SIGTERM" if exitcode is None else f"exit code {exitcode}"
