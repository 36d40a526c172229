"""A worker process of this machine: started, given cells, listened to, ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Self

from ganbench.execution.executor import Place
from ganbench.execution.interpreter import cause_of, freed_by, held_signals, oom_kills, start_interpreter
from ganbench.execution.tries import Lost, TimeLimit
from ganbench.runner.events import CellBegun, Event
from ganbench.runner.task import CellResult, Task


@dataclass
class WorkerProcess:
    """A process, the pipe to it, and what it is doing. No pipe is shared, so a kill damages no one else's.

    Attributes:
        place: where its cells run.
        process: the interpreter.
        connection: the pipe.
        tasks: the cells that it runs, together; empty while it has none.
    """

    place: Place
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    tasks: tuple[Task, ...] = ()
    _count: int = 0
    _given: float = 0.0
    _begun: float | None = None
    _oom_kills: int = field(default_factory=oom_kills)

    @classmethod
    def start(cls, place: Place) -> Self:
        """Start a process, which imports ganbench and waits for cells.

        Args:
            place: where its cells run.
        """
        mine, theirs = Pipe()
        with theirs, held_signals():
            worker = cls(place=place, process=start_interpreter(theirs), connection=mine)
        with contextlib.suppress(OSError):
            mine.send(sys.argv)
        return worker

    def give(self, *tasks: Task) -> None:
        """Let it run a cell, or cells that are trained together, on the device of its place."""
        self.tasks, self._count = tasks, len(tasks)
        self._given, self._begun = time.monotonic(), None
        with contextlib.suppress(OSError):
            # One that has just died is found out when it is listened to.
            self.connection.send([replace(task, device=self.place.device) for task in tasks])

    def listen(
        self, on_event: Callable[[Event], None], *, limit: TimeLimit | None = None, stopped: bool = False
    ) -> CellResult | Lost | None:
        """Receive what it has sent, up to the end of a cell; return how that cell ended, where one has.

        Whoever gave it several has one result for each, or Lost for all that are left.

        Args:
            on_event: told what happens.
            limit: what a cell may take, several together that many times as much; the process is ended where
                it takes more.
            stopped: whether it was told to stop.
        """
        try:
            while self.connection.poll():
                message = self.connection.recv()
                if isinstance(message, CellResult):
                    # Asked to stop by somebody else than this run: it has to be replaced.
                    foreign = message.status == "unfinished" and not stopped
                    return self._died() if foreign else self._ended(message)
                if isinstance(message, CellBegun) and self._begun is None:
                    self._begun = time.monotonic()
                on_event(message)
            # A process that a plugin has started may hold the pipe open.
            if self.process.poll() is not None and not self.connection.poll():
                return self._died()
        except (EOFError, ConnectionError):
            return self._died()
        if limit is None or stopped or not (reason := limit.exceeded(self._given, self._begun, self._count)):
            return None
        self.end()
        self.tasks = ()
        return Lost(reason=reason)

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
        self.tasks = tuple(task for task in self.tasks if task.cell.id != result.cell)
        return result

    def _died(self) -> Lost:
        # Let it end by itself, so that its exit code is its own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode
        self.end()
        self.tasks = ()
        return Lost(cause=cause_of(code), freed=freed_by(code, self._oom_kills))
