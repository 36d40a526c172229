from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from tiny_grid import GRID

from ganbench.catalog import load_catalog
from ganbench.clusters import job_handles, slurm_jobs
from ganbench.clusters.node_check import NodeCheck
from ganbench.clusters.slurm_executor import SlurmExecutor
from ganbench.clusters.slurm_jobs import SlurmJobs
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError, GridError, StoreError
from ganbench.execution import plan_run
from ganbench.execution.planned_folder import tasks_of
from ganbench.grid import read_grid
from ganbench.runner.task import Task
from ganbench.store import Store

SBATCH = """#!/bin/sh
number=$(ls "{scripts}" | wc -l)
cp "$1" "{scripts}/$number"
echo "Submitted batch job $number"
"""
NOTED = '{{"job": "3", "cluster": "{cluster}", "host": "{host}", "cells": []}}'


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a pretended Slurm keeps the scripts that are submitted to it; it runs none, and tells nothing."""
    programs, made = tmp_path / "bin", tmp_path / "scripts"
    programs.mkdir()
    made.mkdir()
    silent = "#!/bin/sh\nexit 1\n"
    texts = {"sbatch": SBATCH.format(scripts=made), "srun": silent, "squeue": silent}
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return made


def tasks_with(override: dict[str, float], folder: Path, seeds: int = 1) -> list[Task]:
    """Plan cells of two losses, of which those of the second one need something."""
    grid = {
        **GRID,
        "axes": {**GRID["axes"], "loss": ["non_saturating", "minimax"]},
        "seeds": seeds,
        "override": [{"when": {"loss": "minimax"}, "cluster": override}],
    }
    plan, store = plan_run(read_grid(grid, load_catalog()), folder / "out", device="cpu")
    store.make()
    return tasks_of(plan, store)


def executor_of(settings: str, folder: Path) -> SlurmExecutor:
    file = folder / "cluster.toml"
    size = "" if "cells_per_job" in settings else "cells_per_job = 2\n"
    file.write_text(f"[slurm]\n{size}{settings}")
    return SlurmExecutor(file)


def asked(script: Path) -> dict[str, str]:
    """The options of a batch script."""
    lines = [line.removeprefix("#SBATCH --") for line in script.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize(
    ("settings", "override", "first", "second"),
    [
        ("", {"mem_gb": 2.5}, {}, {"mem": "2560MB"}),
        ("mem_gb = 1\n", {"mem_gb": 8}, {"mem": "1GB"}, {"mem": "8GB"}),
        ('slurm_mem_per_cpu = "2GB"\n', {"mem_gb": 8}, {"mem-per-cpu": "2GB"}, {"mem": "8GB"}),
        ("gpus_per_node = 1\n", {"num_gpus": 2}, {"gpus-per-node": "1"}, {"gpus-per-node": "2"}),
        ("slurm_gpus_per_task = 2\n", {"num_gpus": 0.5}, {"gpus-per-task": "2"}, {"gpus-per-task": "1"}),
    ],
)
def test_cells_that_need_something_else_are_in_jobs_of_their_own(
    settings: str,
    override: dict[str, float],
    first: dict[str, str],
    second: dict[str, str],
    scripts: Path,
    tmp_path: Path,
) -> None:
    executor = executor_of(f'device_models = ["A"]\n{settings}', tmp_path)
    executor.detach()
    assert list(executor.run(tasks_with(override, tmp_path))) == []
    assert executor.left == "2 cells in 2 jobs, 0 of them begun"
    names = ("mem", "mem-per-cpu", "gpus-per-node", "gpus-per-task")
    submitted = [asked(script) for script in sorted(scripts.iterdir())]
    assert [{name: said[name] for name in names if name in said} for said in submitted] == [first, second]


def test_jobs_are_kept_from_nodes_beside_those_of_the_cluster_file(scripts: Path, tmp_path: Path) -> None:
    jobs = SlurmJobs(tmp_path / "jobs", SlurmSettings(submitit={"slurm_exclude": "old[1-3]"}))
    work = {"tasks": pickle.dumps([]), "check": NodeCheck(), "device": "cpu"}
    jobs.submit([(["c1"], work)], ["n1", "n2"])
    (script,) = scripts.iterdir()
    assert asked(script)["exclude"].strip("'") == "old[1-3],n1,n2"


def test_jobs_that_have_not_begun_are_cancelled_where_the_run_is_stopped(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_handles, "_ASK_SECONDS", 0.0)
    cancelled = tmp_path / "cancelled"
    texts = {
        "scancel": f'#!/bin/sh\necho "$1" >> {cancelled}\n',
        "squeue": f"#!/bin/sh\ntest -e {cancelled}\n",
    }
    for name, text in texts.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    executor = executor_of('cells_per_job = 1\ndevice_models = ["A"]\n', tmp_path)
    executor.stop()
    assert list(executor.run(tasks_with({"mem_gb": 4}, tmp_path))) == []
    assert cancelled.read_text().split() == ["0", "1"]
    # Slurm has them no longer: nothing is left to be collected.
    assert not Store(tmp_path / "out").jobs_folder.exists()


@pytest.mark.parametrize(
    ("noted", "problem"),
    [
        ('{"job": "3"}', "x.json: damaged: 'cluster'; end its jobs and remove "),
        ("[]", "x.json: damaged: list indices"),
        (NOTED.format(cluster="mars", host="a"), "x.json: damaged: submitit has no cluster 'mars'"),
        (NOTED.format(cluster="local", host="a"), ".jobs: its jobs are processes of a; give the same"),
        (NOTED.format(cluster="slurm", host="a"), ".jobs: its jobs are of Slurm; give the same"),
    ],
)
def test_jobs_of_which_this_machine_cannot_hear_are_named(
    noted: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = executor_of('cluster = "local"\n', tmp_path)
    store = Store(tmp_path / "out")
    store.jobs_folder.mkdir(parents=True)
    (store.jobs_folder / "x.json").write_text(noted)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError) as refused:
        executor.adopt(store)
    assert problem in str(refused.value)


def test_what_sbatch_refuses_is_one_line(
    scripts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "sbatch: error: Memory cannot be satisfied\nsbatch: error: Batch job submission failed"
    (tmp_path / "bin" / "sbatch").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    executor = executor_of('device_models = ["A"]\n', tmp_path)
    with pytest.raises(GanbenchError) as refused:
        list(executor.run(tasks_with({"mem_gb": 900}, tmp_path)))
    problem = "Memory cannot be satisfied; Batch job submission failed"
    assert str(refused.value) == f"[slurm]: a job cannot be submitted: {problem}"
    assert capfd.readouterr().err == ""


def test_an_array_has_no_more_jobs_than_slurm_takes(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_jobs, "_MAX_ARRAY_JOBS", 2)
    executor = executor_of('cells_per_job = 1\ndevice_models = ["A"]\n', tmp_path)
    executor.detach()
    assert list(executor.run(tasks_with({"mem_gb": 4}, tmp_path, seeds=3))) == []
    assert executor.left == "6 cells in 6 jobs, 0 of them begun"
    submitted = [asked(script) for script in sorted(scripts.iterdir())]
    assert [(said.get("array"), said.get("mem")) for said in submitted] == [
        ("0-1%2", None),
        (None, None),
        ("0-1%2", "4GB"),
        (None, "4GB"),
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("", "cells run on CPUs here; set gpus_per_node in [slurm] of the cluster file, or leave it out"),
        ('slurm_gres = "gpu:a100:1"\n', "jobs ask for GPUs by a setting that has no number of its own; give"),
    ],
)
def test_gpus_that_jobs_cannot_ask_for_are_refused_before_any_is_submitted(
    settings: str, problem: str, scripts: Path, tmp_path: Path
) -> None:
    executor = executor_of(f'device_models = ["A"]\n{settings}', tmp_path)
    with pytest.raises(GridError) as refused:
        list(executor.run(tasks_with({"num_gpus": 2}, tmp_path)))
    (line,) = refused.value.problems
    assert line.startswith(f"[[override]] cluster.num_gpus: {problem}")
    assert not list(scripts.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cels_per_job = 2", "did you mean 'cells_per_job'"),
        ("nodes = 2", "a job has one node"),
        ("cells_per_job = 0", "a whole number from 1"),
        ('cluster = "locl"', "given 'locl'; did you mean 'local'?"),
        ("", "no sbatch and no srun"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "cluster.toml"
    file.write_text(f"[slurm]\n{text}\n")
    with pytest.raises(GridError, match="slurm") as refused:
        SlurmSettings.read(file, ["slurm"])
    assert said in str(refused.value)


def test_what_submitit_refuses_is_one_line(tmp_path: Path) -> None:
    settings = SlurmSettings(cluster="local", submitit={"timeout_min": "long"})
    with pytest.raises(GridError, match='submitit refuses its settings: Parameter "timeout_min"'):
        settings.executor(tmp_path)
