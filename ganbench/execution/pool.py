"""Cells side by side in worker processes; a worker's death costs its cell a try, the others nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from ganbench.execution.spawning import clean_context
from ganbench.execution.worker import begin, work
from ganbench.runner.task import CellResult, Task

_TRIES = 2
_POLL_SECONDS = 0.1
# From the wish to stop to the end of patience with a step that does not end.
PATIENCE_SECONDS = 3.0


@dataclass
class _Slot:
    """One worker's place: a pool of its own, so that a kill can damage no one else's channel."""

    device: str
    pool: Any
    task: Task | None = None
    future: Future[CellResult] | None = None
    pid: int | None = None


class WorkerPool:
    """Runs tasks in as many workers as it has devices.

    Attributes:
        stopped: whether the run was told to stop.
    """

    def __init__(self, devices: Sequence[str], threads: int | None, max_seconds: float | None = None) -> None:
        """Prepare; processes start with their first task.

        Args:
            devices: one for each worker.
            threads: for one operation in a CPU worker.
            max_seconds: a cell's limit, or None.
        """
        self.stopped = False
        self._max_seconds = max_seconds
        self._context = clean_context()
        self._stop = self._context.RawValue("b", 0)
        self._folder = tempfile.TemporaryDirectory(prefix="ganbench-")
        self._events = Path(self._folder.name) / "events"
        self._events.touch()
        self._read = 0
        arguments = (self._stop, str(self._events), threads)
        self._slots = [
            _Slot(
                device=device,
                pool=ProcessPool(max_workers=1, context=self._context, initializer=begin, initargs=arguments),
            )
            for device in devices
        ]

    def stop(self) -> None:
        """Ask every worker to write its checkpoint and end; may be called from a signal handler."""
        self.stopped = True
        self._stop.value = 1

    def kill(self) -> None:
        """End every worker now; may be called from a signal handler."""
        for slot in self._slots:
            if slot.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(slot.pid, signal.SIGKILL)

    def run(
        self, tasks: Sequence[Task], on_event: Callable[[Mapping[str, Any]], None] = lambda _: None
    ) -> Iterator[CellResult]:
        """Run tasks, in order as workers come free; results as they come.

        A worker that dies has its cell tried once more; then the cell's status is `error` and the reason
        names the signal. After `stop`, what runs is given a few seconds, and nothing new is begun.
        """
        waiting = deque(tasks)
        tries: dict[str, int] = {}
        impatient: float | None = None
        try:
            while waiting or any(slot.future for slot in self._slots):
                if self.stopped:
                    waiting.clear()
                    impatient = impatient or time.monotonic() + PATIENCE_SECONDS
                    if time.monotonic() > impatient:
                        return
                self._hand_out(waiting)
                wait([slot.future for slot in self._slots if slot.future], _POLL_SECONDS, FIRST_COMPLETED)
                for event in self._new_events():
                    on_event(event)
                for slot in self._slots:
                    if slot.future is not None and slot.future.done():
                        task, result = self._collect(slot, tries)
                        if result is None and task is not None:
                            waiting.appendleft(task)
                        elif result is not None:
                            yield result
        finally:
            self.kill()
            for slot in self._slots:
                slot.pool.stop()
                slot.pool.join()
            self._folder.cleanup()

    def _hand_out(self, waiting: deque[Task]) -> None:
        for slot in self._slots:
            if slot.future is None and waiting:
                slot.task = replace(waiting.popleft(), device=slot.device)
                slot.future = slot.pool.schedule(work, args=(slot.task,), timeout=self._max_seconds)

    def _collect(self, slot: _Slot, tries: dict[str, int]) -> tuple[Task | None, CellResult | None]:
        """The result of a finished slot; none where the cell is to be tried again."""
        future, task = slot.future, slot.task
        assert future is not None
        assert task is not None
        slot.future = slot.task = None
        cell = task.cell.id
        try:
            return task, future.result()
        except TimeoutError:
            reason = f"time limit: {self._max_seconds:g} seconds"
        except ProcessExpired as death:
            if self.stopped:
                return None, None
            tries[cell] = tries.get(cell, 0) + 1
            if tries[cell] < _TRIES:
                return task, None
            reason = f"its worker died {_TRIES} times, the last time by {_cause(death.exitcode)}"
        return task, CellResult(cell=cell, status="error", reason=reason, scores={})

    def _new_events(self) -> Iterator[Mapping[str, Any]]:
        """Whole lines that workers have appended since the last look."""
        with open(self._events, "rb") as stream:
            stream.seek(self._read)
            content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            if "pid" in event:
                for slot in self._slots:
                    if slot.task is not None and slot.task.cell.id == event["cell"]:
                        slot.pid = event["pid"]
            yield event


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
