"""A worker on another device model than its cell needs: no try is charged, and another node is looked for."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from planned_tasks import planned_tasks
from tiny_grid import GRID

import ganbench
from ganbench.clusters import slurm_executor
from ganbench.clusters.device_models import NodeModels, require_models
from ganbench.clusters.job_handles import DebugHandle
from ganbench.clusters.job_log import CellGiven, JobBegun, JobEnded, JobLog
from ganbench.clusters.node_check import NodeCheck, NodeReport
from ganbench.clusters.ray_settings import RaySettings
from ganbench.clusters.shared_folder import SharedFolder
from ganbench.clusters.slurm_executor import SlurmExecutor
from ganbench.clusters.slurm_job import CellsJob
from ganbench.clusters.slurm_jobs import SubmittedJob
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError, GridError
from ganbench.grid.environment import device_model
from ganbench.runner.events import CellNote, Event
from ganbench.runner.task import CellResult
from ganbench.store import Store


def test_a_device_model_that_no_worker_has_is_refused_with_those_that_there_are() -> None:
    settings = RaySettings(device_models=["NVIDIA A100", "NVIDIA H10"])
    require_models(settings, ["NVIDIA A100", "NVIDIA H10", "Tesla T4"])
    with pytest.raises(GridError) as caught:
        require_models(settings, ["NVIDIA A100", "NVIDIA H100"])
    assert caught.value.problems == (
        "[ray] device_models: no worker has 'NVIDIA H10'; did you mean 'NVIDIA H100'?",
    )


def test_nodes_are_listed_by_their_models() -> None:
    nodes = NodeModels()
    for number in range(6):
        nodes.add(f"id{number}", "T4" if number < 5 else "A100", f"n{number}")
    assert str(nodes) == "A100 on n5; T4 on n0, n1, n2, n3 and 1 more"
    assert nodes.without("T4") == ["id5"]
    assert nodes.may_have("unknown", "T4")


class PretendedSlurm:
    """Runs a job on the first node that is not left out, at once; a cell is done where its model is."""

    nodes: dict[str, str]
    submitted: list[tuple[list[str], list[str]]]

    def __init__(self, folder: Path, settings: SlurmSettings) -> None:
        self.folder = folder
        self.all: list[SubmittedJob] = []

    def adopt(self) -> None:
        """Find none."""

    def submit(
        self,
        works: Sequence[tuple[list[str], dict[str, Any]]],
        apart_from: Sequence[str] = (),
        settings: SlurmSettings | None = None,
    ) -> None:
        free = [node for node in type(self).nodes if node not in apart_from]
        if not free:
            raise GanbenchError("[slurm]: a job cannot be submitted")
        self.folder.mkdir(exist_ok=True)
        for cells, work in works:
            type(self).submitted.append((cells, list(apart_from)))
            node, model = free[0], type(self).nodes[free[0]]
            log = JobLog(self.folder / f"{len(type(self).submitted)}.log")
            log.append(JobBegun(node=node, pid=1))
            log.append(NodeReport(node=node, model=model))
            for task in pickle.loads(work["tasks"]):
                if task.environment.device == model:
                    log.append(CellGiven(cell=task.cell.id))
                    log.append(CellResult(cell=task.cell.id, status="ok", scores={}))
            log.append(JobEnded())
            handle = DebugHandle()
            handle._thread.join(30)
            self.all.append(SubmittedJob(name="j", cells=cells, handle=handle, log=log))

    def drop(self, job: SubmittedJob) -> None:
        self.all.remove(job)

    def are_over(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the folder."""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make an executor whose jobs are pretended, and which may use the models A and B."""
    for name in ("sbatch", "srun"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setattr(slurm_executor, "SlurmJobs", PretendedSlurm)
    monkeypatch.setattr(slurm_executor, "_POLL_SECONDS", 0)
    monkeypatch.setattr(PretendedSlurm, "submitted", [], raising=False)
    (tmp_path / "cluster.toml").write_text('[slurm]\ncells_per_job = 2\ndevice_models = ["A", "B"]\n')
    return SlurmExecutor(tmp_path / "cluster.toml")


def test_a_job_on_another_device_model_costs_no_try_and_goes_elsewhere(
    slurm: SlurmExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedSlurm, "nodes", {"n1": "A", "n2": "C", "n3": "B"}, raising=False)
    tasks = planned_tasks(tmp_path / "out", "A", "B", "B")
    first, *others = (task.cell.id for task in tasks)
    heard: list[Event] = []
    ended = list(slurm.run(tasks, heard.append))
    assert [result.status for result in ended] == ["ok"] * 3
    # Cells of different models share no job; a node of another model is not tried again.
    assert PretendedSlurm.submitted == [([first], []), (others, []), (others, ["n1"]), (others, ["n1", "n2"])]
    assert heard == []


@pytest.mark.parametrize("nodes", [{"n1": "A"}, {"n1": "A", "n2": "A", "n3": "A", "n4": "B"}])
def test_cells_whose_device_model_no_job_finds_end_with_one_line(
    nodes: dict[str, str], slurm: SlurmExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedSlurm, "nodes", nodes, raising=False)
    tasks = planned_tasks(tmp_path / "out", "B", "A")
    heard: list[Event] = []
    ended = {result.cell: result for result in slurm.run(tasks, heard.append)}
    lacking, done = (ended[task.cell.id] for task in tasks)
    there = f"there is A on {', '.join([*nodes][:3])}"
    assert (lacking.status, lacking.reason) == ("error", f"no worker has its device model, B; {there}")
    assert done.status == "ok"
    note = f"cells wait for a device model that no worker has: {lacking.cell} for B; {there}; choose nodes by"
    (said,) = heard
    assert isinstance(said, CellNote)
    assert said.note.startswith(note)


def test_a_run_that_is_detached_from_jobs_that_have_ended_leaves_nothing(
    slurm: SlurmExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedSlurm, "nodes", {"n1": "A"}, raising=False)
    slurm.detach()
    ended = list(slurm.run(planned_tasks(tmp_path / "out", "A", "A")))
    assert [result.status for result in ended] == ["ok"] * 2
    assert slurm.left == ""
    assert not (tmp_path / "out" / ".workers.json").exists()


def test_nodes_that_are_left_out_join_those_of_the_cluster_file(slurm: SlurmExecutor, tmp_path: Path) -> None:
    def left_out(**given: Any) -> Any:
        settings = SlurmSettings(submitit=given)
        return settings.executor(tmp_path, ["n1", "n2"])._executor.parameters["exclude"]

    assert left_out() == "n1,n2"
    assert left_out(slurm_exclude="old[1-3]") == "old[1-3],n1,n2"


@pytest.mark.slow
def test_a_job_leaves_cells_of_other_device_models_to_another_node(tmp_path: Path) -> None:
    here = device_model("cpu")
    tasks = planned_tasks(tmp_path / "out", "a model that is not here", here)
    shared = SharedFolder(Store(tasks[0].folder))
    shared.open()
    log, registered = tmp_path / "j.log", tmp_path / "j.json"
    registered.touch()
    job = CellsJob(
        tasks=pickle.dumps(tasks),
        check=NodeCheck.of(tasks, shared.token),
        device="cpu",
        log=str(log),
        registered=str(registered),
        path=list(sys.path),
        arguments=list(sys.argv),
    )
    job()
    said = JobLog(log).news()
    assert [message.cell for message in said if isinstance(message, CellGiven)] == [tasks[1].cell.id]
    assert [message.status for message in said if isinstance(message, CellResult)] == ["ok"]
    assert isinstance(said[-1], JobEnded)


def test_this_machine_is_refused_before_anything_is_submitted(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('[slurm]\ncluster = "local"\ndevice_models = ["Tesla T4"]\n')
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, tmp_path / "out", executor="slurm", cluster=file)
    assert caught.value.problems == (
        f"[slurm] device_models: no worker has 'Tesla T4'; valid: {device_model('cpu')}",
    )
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_this_machine_lacks_is_refused_before_anything_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(device: str) -> str:
        raise RuntimeError(f"no {device} is to be found")

    monkeypatch.setattr("ganbench.clusters.node_check.device_model", refuse)
    file = tmp_path / "cluster.toml"
    file.write_text('[slurm]\ncluster = "local"\ngpus_per_node = 1\n')
    with pytest.raises(GanbenchError, match=r"torch cannot use cuda:0 there: no cuda:0 is to be found$"):
        ganbench.run(GRID, tmp_path / "out", executor="slurm", cluster=file)
    assert not (tmp_path / "out").exists()
