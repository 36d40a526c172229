"""Cells side by side in worker processes; a worker's death costs its cell a try, the others nothing."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ganbench.execution.spawning import clean_context
from ganbench.execution.stopping import stop_signals
from ganbench.execution.worker import serve
from ganbench.runner.events import CellBegun, Event
from ganbench.runner.task import CellResult, Task

_TRIES = 2
_POLL_SECONDS = 0.1
# From the wish to stop to the end of patience with a step that does not end.
PATIENCE_SECONDS = 3.0
# Windows has no name for it.
_SIGKILL = int(getattr(signal, "SIGKILL", 9))
# Where Linux counts the processes that it has killed for want of memory.
_OOM_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


@dataclass
class _Worker:
    """A process, the pipe to it, and what it is doing. No pipe is shared, so a kill damages no one else's."""

    device: str
    process: BaseProcess
    connection: Connection[Any, Any]
    task: Task | None = None
    begun: float | None = None


class _Lost(Enum):
    """How a cell can be left without a result."""

    DIED = "died"
    TIMED_OUT = "timed out"


class LocalExecutor:
    """Runs tasks in as many workers as it has devices.

    Attributes:
        stopped: when the run was told to stop, in monotonic seconds; None while it was not.
    """

    def __init__(self, devices: Sequence[str], threads: int | None, max_seconds: float | None = None) -> None:
        """Prepare; a process starts with its first task.

        Args:
            devices: one for each worker.
            threads: for one operation in a CPU worker.
            max_seconds: a cell's limit, from when its worker is ready, or None.
        """
        self.stopped: float | None = None
        self._free = list(devices)
        self._threads = threads
        self._max_seconds = max_seconds
        self._context = clean_context()
        self._workers: list[_Worker] = []
        self._oom_kills = _oom_kills()

    def stop(self) -> None:
        """Ask every worker to write its checkpoint and end; may be called from a signal handler."""
        if self.stopped is None:
            self.stopped = time.monotonic()
        for worker in self._workers:
            worker.process.terminate()

    def kill(self) -> None:
        """End every worker now; may be called from a signal handler."""
        for worker in self._workers:
            worker.process.kill()

    def run(
        self, tasks: Sequence[Task], on_event: Callable[[Event], None] = lambda _: None
    ) -> Generator[CellResult, None, None]:
        """Run tasks, in order as workers come free; results as they come.

        A worker that dies has its cell tried once more; then the cell's status is `error` and the reason
        names the signal, or `oom` where the kernel says that it ran out of memory. After `stop`, what runs
        is given a few seconds, and nothing new is begun.
        """
        waiting = deque(tasks)
        tries: dict[str, int] = {}
        try:
            while waiting or self._busy():
                if self.stopped is not None:
                    waiting.clear()
                    if time.monotonic() > self.stopped + PATIENCE_SECONDS:
                        return
                self._hand_out(waiting)
                wait([worker.connection for worker in self._busy()], _POLL_SECONDS)
                for worker in self._busy():
                    end = self._listen(worker, on_event)
                    task = worker.task
                    if end is None or task is None:
                        continue
                    worker.task = None
                    result = end if isinstance(end, CellResult) else self._lost(worker, task, end, tries)
                    if result is None:
                        waiting.appendleft(task)
                    else:
                        yield result
        finally:
            self.kill()
            for worker in tuple(self._workers):
                self._dismiss(worker)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _hand_out(self, waiting: deque[Task]) -> None:
        for worker in tuple(self._workers):
            if worker.task is None and not worker.process.is_alive():
                self._dismiss(worker)
        idle = [worker for worker in self._workers if worker.task is None]
        while waiting and (idle or self._free):
            worker = idle.pop() if idle else self._start(self._free.pop(0))
            worker.task, worker.begun = waiting.popleft(), None
            with contextlib.suppress(OSError):
                # One that has just died is found out when it is listened to.
                worker.connection.send(replace(worker.task, device=worker.device))

    def _start(self, device: str) -> _Worker:
        mine, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._threads), name="ganbench-worker")
        with _held_signals():
            process.start()
            worker = _Worker(device=device, process=process, connection=mine)
            self._workers.append(worker)
        theirs.close()
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker's process, if it has not ended, and free its place."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._free.append(worker.device)

    def _listen(self, worker: _Worker, on_event: Callable[[Event], None]) -> CellResult | _Lost | None:
        """What a worker has sent since the last time; how its cell ended, where it has."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, CellResult):
                    # Asked to stop by somebody else than this run: it has to be replaced.
                    foreign = message.status == "unfinished" and self.stopped is None
                    return _Lost.DIED if foreign else message
                if isinstance(message, CellBegun):
                    worker.begun = time.monotonic()
                on_event(message)
        except (EOFError, ConnectionError):
            return _Lost.DIED
        if self._max_seconds is not None and worker.begun is not None and self.stopped is None:
            late = time.monotonic() > worker.begun + self._max_seconds
            return _Lost.TIMED_OUT if late else None
        return None

    def _lost(self, worker: _Worker, task: Task, how: _Lost, tries: dict[str, int]) -> CellResult | None:
        """The result of a cell whose worker is lost; none where it is to be tried again."""
        if how is _Lost.DIED:
            # Let it end by itself, so that its exit code is its own.
            worker.process.join(1)
        died_by = worker.process.exitcode
        self._dismiss(worker)
        cell = task.cell.id
        if how is _Lost.TIMED_OUT:
            reason = f"time limit: {self._max_seconds:g} seconds"
            return CellResult(cell=cell, status="error", reason=reason, scores={})
        if self.stopped is not None:
            return CellResult(cell=cell, status="unfinished", reason="interrupted", scores={})
        oom_kills, before = _oom_kills(), self._oom_kills
        self._oom_kills = oom_kills
        tries[cell] = tries.get(cell, 0) + 1
        if tries[cell] < _TRIES:
            return None
        if died_by == -_SIGKILL and oom_kills > before:
            reason = f"its worker died {_TRIES} times; the kernel had to free memory"
            return CellResult(cell=cell, status="oom", reason=reason, scores={})
        reason = f"its worker died {_TRIES} times, the last time by {_cause(died_by)}"
        return CellResult(cell=cell, status="error", reason=reason, scores={})


@contextmanager
def _held_signals() -> Iterator[None]:
    """Keep signals from a process that cannot handle them yet: it inherits what is blocked here."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _oom_kills() -> int:
    """How many processes the kernel has killed for want of memory, where it says so."""
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
