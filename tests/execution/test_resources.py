"""How many workers a machine, a container or a batch job lets run side by side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ganbench.execution import LocalExecutor, local
from ganbench.execution.resources import Resources, resources_here, worker_count

GIB = 1 << 30


def _machine(root: Path, groups: str, files: dict[str, str]) -> Resources:
    """Lay out a machine's files of control groups, and ask what may be used."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return resources_here(root)


@pytest.mark.parametrize(
    ("groups", "files", "quota", "limit"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5, None),
        (
            "0::/\n",
            {"sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/memory.max": "max\n"},
            None,
            None,
        ),
        ("0::/\n", {"sys/fs/cgroup/memory.max": f"{GIB}\n"}, None, GIB),
        # The container's own group is mounted at the top, but its path is the host's.
        ("0::/docker/ab12\n", {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5, None),
        # A batch job: limits may stand in the group or in any above it; the tightest counts.
        (
            "0::/slurm/job_7/step_0\n",
            {
                "sys/fs/cgroup/slurm/job_7/memory.max": f"{2 * GIB}\n",
                "sys/fs/cgroup/slurm/job_7/step_0/memory.max": "max\n",
                "sys/fs/cgroup/slurm/memory.max": f"{3 * GIB}\n",
                "sys/fs/cgroup/slurm/job_7/step_0/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/slurm/cpu.max": "400000 100000\n",
            },
            2.0,
            2 * GIB,
        ),
        # The first version of control groups.
        (
            "4:memory:/x\n2:cpu,cpuacct:/x\n1:freezer:/x\n",
            {
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{GIB}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            3.0,
            GIB,
        ),
        ("1:cpu:/\n", {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"}, None, None),
        ("nonsense\n", {"sys/fs/cgroup/cpu.max": "so much\n", "sys/fs/cgroup/memory.max": "\n"}, None, None),
    ],
)
def test_limits_of_containers_and_jobs_are_found(
    tmp_path: Path, groups: str, files: dict[str, str], quota: float | None, limit: int | None
) -> None:
    found = _machine(tmp_path, groups, files)
    assert (found.quota, found.limit_bytes) == (quota, limit)


def test_without_control_groups_the_machine_is_the_bound(tmp_path: Path) -> None:
    found = resources_here(tmp_path)
    assert (found.quota, found.limit_bytes) == (None, None)
    assert 1 <= found.cores == found.allowed_cores <= found.machine_cores
    assert (found.memory or 0) > GIB


@pytest.mark.parametrize(
    ("resources", "gpus", "jobs", "said"),
    [
        (Resources(machine_cores=8, allowed_cores=8), 0, None, "8 workers (8 CPU cores)"),
        (Resources(machine_cores=1, allowed_cores=1), 0, None, "1 worker (1 CPU core)"),
        (Resources(machine_cores=64, allowed_cores=4), 0, None, "4 workers (4 usable of 64 CPU cores)"),
        (
            Resources(machine_cores=64, allowed_cores=64, quota=1.5),
            0,
            None,
            "2 workers (a CPU quota of 1.5 of 64 cores)",
        ),
        (
            Resources(machine_cores=64, allowed_cores=2, quota=8.0),
            0,
            None,
            "2 workers (2 usable of 64 CPU cores)",
        ),
        (
            Resources(machine_cores=16, allowed_cores=16, machine_bytes=64 * GIB, limit_bytes=int(3.5 * GIB)),
            0,
            None,
            "3 workers (1 GiB each of 3.5 GiB by a memory limit; 16 CPU cores)",
        ),
        (
            Resources(machine_cores=16, allowed_cores=16, machine_bytes=8 * GIB),
            0,
            None,
            "8 workers (1 GiB each of 8 GiB; 16 CPU cores)",
        ),
        (
            Resources(machine_cores=2, allowed_cores=2, machine_bytes=GIB // 2),
            0,
            None,
            "1 worker (1 GiB each of 0.5 GiB; 2 CPU cores)",
        ),
        (Resources(machine_cores=2, allowed_cores=2), 4, None, "4 workers (4 GPUs)"),
        (Resources(machine_cores=2, allowed_cores=2, quota=0.1), 0, 3, "3 workers (as asked for)"),
    ],
)
def test_the_tightest_bound_decides_the_workers_and_is_named(
    resources: Resources, gpus: int, jobs: int | None, said: str
) -> None:
    assert str(worker_count(resources, gpus, jobs)) == said


def test_the_local_executor_starts_no_more_workers_than_a_quota_has_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    here = Resources(machine_cores=64, allowed_cores=64, quota=3.0)
    monkeypatch.setattr(local, "resources_here", lambda: here)
    executor = LocalExecutor("cpu")
    assert len(executor.places()) == 3
    assert str(executor.workers) == "3 workers (a CPU quota of 3 of 64 cores)"
