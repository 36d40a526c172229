"""Cells in jobs of submitit's local cluster: the same bytes as by the local executor, whatever dies."""

from __future__ import annotations

import os
import shlex
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from studies import STEPS, TWELVE, TWO, CountedStudy, outcome, wait_for

from ganbench.__main__ import main
from ganbench.clusters.job_log import JobBegun, JobLog
from ganbench.errors import StoreError
from ganbench.store import Store

# Each job loads torch, on a machine that may have much else to do.
pytestmark = pytest.mark.timeout(1500)


class SlurmStudy(CountedStudy):
    """A study whose runs are handed a cluster file."""

    def __init__(self, folder: Path, grid: str = TWO, cluster: str = "local") -> None:
        super().__init__(folder, grid)
        file = folder / "cluster.toml"
        file.write_text(f'[slurm]\ncluster = "{cluster}"\ncells_per_job = 2\n')
        self.options = ("--executor", "slurm", "--cluster", str(file))

    def begun(self) -> list[int]:
        """The processes of jobs, one for each time that one has begun."""
        logs = [JobLog(file) for file in self.store.jobs_folder.glob("*.log")]
        return [said.pid for log in logs for said in log.news() if isinstance(said, JobBegun)]

    def statuses(self) -> list[str]:
        """How the cells stand, as their records say; one that begins has none for a moment."""
        with suppress(StoreError):
            return [self.store.cell(cell)["status"] for cell in self.store.cells_on_disk()]
        return []

    def undisturbed(self) -> Path:
        """Run the grid by one worker of this machine; the folder of its results."""
        local = self.folder / "local"
        ran = self.run("--jobs", "1", out=local)
        assert ran.returncode == 0, ran.stderr
        return local

    def require_same(self, local: Path) -> None:
        """Hold this run's folder against that of another, byte by byte."""
        assert outcome(self.out) == outcome(local)
        for name in ("scores.csv", "comparison.csv", "grid.toml"):
            assert (self.out / name).read_bytes() == (local / name).read_bytes()
        assert not self.store.jobs_folder.exists()
        assert not (self.out / ".workers.json").exists()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two cells that one worker of this machine has trained."""
    study = SlurmStudy(tmp_path_factory.mktemp("alone"))
    study.count_steps(0)
    return study.undisturbed()


@pytest.mark.slow
def test_twelve_cells_in_jobs_are_those_of_the_local_executor(tmp_path: Path) -> None:
    study = SlurmStudy(tmp_path, TWELVE)
    local = study.undisturbed()
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert "[12/12]" in ran.stderr
    assert len(outcome(local)) >= 36
    study.require_same(local)
    for cell in Store(local).cells_on_disk():
        assert study.store.cell(cell)["environment"] == Store(local).cell(cell)["environment"]


@pytest.mark.slow
def test_a_job_that_is_interrupted_twice_and_a_killed_driver_cost_nothing(
    local: Path, tmp_path: Path
) -> None:
    study = SlurmStudy(tmp_path)
    study.count_steps(0.03)
    begun = study.start(*study.options)
    for interrupts in range(2):
        before = study.trained()
        wait_for(lambda: len(study.begun()) == interrupts + 1 and study.trained() > before, begun)  # noqa: B023
        # What Slurm sends before the time limit of a job.
        os.kill(study.begun()[-1], signal.SIGUSR2)
        wait_for(lambda: len(study.begun()) == interrupts + 2, begun)  # noqa: B023
    before = study.trained()
    wait_for(lambda: study.trained() > before, begun)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    refused = study.run()
    assert refused.returncode == 2
    assert "jobs of Slurm are still to be collected" in refused.stderr
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    # Each time the job has written a checkpoint, and it has outlived its driver.
    assert study.trained_again() == 0
    study.require_same(local)


@pytest.mark.slow
def test_a_killed_job_costs_its_cell_a_try_and_what_came_after_its_checkpoint(
    local: Path, tmp_path: Path
) -> None:
    study = SlurmStudy(tmp_path)
    study.count_steps(0.03)
    begun = study.start(*study.options)
    (reached,) = wait_for(study.reached, begun).values()
    os.kill(study.begun()[-1], signal.SIGKILL)
    _, errors = begun.communicate()
    assert begun.returncode == 0, errors
    assert study.trained_again() < STEPS - reached
    assert reached > 0
    study.require_same(local)


@pytest.mark.slow
def test_a_run_that_is_detached_leaves_its_jobs_to_the_same_command_without_it(
    local: Path, tmp_path: Path
) -> None:
    study = SlurmStudy(tmp_path)
    # Until the second command has come, which may take a busy machine longer than a cell should.
    study.count_steps(1)
    left = study.run(*study.options, "--detach")
    assert left.returncode == 0, left.stderr
    collect = shlex.join(["ganbench", *study.command(*study.options)[3:]])
    said = f"2 cells in 1 job, 0 of them begun; they go on by themselves, collect them with: {collect}"
    assert left.stderr.splitlines()[-1] == said
    assert list(study.cells()["status"]) == ["unfinished"] * 2
    again = study.run(*study.options, "--detach")
    assert again.returncode == 0, again.stderr
    assert "2 cells in 1 job, " in again.stderr.splitlines()[-1]
    study.hurry()
    # To their ends: the last command finds nothing to train, and yet jobs to collect.
    end = time.monotonic() + 300
    while study.store.jobs_folder.exists() and study.statuses() != ["ok"] * 2:
        assert time.monotonic() < end, "the jobs have not gone on"
        time.sleep(0.1)
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert "2 done" in ran.stderr
    assert study.trained_again() == 0
    study.require_same(local)


@pytest.mark.slow
def test_jobs_of_the_process_itself_are_stopped_by_it_and_end_with_it(local: Path, tmp_path: Path) -> None:
    study = SlurmStudy(tmp_path, cluster="debug")
    study.count_steps(0.03)
    refused = study.run(*study.options, "--detach")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert 'jobs of cluster = "debug" end with this process' in refused.stderr
    assert not study.out.exists()
    begun = study.start(*study.options)
    wait_for(study.reached, begun)
    begun.send_signal(signal.SIGINT)
    _, errors = begun.communicate()
    assert begun.returncode == 130, errors
    assert not study.store.jobs_folder.exists()
    assert study.trained_again() == 0
    (reached,) = study.reached().values()
    begun = study.start(*study.options)

    def further() -> int:
        step = max(study.reached().values(), default=0)
        return step if step > reached else 0

    reached = wait_for(further, begun)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert study.trained_again() < STEPS - reached
    study.require_same(local)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--detach"], "detach: is for executor 'slurm', whose jobs go on without this process"),
        (["--detach", "--executor", "ray"], "detach: is for executor 'slurm', whose jobs go on without"),
        (["--detach", "--dry-run", "--executor", "slurm"], "--detach and --dry-run contradict each other"),
    ],
)
def test_a_run_that_cannot_be_detached_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "saturation", "--out", str(tmp_path / "out"), *options]) == 2
    assert capsys.readouterr().err.startswith(f"ganbench: error: {said}")
    assert not (tmp_path / "out").exists()
