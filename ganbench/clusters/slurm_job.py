"""A job of submitit: it runs cells one after another in a worker process, and writes down what they tell."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ganbench.clusters.job_log import CellGiven, CellLost, JobBegun, JobEnded, JobLog
from ganbench.clusters.node_check import NodeCheck, NodeReport
from ganbench.clusters.shared_folder import FolderWatch
from ganbench.execution.executor import Place
from ganbench.execution.tries import Lost, TimeLimit
from ganbench.execution.worker_process import WorkerProcess
from ganbench.runner.events import CellProgress, CellScored, Event
from ganbench.runner.task import CellResult

_POLL_SECONDS = 0.1
_PROGRESS_SECONDS = 2.0
# The driver writes a job down once the scheduler has named it.
_REGISTERED_SECONDS = 60.0
# Slurm's own name of a node, which need not be its host's.
_NODE_NAME = "SLURMD_NODENAME"


@dataclass(kw_only=True)
class CellsJob:
    """What a job runs. Begun again, it goes on with the cells that have no result.

    Attributes:
        tasks: pickled, a list of `Task`; they may be of plugins that only `path` has.
        check: what the node must have; without a folder it is only asked which device it has.
        device: where cells run, as torch names it.
        log: the file that the job writes into.
        registered: the file by which the driver knows of the job; without it nobody would collect.
        path: the driver's `sys.path`.
        arguments: the driver's `sys.argv`.
        limit: what a cell may take.
    """

    tasks: bytes
    check: NodeCheck
    device: str
    log: str
    registered: str
    path: Sequence[str]
    arguments: Sequence[str]
    limit: TimeLimit | None = None

    def __post_init__(self) -> None:
        """Prepare what is not pickled."""
        self._pausing = self._done = False
        self._failure: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is of this process."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        self.__dict__.update(state)
        self.__post_init__()

    def __call__(self) -> None:
        """Run the cells. submitit's handler interrupts this thread, so another one runs them."""
        if hasattr(signal, "pthread_sigmask"):
            # The driver keeps signals from what it starts on its own machine.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
        threading.Thread(target=self._run, daemon=True).start()
        self._wait()
        if self._failure is not None:
            raise self._failure

    def pause(self) -> None:
        """Let the cell write its checkpoint, and begin no other."""
        self._pausing = True

    def checkpoint(self) -> Any:
        """Let the cell write its checkpoint and end, before the time limit or for a job of higher priority.

        Returns:
            submitit's order to run the job again.
        """
        from submitit.helpers import DelayedSubmission

        self.pause()
        self._wait()
        return DelayedSubmission(replace(self))

    def _wait(self) -> None:
        # Without a lock: the handler of a signal interrupts this, and waits likewise.
        while not self._done:
            time.sleep(_POLL_SECONDS)

    def _run(self) -> None:
        try:
            self._run_cells()
        except BaseException as failure:
            self._failure = failure
        finally:
            self._done = True

    def _run_cells(self) -> None:
        sys.path[:] = [*self.path, *(entry for entry in sys.path if entry not in self.path)]
        sys.argv[:] = self.arguments
        log = JobLog(Path(self.log))
        said = log.news()
        ended = {message.cell for message in said if isinstance(message, CellResult | CellLost)}
        if not self._is_registered():
            return
        log.append(JobBegun(node=os.environ.get(_NODE_NAME) or socket.gethostname(), pid=os.getpid()))
        tasks = [task for task in pickle.loads(self.tasks) if task.cell.id not in ended]
        watch = FolderWatch(self.check.folder, self.check.token)
        worker = WorkerProcess.start(Place(device=self.device, model=""))
        try:
            report = self._report(worker)
            log.append(report)
            if report.problems:
                return
            for task in tasks:
                if self._is_stopped(watch):
                    break
                if task.environment.device != report.model:
                    # The driver looks for another node.
                    continue
                log.append(CellGiven(cell=task.cell.id))
                worker.give(task)
                end = self._end_of(worker, watch, log)
                if isinstance(end, CellResult) and end.status != "unfinished":
                    log.append(end)
                elif self._is_stopped(watch):
                    break
                else:
                    lost = end if isinstance(end, Lost) else Lost(cause="a wish to stop of nobody's")
                    log.append(CellLost(cell=task.cell.id, lost=lost))
                    worker.end()
                    worker = WorkerProcess.start(worker.place)
        finally:
            worker.end()
        log.append(JobEnded())

    def _is_registered(self) -> bool:
        end = time.monotonic() + _REGISTERED_SECONDS
        while not os.path.exists(self.registered):
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _is_stopped(self, watch: FolderWatch) -> bool:
        return self._pausing or (bool(self.check.folder) and watch.stopped())

    def _report(self, worker: WorkerProcess) -> NodeReport:
        """Let the worker look at its machine.

        Raises:
            RuntimeError: it dies.
        """
        heard: list[Any] = []
        worker.connection.send((self.check, self.device))
        while not any(isinstance(message, NodeReport) for message in heard):
            wait([worker.connection], _POLL_SECONDS)
            lost = worker.listen(heard.append)
            if isinstance(lost, Lost):
                raise RuntimeError(f"its worker did not start: {lost.cause}")
        return next(message for message in heard if isinstance(message, NodeReport))

    def _end_of(self, worker: WorkerProcess, watch: FolderWatch, log: JobLog) -> CellResult | Lost:
        told = False
        written = 0.0

        def heard(event: Event) -> None:
            nonlocal written
            if isinstance(event, CellProgress) and not isinstance(event, CellScored):
                # The driver looks at its leisure, and the file lasts as long as the job.
                if time.monotonic() < written + _PROGRESS_SECONDS:
                    return
                written = time.monotonic()
            log.append(event)

        while True:
            if not told and self._is_stopped(watch):
                told = True
                worker.process.terminate()
            wait([worker.connection], _POLL_SECONDS)
            end = worker.listen(heard, limit=self.limit, stopped=told)
            if end is not None:
                return end
