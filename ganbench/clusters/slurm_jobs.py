"""The jobs of a run as its driver has them: submitted, found again by the next driver, heard, ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganbench.clusters.job_log import JobLog
from ganbench.clusters.slurm_job import CellsJob
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError, StoreError
from ganbench.execution.interpreter import held_signals
from ganbench.execution.tries import Lost
from ganbench.files.atomic import make_folder, write_bytes

_ASK_SECONDS = 1.0
_STDERR_BYTES = 4000


@dataclass(eq=False)
class SubmittedJob:
    """A job that the scheduler has, or had.

    Attributes:
        name: of its files in the folder.
        cells: their ids, in the order in which it runs them.
        handle: submitit's job.
        is_local: whether it is a process of this machine.
        log: what it tells.
        ended: the cells of which it has told the end.
        given: the cell that it was running when it was last heard; empty where it was none.
        clean: whether it has said that it ends as it should.
        node: Slurm's name of its node; empty where it has not said.
        model: of the device there; likewise.
    """

    name: str
    cells: Sequence[str]
    handle: Any
    is_local: bool
    log: JobLog
    ended: set[str] = field(default_factory=set)
    given: str = ""
    clean: bool = False
    node: str = ""
    model: str = ""
    _asked: float = 0.0
    _gone: bool = False

    @property
    def left(self) -> list[str]:
        """The cells whose end it has not told."""
        return [cell for cell in self.cells if cell not in self.ended]

    def is_over(self) -> bool:
        """Tell whether its process has ended for good; asked of the scheduler now and then."""
        now = time.monotonic()
        if not self._gone and now >= self._asked + _ASK_SECONDS:
            self._asked = now
            self._gone = self._is_over_now()
        return self._gone

    def cancel(self) -> None:
        """End it, whatever it is doing."""
        with suppress(Exception):
            # It may have ended meanwhile.
            if not self.is_local:
                self.handle.cancel(check=False)
            elif not self._is_over_now():
                # A process that has ended has left its number to another one.
                os.kill(int(self.handle.job_id), signal.SIGKILL)

    def lost(self) -> Lost:
        """Say what it ended by, where it has told nothing of its end."""
        state = str(self.handle.state).split()[0] if self.handle.state else ""
        shown = "" if self.is_local or state == "UNKNOWN" else f" ({state})"
        last = f": {text}" if (text := self._last_words()) else ""
        freed = "Slurm" if state.startswith("OUT_OF_ME") else ""
        return Lost(cause=f"the end of its job {self.handle.job_id}{shown}{last}", freed=freed)

    def _is_over_now(self) -> bool:
        handle = self.handle
        if not self.is_local or handle._process is not None:
            return bool(handle.done())
        return handle.paths.result_pickle.exists() or not _is_controller(handle.job_id)

    def _last_words(self) -> str:
        """Give the last line that it wrote to stderr, or to stdout where it wrote nothing there."""
        for path in (self.handle.paths.stderr, self.handle.paths.stdout):
            with suppress(OSError):
                lines = path.read_bytes()[-_STDERR_BYTES:].decode(errors="replace").strip().splitlines()
                if lines:
                    return str(lines[-1].strip())
        return ""


class SlurmJobs:
    """A folder of jobs: submitit's files, and of each job a note for the next driver, and its log."""

    def __init__(self, folder: Path, settings: SlurmSettings) -> None:
        """Take a folder; nothing is written yet.

        Args:
            folder: which the nodes must see.
            settings: the table [slurm].
        """
        self.folder = folder
        self._settings = settings
        self.all: list[SubmittedJob] = []

    def adopt(self) -> None:
        """Find the jobs that an earlier driver has submitted.

        Raises:
            StoreError: they are processes of another machine.
        """
        from submitit import LocalJob, SlurmJob

        for file in sorted(self.folder.glob("*.json")):
            try:
                noted = json.loads(file.read_bytes())
                cluster, host, job_id = noted["cluster"], noted["host"], noted["job"]
                name, cells = file.stem, list(noted["cells"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{file}: damaged: {error}; end its jobs and remove {self.folder}") from None
            if cluster == "local" and host != socket.gethostname():
                raise StoreError(
                    f"{self.folder}: its jobs are processes of {host}; give the same command there"
                )
            handle: Any = (LocalJob if cluster == "local" else SlurmJob)(self.folder, job_id)
            self.all.append(self._job(name, cells, handle, cluster))

    def submit(
        self, works: Sequence[tuple[Sequence[str], dict[str, Any]]], apart_from: Sequence[str] = ()
    ) -> list[SubmittedJob]:
        """Submit jobs, on Slurm as an array.

        Args:
            works: of each job the ids of its cells, and what `CellsJob` is made with beside the names of
                files.
            apart_from: nodes on which they must not run.

        Raises:
            GanbenchError: the scheduler refuses, or the file system does.
        """
        make_folder(self.folder)
        executor = self._settings.executor(self.folder, apart_from)
        names = [uuid.uuid4().hex for _ in works]
        handles = []
        try:
            with _apart(is_local=self._settings.cluster == "local"), executor.batch():
                for name, (_, work) in zip(names, works, strict=True):
                    job = CellsJob(
                        log=str(self.folder / f"{name}.log"),
                        registered=str(self.folder / f"{name}.json"),
                        path=[entry for entry in sys.path if isinstance(entry, str)],
                        arguments=list(sys.argv),
                        **work,
                    )
                    handles.append(executor.submit(job))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            # submitit's FailedJobError is a RuntimeError.
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise GanbenchError(f"[slurm]: a job cannot be submitted: {lines[-1].strip()}") from None
        made = []
        for name, (cells, _), handle in zip(names, works, handles, strict=True):
            noted = {
                "job": handle.job_id,
                "cluster": self._settings.cluster,
                "host": socket.gethostname(),
                "cells": list(cells),
            }
            write_bytes(self.folder / f"{name}.json", json.dumps(noted).encode() + b"\n")
            made.append(self._job(name, list(cells), handle, self._settings.cluster))
        self.all.extend(made)
        return made

    def _job(self, name: str, cells: Sequence[str], handle: Any, cluster: str) -> SubmittedJob:
        log = JobLog(self.folder / f"{name}.log")
        return SubmittedJob(name=name, cells=cells, handle=handle, is_local=cluster == "local", log=log)

    def drop(self, job: SubmittedJob) -> None:
        """Forget a job that is over and heard to its end; submitit's files stay until all are."""
        self.all.remove(job)
        for suffix in ("json", "log"):
            (self.folder / f"{job.name}.{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder: nothing runs any more, and all is collected."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_controller(pid: str) -> bool:
    """Tell whether a process is one of submitit's; another one may have got its number."""
    said = subprocess.run(["ps", "-o", "command=", "-p", pid], capture_output=True, text=True, check=False)
    return "submitit" in said.stdout


@contextmanager
def _apart(*, is_local: bool) -> Iterator[None]:
    """Keep what is started here from the signals of this terminal, and from its output on `local`.

    A job goes on after its driver, which a pipe that waits for the driver's output would not notice.
    """
    with held_signals():
        if not is_local:
            yield
            return
        sys.stdout.flush()
        sys.stderr.flush()
        kept = {number: os.dup(number) for number in (1, 2)}
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            for number in kept:
                os.dup2(null, number)
            yield
        finally:
            os.close(null)
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
