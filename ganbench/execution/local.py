"""Cells side by side in worker processes; a worker's death costs its cell a try, the others nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import wait

import torch

from ganbench.execution.executor import MIN_START_SECONDS, Place
from ganbench.execution.interpreter import held_signals
from ganbench.execution.resources import WorkerCount, resources_here, worker_count
from ganbench.execution.task_groups import grouped
from ganbench.execution.tries import Lost, TimeLimit, Tries
from ganbench.execution.worker_process import WorkerProcess
from ganbench.grid.environment import device_model
from ganbench.runner.devices import THREADS, resolve_device
from ganbench.runner.events import Event
from ganbench.runner.task import CellResult, Task

_POLL_SECONDS = 0.1
# From the wish to stop to the end of patience with a step that does not end.
_PATIENCE_SECONDS = 3.0


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
    min_start_seconds = MIN_START_SECONDS

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
        self._workers: list[WorkerProcess] = []

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

        A worker that dies has its cell tried once more, cells that were trained together each alone; then the
        cell's status is `error` and the reason names the signal, or `oom` where the kernel says that it ran
        out of memory. After `stop`, what runs is given a few seconds, and nothing new is begun.
        """
        waiting = deque(grouped(tasks))
        tries = Tries()
        try:
            while waiting or self._busy():
                if self.stopped is not None:
                    waiting.clear()
                    if time.monotonic() > self.stopped + _PATIENCE_SECONDS:
                        return
                self._hand_out(waiting)
                wait([worker.connection for worker in self._busy()], _POLL_SECONDS)
                for worker in self._busy():
                    running = worker.tasks
                    stopped = self.stopped is not None
                    end = worker.listen(on_event, limit=self._limit(), stopped=stopped)
                    if isinstance(end, CellResult):
                        yield end
                    elif isinstance(end, Lost):
                        self._dismiss(worker)
                        for task in reversed(running):
                            result = tries.result_of(task.cell.id, end, stopped=self.stopped is not None)
                            if result is None:
                                waiting.appendleft((task,))
                            else:
                                yield result
        finally:
            self.kill()
            for worker in tuple(self._workers):
                self._dismiss(worker)

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.tasks]

    def _limit(self) -> TimeLimit | None:
        return TimeLimit.of(self._max_seconds, self.min_start_seconds)

    def _hand_out(self, waiting: deque[tuple[Task, ...]]) -> None:
        for worker in tuple(self._workers):
            if not worker.tasks and worker.has_ended:
                self._dismiss(worker)
        idle = [worker for worker in self._workers if not worker.tasks]
        while waiting and (idle or self._free):
            worker = idle.pop() if idle else self._start(self._free.pop(0))
            worker.give(*waiting.popleft())

    def _start(self, place: Place) -> WorkerProcess:
        # A signal that comes before the worker is in the list would not reach it.
        with held_signals():
            worker = WorkerProcess.start(place)
            self._workers.append(worker)
        return worker

    def _dismiss(self, worker: WorkerProcess) -> None:
        """End a worker's process, if it has not ended, and free its place."""
        worker.end()
        self._workers.remove(worker)
        self._free.append(worker.place)


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
