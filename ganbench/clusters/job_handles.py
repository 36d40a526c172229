"""A job as the cluster that runs it has it: whether it is over, what it came to, how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

# Slurm is asked for all jobs at once, and not more often than this.
_ASK_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_STDERR_BYTES = 4000
# Those of https://slurm.schedmd.com/squeue.html that no job leaves.
_ENDED = frozenset(
    {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
    | {"REVOKED", "TIMEOUT"}
)


class JobHandle(Protocol):
    """A job of one of submitit's clusters.

    Attributes:
        id: by which its cluster knows it.
    """

    id: str

    def is_over(self) -> bool:
        """Tell whether its process has ended for good."""

    def state(self) -> str:
        """Name its state as Slurm does; empty where there is no Slurm, or it does not say."""

    def last_words(self) -> str:
        """Give the last line that it wrote to stderr, or to stdout where it wrote nothing there."""

    def cancel(self) -> None:
        """End it, whatever it is doing."""


class SlurmQueue:
    """What Slurm says of this user's jobs: of those that it has, and for some minutes of those that it had.

    It is asked by squeue, which every cluster answers: sacct, by which submitit asks, needs a data base.
    """

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._states: Mapping[str, str] | None = None

    def states(self, since: float) -> Mapping[str, str] | None:
        """Give the state of each job; None where that is not known.

        Args:
            since: the earliest time of the answer that will do, in seconds of `time.monotonic`.
        """
        now = time.monotonic()
        if now >= self._asked + _ASK_SECONDS:
            self._asked, self._states = now, _asked_states()
        return self._states if self._asked >= since else None


def _asked_states() -> Mapping[str, str] | None:
    command = ["squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i %T"]
    try:
        said = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        # A controller that is busy, or restarted, answers again.
        return None
    lines = (line.split() for line in said.stdout.splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


class SlurmHandle:
    """A job of Slurm."""

    def __init__(self, job: Any, queue: SlurmQueue) -> None:
        """Take a job.

        Args:
            job: submitit's.
            queue: where its state is asked for.
        """
        self.id = str(job.job_id)
        self._paths = job.paths
        self._queue = queue
        self._since = time.monotonic()
        self._state = ""
        self._looked = float("-inf")

    def is_over(self) -> bool:
        """Tell whether its process has ended for good: it says so itself, or Slurm has it no longer."""
        states = self._queue.states(self._since)
        if states is not None:
            self._state = states.get(self.id, "")
            if not self._state or self._state in _ENDED:
                return True
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return False
        self._looked = now
        return bool(self._paths.result_pickle.exists())

    def state(self) -> str:
        """Name its state as Slurm does; empty where it has not been asked, or no longer has the job."""
        return self._state

    def last_words(self) -> str:
        """Give the last line that it wrote."""
        return _last_line(self._paths.stderr, self._paths.stdout)

    def cancel(self) -> None:
        """End it, whatever it is doing."""
        with suppress(OSError):
            # Slurm may have it no longer.
            subprocess.run(["scancel", self.id], stdin=subprocess.DEVNULL, capture_output=True, check=False)


class LocalHandle:
    """A job of submitit's local cluster: a process of this machine."""

    def __init__(self, job: Any) -> None:
        """Take a job.

        Args:
            job: submitit's.
        """
        self.id = str(job.job_id)
        self._job = job
        self._looked = float("-inf")
        self._gone = False

    def is_over(self) -> bool:
        """Tell whether its process has ended for good."""
        now = time.monotonic()
        if not self._gone and now >= self._looked + _LOOK_SECONDS:
            self._looked = now
            self._gone = self._is_over_now()
        return self._gone

    def state(self) -> str:
        """Name nothing: there is no Slurm."""
        return ""

    def last_words(self) -> str:
        """Give the last line that it wrote."""
        return _last_line(self._job.paths.stderr, self._job.paths.stdout)

    def cancel(self) -> None:
        """End it, whatever it is doing."""
        if self._is_over_now():
            # A process that has ended has left its number to another one.
            return
        # The process that runs the cells is started by submitit's, and would go on without it.
        for pid in (self.id, *_children(self.id)):
            with suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)

    def _is_over_now(self) -> bool:
        if self._job._process is not None:
            return bool(self._job.done())
        return self._job.paths.result_pickle.exists() or not _is_controller(self.id)


class DebugHandle:
    """A job of submitit's debug cluster: a thread of this process, after those submitted before it."""

    def __init__(self, job: Any = None, before: DebugHandle | None = None) -> None:
        """Start the thread.

        Args:
            job: submitit's; None for one of an earlier process, with which it has ended.
            before: the job that ends before this one begins; None for none.
        """
        self.id = "of this process" if job is not None else "of an earlier process"
        self._work = None if job is None else job.submission().function
        self._before = before
        self._failure = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        """Tell whether its thread has ended."""
        return not self._thread.is_alive()

    def state(self) -> str:
        """Name nothing: there is no Slurm."""
        return ""

    def last_words(self) -> str:
        """Say what it failed by."""
        return self._failure

    def cancel(self) -> None:
        """Let its cell write a checkpoint, and end."""
        if self._work is not None:
            self._work.pause()

    def _run(self) -> None:
        if self._before is not None:
            self._before._thread.join()
            self._before = None
        if self._work is None:
            return
        try:
            # Not by submitit's own `results`, which opens a debugger where it fails and waits for the user.
            self._work()
        except Exception as error:
            self._failure = str(error) or type(error).__name__


def _is_controller(pid: str) -> bool:
    """Tell whether a process is one of submitit's; another one may have got its number."""
    return "submitit" in _ps("-o", "command=", "-p", pid)


def _children(pid: str) -> list[str]:
    """List the processes that a process has started."""
    pairs = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
    return [child for child, parent in pairs if parent == pid]


def _ps(*options: str) -> str:
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout


def _last_line(*files: Path) -> str:
    for path in files:
        with suppress(OSError):
            lines = path.read_bytes()[-_STDERR_BYTES:].decode(errors="replace").strip().splitlines()
            if lines:
                return str(lines[-1].strip())
    return ""
