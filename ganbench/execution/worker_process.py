"""A worker process of this machine: started, given cells, listened to, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe, spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from ganbench.execution.executor import Place
from ganbench.execution.node_check import NodeCheck, NodeReport
from ganbench.execution.stopping import stop_signals
from ganbench.execution.tries import Lost
from ganbench.runner.events import CellBegun, Event
from ganbench.runner.task import CellResult, Task

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


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """The seconds that a cell may take.

    Attributes:
        cell: from when its worker is ready.
        start: from when a worker is given the cell until it begins with it.
    """

    cell: float
    start: float


@dataclass
class WorkerProcess:
    """A process, the pipe to it, and what it is doing. No pipe is shared, so a kill damages no one else's.

    Attributes:
        place: where its cells run.
        process: the interpreter.
        connection: the pipe.
        task: the cell that it runs; None while it has none.
    """

    place: Place
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    task: Task | None = None
    _given: float = 0.0
    _begun: float | None = None
    _oom_kills: int = field(default_factory=lambda: oom_kills())

    @classmethod
    def start(
        cls,
        place: Place,
        *,
        path: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a process, which imports ganbench and waits for cells.

        Args:
            place: where its cells run.
            path: its `sys.path`; that of this process unless given.
            arguments: its `sys.argv`, which plugins may read; likewise.
            environment: its variables; likewise.
        """
        mine, theirs = Pipe()
        with theirs, held_signals():
            process = _start_process(theirs, sys.path if path is None else path, environment)
            worker = cls(place=place, process=process, connection=mine)
        with contextlib.suppress(OSError):
            mine.send(sys.argv if arguments is None else list(arguments))
        return worker

    def give(self, task: Task) -> None:
        """Let it run a cell, on the device of its place."""
        self.task, self._given, self._begun = task, time.monotonic(), None
        with contextlib.suppress(OSError):
            # One that has just died is found out when it is listened to.
            self.connection.send(replace(task, device=self.place.device))

    def listen(
        self, on_event: Callable[[Event], None], *, limit: TimeLimit | None = None, stopped: bool = False
    ) -> CellResult | Lost | None:
        """Receive what it has sent since the last call; return how its cell ended, where it has.

        Args:
            on_event: told what happens.
            limit: what a cell may take; the process is ended where it takes more.
            stopped: whether it was told to stop.
        """
        try:
            while self.connection.poll():
                message = self.connection.recv()
                if isinstance(message, CellResult):
                    # Asked to stop by somebody else than this run: it has to be replaced.
                    foreign = message.status == "unfinished" and not stopped
                    return self._died() if foreign else self._ended(message)
                if isinstance(message, CellBegun):
                    self._begun = time.monotonic()
                on_event(message)
            # A process that a plugin has started may hold the pipe open.
            if self.process.poll() is not None and not self.connection.poll():
                return self._died()
        except (EOFError, ConnectionError):
            return self._died()
        return None if limit is None or stopped else self._late(limit)

    def ask(self, check: NodeCheck) -> None:
        """Let it look at its machine; `listen` has no part in this, `answer` gives what it finds."""
        with contextlib.suppress(OSError):
            self.connection.send((check, self.place.device))

    def answer(self, seconds: float) -> NodeReport | Lost | None:
        """Wait for what it has found on its machine.

        Args:
            seconds: how long.

        Returns:
            The report; how the process ended, where it has; None where there is no answer yet.
        """
        try:
            if self.connection.poll(seconds):
                report = self.connection.recv()
                return report if isinstance(report, NodeReport) else None
        except (EOFError, ConnectionError):
            return self._died()
        return self._died() if self.has_ended else None

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def end(self) -> None:
        """End the process at once, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self.connection.close()

    def _ended(self, result: CellResult) -> CellResult:
        self.task = None
        return result

    def _died(self) -> Lost:
        # Let it end by itself, so that its exit code is its own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode
        self.end()
        self.task = None
        missing = code == -_SIGKILL and oom_kills() > self._oom_kills
        return Lost(cause=_cause(code), freed="the kernel" if missing else "")

    def _late(self, limit: TimeLimit) -> Lost | None:
        now = time.monotonic()
        if self._begun is None and now > self._given + limit.start:
            reason = (
                f"time limit: its worker did not begin within {limit.start:g} seconds; a plugin may wait for "
                "something when it is imported"
            )
        elif self._begun is not None and now > self._begun + limit.cell:
            reason = f"time limit: {limit.cell:g} seconds"
        else:
            return None
        self.end()
        self.task = None
        return Lost(reason=reason)


def _start_process(
    connection: Connection[Any, Any], path: Sequence[str], environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    """Start a worker at the other end of a pipe, in a new interpreter with the flags of this one.

    The script that called `ganbench.run` is not imported there: it would run again.
    """
    descriptor = connection.fileno()
    command = [
        os.fsdecode(spawn.get_executable()),
        *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        "-c",
        _START.format(path=[entry for entry in path if isinstance(entry, str)]),
        "--serve",
        str(descriptor),
    ]
    if sys.platform == "win32":
        os.set_handle_inheritable(descriptor, True)
        only = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [descriptor]})
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, startupinfo=only, env=environment)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[descriptor], env=environment)


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


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return "SIGTERM" if exitcode is None else f"exit code {exitcode}"
