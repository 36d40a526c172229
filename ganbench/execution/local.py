"""Cells side by side in worker processes; a worker's death costs its cell a try, the others nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing import Pipe, spawn
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from ganbench.execution.executor import THREADS, Place
from ganbench.execution.plan import resolve_device
from ganbench.execution.resources import WorkerCount, resources_here, worker_count
from ganbench.execution.stopping import stop_signals
from ganbench.grid.environment import device_model
from ganbench.runner.events import CellBegun, Event
from ganbench.runner.task import CellResult, Task

_TRIES = 2
_POLL_SECONDS = 0.1
# From the wish to stop to the end of patience with a step that does not end.
_PATIENCE_SECONDS = 3.0
# A worker imports torch and the plugins before it begins with a cell, on a busy network drive for minutes;
# where a cell has a limit, so has that.
_MIN_START_SECONDS = 300.0
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


@dataclass
class _Worker:
    """A process, the pipe to it, and what it is doing. No pipe is shared, so a kill damages no one else's."""

    place: Place
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    task: Task | None = None
    given: float = 0.0
    begun: float | None = None


class _Lost(Enum):
    """How a cell can be left without a result."""

    DIED = "died"
    NEVER_BEGAN = "never began"
    TIMED_OUT = "timed out"


class LocalExecutor:
    """Runs tasks in worker processes of this machine; a dead worker costs its cell one of two tries.

    Attributes:
        stopped: when it was told to stop, in seconds of `time.monotonic`; None while it was not.
        workers: how many run side by side, and what bounds them.
        patience_seconds: how long after that it waits for checkpoints.
        min_start_seconds: the least time that a worker has until it begins with a cell, where cells have a
            limit; a larger limit of cells serves for both.
    """

    patience_seconds = _PATIENCE_SECONDS
    min_start_seconds = _MIN_START_SECONDS

    def __init__(
        self, device: str = "auto", *, jobs: int | None = None, max_seconds: float | None = None
    ) -> None:
        """Choose the places of workers; a process starts with its first task.

        Args:
            device: auto, cpu, cuda or cuda:N; cuda is every GPU of the model of the first.
            jobs: worker processes; default one per CPU core, or per GPU, as far as quotas and memory go.
            max_seconds: a cell's limit, from when its worker is ready, or None.

        Raises:
            GridError: the device is not there.
        """
        self.stopped: float | None = None
        found = resolve_device(device)
        self.workers = local_workers(found, jobs)
        self._places = _places(found, self.workers)
        self._free = list(self._places)
        self._max_seconds = max_seconds
        self._workers: list[_Worker] = []
        self._oom_kills = _oom_kills()

    def places(self) -> list[Place]:
        """List a place for each worker."""
        return list(self._places)

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
        self, tasks: Iterable[Task], on_event: Callable[[Event], None] = lambda _: None
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
                    if time.monotonic() > self.stopped + _PATIENCE_SECONDS:
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
            if worker.task is None and worker.process.poll() is not None:
                self._dismiss(worker)
        idle = [worker for worker in self._workers if worker.task is None]
        while waiting and (idle or self._free):
            worker = idle.pop() if idle else self._start(self._free.pop(0))
            worker.task, worker.given, worker.begun = waiting.popleft(), time.monotonic(), None
            with contextlib.suppress(OSError):
                # One that has just died is found out when it is listened to.
                worker.connection.send(replace(worker.task, device=worker.place.device))

    def _start(self, place: Place) -> _Worker:
        mine, theirs = Pipe()
        with theirs, _held_signals():
            worker = _Worker(place=place, process=_start_process(theirs), connection=mine)
            self._workers.append(worker)
        with contextlib.suppress(OSError):
            mine.send(sys.argv)
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker's process, if it has not ended, and free its place."""
        worker.process.kill()
        worker.process.wait()
        worker.connection.close()
        self._workers.remove(worker)
        self._free.append(worker.place)

    def _listen(self, worker: _Worker, on_event: Callable[[Event], None]) -> CellResult | _Lost | None:
        """Receive what a worker has sent since the last call; return how its cell ended, where it has."""
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
            # A process that a plugin has started may hold the pipe open.
            if worker.process.poll() is not None and not worker.connection.poll():
                return _Lost.DIED
        except (EOFError, ConnectionError):
            return _Lost.DIED
        if self._max_seconds is None or self.stopped is not None:
            return None
        if worker.begun is None:
            late = time.monotonic() > worker.given + self._start_seconds(self._max_seconds)
            return _Lost.NEVER_BEGAN if late else None
        return _Lost.TIMED_OUT if time.monotonic() > worker.begun + self._max_seconds else None

    def _start_seconds(self, max_seconds: float) -> float:
        return max(max_seconds, self.min_start_seconds)

    def _lost(self, worker: _Worker, task: Task, how: _Lost, tries: dict[str, int]) -> CellResult | None:
        """Make the result of a cell whose worker is lost; none where it is to be tried again."""
        if how is _Lost.DIED:
            # Let it end by itself, so that its exit code is its own.
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(1)
        died_by = worker.process.returncode
        self._dismiss(worker)
        cell = task.cell.id
        if how is _Lost.TIMED_OUT:
            reason = f"time limit: {self._max_seconds:g} seconds"
            return CellResult(cell=cell, status="error", reason=reason, scores={})
        if how is _Lost.NEVER_BEGAN and self._max_seconds is not None:
            seconds = self._start_seconds(self._max_seconds)
            reason = (
                f"time limit: its worker did not begin within {seconds:g} seconds; a plugin may wait for "
                "something when it is imported"
            )
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


def local_workers(device: str, jobs: int | None = None) -> WorkerCount:
    """Decide how many workers run side by side on this machine.

    Args:
        device: cpu, cuda (every GPU of the model of the first) or cuda:N.
        jobs: as many as the user asks for; None for the default.
    """
    return worker_count(resources_here(), 0 if device == "cpu" else len(_devices(device)), jobs)


def _places(device: str, workers: WorkerCount) -> list[Place]:
    devices = _devices(device)
    return [Place.here(devices[index % len(devices)], THREADS) for index in range(workers.count)]


def _devices(device: str) -> list[str]:
    if device != "cuda":
        return [device]
    # One model throughout: the model decides bits, and a cell's must not depend on which GPU was free.
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [name for name in names if device_model(name) == device_model(device)]


def _start_process(connection: Connection[Any, Any]) -> subprocess.Popen[bytes]:
    """Start a worker at the other end of a pipe, in a new interpreter with the flags of this one.

    The script that called `ganbench.run` is not imported there: it would run again.
    """
    descriptor = connection.fileno()
    command = [
        os.fsdecode(spawn.get_executable()),
        *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        "-c",
        _START.format(path=[entry for entry in sys.path if isinstance(entry, str)]),
        "--serve",
        str(descriptor),
    ]
    if sys.platform == "win32":
        os.set_handle_inheritable(descriptor, True)
        only = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [descriptor]})
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, startupinfo=only)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[descriptor])


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
