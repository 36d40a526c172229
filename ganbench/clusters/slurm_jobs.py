"""The jobs of a run as its driver has them: submitted, found again by the next driver, heard, ended."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ganbench.clusters.job_handles import DebugHandle, JobHandle, LocalHandle, SlurmHandle, SlurmQueue
from ganbench.clusters.job_log import JobLog
from ganbench.clusters.slurm_job import CellsJob
from ganbench.clusters.slurm_settings import ClusterName, SlurmSettings
from ganbench.errors import GanbenchError, StoreError
from ganbench.execution.interpreter import held_signals
from ganbench.execution.tries import Lost
from ganbench.files.atomic import make_folder, write_bytes

_SBATCH = "sbatch: error: "
# Slurm's own default of MaxArraySize allows one more.
_MAX_ARRAY_JOBS = 1000


@dataclass(eq=False)
class SubmittedJob:
    """A job that the scheduler has, or had.

    Attributes:
        name: of its files in the folder.
        cells: their ids, in the order in which it runs them.
        handle: the job as its cluster has it.
        log: what it tells.
        ended: the cells of which it has told the end.
        given: the cell that it was running when it was last heard; empty where it was none.
        clean: whether it has said that it ends as it should.
        node: Slurm's name of its node; empty where it has not said.
        model: of the device there; likewise.
    """

    name: str
    cells: Sequence[str]
    handle: JobHandle
    log: JobLog
    ended: set[str] = field(default_factory=set)
    given: str = ""
    clean: bool = False
    node: str = ""
    model: str = ""

    @property
    def left(self) -> list[str]:
        """The cells whose end it has not told."""
        return [cell for cell in self.cells if cell not in self.ended]

    @property
    def is_blameless(self) -> bool:
        """Whether its cells have no part in its end: it ended as it should, or another job had its place."""
        return self.clean or self.handle.state() == "PREEMPTED"

    def lost(self) -> Lost:
        """Say what it ended by, where it has told nothing of its end."""
        state = self.handle.state()
        shown = f" ({state})" if state else ""
        last = f": {text}" if (text := self.handle.last_words()) else ""
        freed = "Slurm" if state == "OUT_OF_MEMORY" else ""
        return Lost(cause=f"the end of its job {self.handle.id}{shown}{last}", freed=freed)


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
        self._queue = SlurmQueue()
        self._last_thread: DebugHandle | None = None
        self.all: list[SubmittedJob] = []

    def adopt(self) -> None:
        """Find the jobs that an earlier driver has submitted.

        Raises:
            StoreError: they cannot be heard of from this machine, or what is noted of them is damaged.
        """
        for file in sorted(self.folder.glob("*.json")):
            try:
                noted = json.loads(file.read_bytes())
                cluster, host, job_id = noted["cluster"], noted["host"], noted["job"]
                name, cells = file.stem, list(noted["cells"])
                if cluster not in get_args(ClusterName):
                    raise ValueError(f"submitit has no cluster {cluster!r}")
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{file}: damaged: {error}; end its jobs and remove {self.folder}") from None
            if cluster == "local" and host != socket.gethostname():
                raise StoreError(
                    f"{self.folder}: its jobs are processes of {host}; give the same command there"
                )
            if cluster == "slurm" and shutil.which("squeue") is None:
                raise StoreError(
                    f"{self.folder}: its jobs are of Slurm; give the same command on a login node"
                )
            self.all.append(self._job(name, cells, self._adopted(cluster, job_id)))

    def submit(
        self,
        works: Sequence[tuple[Sequence[str], dict[str, Any]]],
        apart_from: Sequence[str] = (),
        settings: SlurmSettings | None = None,
    ) -> list[SubmittedJob]:
        """Submit jobs, on Slurm as arrays.

        Args:
            works: of each job the ids of its cells, and what `CellsJob` is made with beside the names of
                files.
            apart_from: nodes on which they must not run.
            settings: of these jobs; the folder's unless given.

        Raises:
            GanbenchError: the scheduler refuses, or the file system does.
        """
        make_folder(self.folder)
        executor = (settings or self._settings).executor(self.folder, apart_from)
        made: list[SubmittedJob] = []
        for start in range(0, len(works), _MAX_ARRAY_JOBS):
            # Written down array by array: where Slurm refuses a later one, the jobs of the first are known.
            made += self._submit_array(executor, works[start : start + _MAX_ARRAY_JOBS])
        return made

    def _submit_array(
        self, executor: Any, works: Sequence[tuple[Sequence[str], dict[str, Any]]]
    ) -> list[SubmittedJob]:
        names = [uuid.uuid4().hex for _ in works]
        handles = []
        try:
            with _apart(is_quiet=self._settings.cluster != "debug"), executor.batch():
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
            raise GanbenchError(f"[slurm]: a job cannot be submitted: {_reason(error)}") from None
        made = []
        for name, (cells, _), handle in zip(names, works, handles, strict=True):
            noted = {
                "job": handle.job_id,
                "cluster": self._settings.cluster,
                "host": socket.gethostname(),
                "cells": list(cells),
            }
            write_bytes(self.folder / f"{name}.json", json.dumps(noted).encode() + b"\n")
            made.append(self._job(name, list(cells), self._submitted(handle)))
        self.all.extend(made)
        return made

    def _job(self, name: str, cells: Sequence[str], handle: JobHandle) -> SubmittedJob:
        return SubmittedJob(name=name, cells=cells, handle=handle, log=JobLog(self.folder / f"{name}.log"))

    def _adopted(self, cluster: str, job_id: str) -> JobHandle:
        """Find a job that an earlier driver has submitted."""
        from submitit import LocalJob, SlurmJob

        if cluster == "local":
            return LocalHandle(LocalJob(self.folder, job_id))
        return (
            DebugHandle() if cluster == "debug" else SlurmHandle(SlurmJob(self.folder, job_id), self._queue)
        )

    def _submitted(self, job: Any) -> JobHandle:
        """Take a job that submitit has just submitted."""
        if self._settings.cluster == "local":
            return LocalHandle(job)
        if self._settings.cluster == "slurm":
            return SlurmHandle(job, self._queue)
        self._last_thread = DebugHandle(job, self._last_thread)
        return self._last_thread

    def are_over(self) -> bool:
        """Tell whether the processes of all jobs have ended for good."""
        return all(job.handle.is_over() for job in self.all)

    def drop(self, job: SubmittedJob) -> None:
        """Forget a job that is over and heard to its end; submitit's files stay until all are."""
        self.all.remove(job)
        for suffix in ("json", "log"):
            (self.folder / f"{job.name}.{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder: nothing runs any more, and all is collected."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _reason(error: Exception) -> str:
    """Say in a line why sbatch refuses: of several lines the last one says the least."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = [line.removeprefix(_SBATCH) for line in lines if line.startswith(_SBATCH)]
    return "; ".join(said) if said else lines[-1]


@contextmanager
def _apart(*, is_quiet: bool) -> Iterator[None]:
    """Keep what is started here from the signals of this terminal, and from its output.

    A job of `local` goes on after its driver, which a pipe that waits for the driver's output would not
    notice; what sbatch prints is said in an error.
    """
    with held_signals():
        if not is_quiet:
            yield
            return
        sys.stdout.flush()
        sys.stderr.flush()
        kept = {number: os.dup(number) for number in (1, 2)}
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            for number in kept:
                os.dup2(null, number)
            # In a notebook, Python's own streams are others.
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                yield
        finally:
            os.close(null)
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
