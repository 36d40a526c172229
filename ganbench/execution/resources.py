"""The CPU cores and the memory that this process may use, limits of containers and batch jobs included."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What a worker of small networks takes: 0.6 GiB of torch and of the metrics' libraries, and its data.
WORKER_BYTES = 1 << 30
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What this process may use.

    Attributes:
        machine_cores: CPU cores of the machine.
        allowed_cores: those this process may run on (its affinity, as `taskset` or Slurm set it).
        quota: cores' worth of time that a control group grants, as `docker --cpus` sets it; None without.
        machine_bytes: memory of the machine; None where the system does not say.
        limit_bytes: memory that a control group grants, as `docker --memory` sets it; None without.
    """

    machine_cores: int
    allowed_cores: int
    quota: float | None = None
    machine_bytes: int | None = None
    limit_bytes: int | None = None

    @property
    def cores(self) -> int:
        """How many processes can run at once; a started core of a quota counts."""
        granted = self.allowed_cores if self.quota is None else math.ceil(self.quota)
        return max(1, min(self.allowed_cores, granted))

    @property
    def memory(self) -> int | None:
        """Bytes that can be used; None where the system does not say."""
        known = [size for size in (self.machine_bytes, self.limit_bytes) if size is not None]
        return min(known, default=None)

    def cores_named(self) -> str:
        """Say how many cores there are, and what bounds them."""
        if self.quota is not None and self.cores < self.allowed_cores:
            return f"a CPU quota of {self.quota:g} of {self.machine_cores} cores"
        if self.allowed_cores < self.machine_cores:
            return f"{self.allowed_cores} usable of {self.machine_cores} CPU cores"
        return f"{self.machine_cores} CPU core{'s' * (self.machine_cores != 1)}"

    def memory_named(self) -> str:
        """Say how much memory there is, and what bounds it."""
        if self.memory is None:
            return "unknown"
        limited = self.limit_bytes is not None and self.memory == self.limit_bytes
        return f"{self.memory / _GIB:.3g} GiB{' by a memory limit' if limited else ''}"


@dataclass(frozen=True, kw_only=True)
class WorkerCount:
    """How many workers run side by side.

    Attributes:
        count: at least 1.
        reason: what bounds it, for a sentence.
    """

    count: int
    reason: str

    def __str__(self) -> str:
        """Say both."""
        return f"{self.count} worker{'s' * (self.count != 1)} ({self.reason})"


def worker_count(resources: Resources, gpus: int = 0, jobs: int | None = None) -> WorkerCount:
    """Decide how many workers run side by side.

    Args:
        resources: what there is.
        gpus: that cells run on, one worker each; 0 for the CPU.
        jobs: as many as the user asks for, whatever there is; None for the default.
    """
    if jobs is not None:
        return WorkerCount(count=jobs, reason="as asked for")
    count, reason = resources.cores, resources.cores_named()
    if gpus:
        count, reason = gpus, f"{gpus} GPU{'s' * (gpus != 1)}"
    fit = count if resources.memory is None else max(1, resources.memory // WORKER_BYTES)
    if fit < count:
        each = f"{WORKER_BYTES / _GIB:g} GiB"
        return WorkerCount(count=fit, reason=f"{each} each of {resources.memory_named()}; {reason}")
    return WorkerCount(count=count, reason=reason)


def resources_here(root: Path = Path("/")) -> Resources:
    """Find out what this process may use.

    Args:
        root: where the system's files are.
    """
    machine = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    memory = None
    with contextlib.suppress(AttributeError, OSError, ValueError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    groups = list(_control_groups(root))
    quotas = [quota for group in groups if (quota := _quota(group)) is not None]
    limits = [limit for group in groups if (limit := _memory_limit(group)) is not None]
    limit = min(limits, default=None)
    return Resources(
        machine_cores=max(machine, allowed),
        allowed_cores=allowed,
        quota=min(quotas, default=None),
        machine_bytes=memory,
        # "No limit" is a number larger than any memory in the first version of control groups.
        limit_bytes=limit if memory is None or limit is None or limit < memory else None,
    )


def _control_groups(root: Path) -> Iterator[Path]:
    """List the folders of the control groups that this process is in, each with those above it.

    A container that shows only its own group mounts it at the top: a path that is not there is passed over.
    """
    mount = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        # `0::/a/b` in the second version, `4:cpu,cpuacct:/a/b` in the first.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and not {"cpu", "memory"} & set(controllers.split(",")):
            continue
        for base in (mount / controllers, *(mount / name for name in controllers.split(",") if name)):
            group = base / path.strip("/")
            while group != base:
                yield group
                group = group.parent
            yield base


def _quota(group: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        granted, period = (group / "cpu.max").read_text().split()
        return int(granted) / int(period) if granted != "max" else None
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        microseconds = int((group / "cpu.cfs_quota_us").read_text())
        # -1 is none.
        return microseconds / int((group / "cpu.cfs_period_us").read_text()) if microseconds > 0 else None
    return None


def _memory_limit(group: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            # `max` is no number.
            return int((group / name).read_text())
    return None
