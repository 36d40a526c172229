"""Cells in jobs of submitit's local cluster: the same bytes as by the local executor, whatever dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from studies import STEPS, TWELVE, TWO, CountedStudy, outcome, wait_for

from ganbench.clusters.job_log import JobBegun, JobLog
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GridError
from ganbench.store import Store


class SlurmStudy(CountedStudy):
    """A study whose runs are handed a cluster file."""

    def __init__(self, folder: Path, grid: str = TWO) -> None:
        super().__init__(folder, grid)
        file = folder / "cluster.toml"
        file.write_text('[slurm]\ncluster = "local"\ncells_per_job = 2\n')
        self.options = ("--executor", "slurm", "--cluster", str(file))

    def begun(self) -> list[int]:
        """The processes of jobs, one for each time that one has begun."""
        logs = [JobLog(file) for file in self.store.jobs_folder.glob("*.log")]
        return [said.pid for log in logs for said in log.news() if isinstance(said, JobBegun)]

    def undisturbed(self) -> Path:
        """Run the grid by one worker of this machine; the folder of its results."""
        local = self.folder / "local"
        self.count_steps(0)
        ran = self.run("--jobs", "1", out=local)
        assert ran.returncode == 0, ran.stderr
        self.log.unlink(missing_ok=True)
        return local

    def require_same(self, local: Path) -> None:
        """Hold this run's folder against that of another, byte by byte."""
        assert outcome(self.out) == outcome(local)
        for name in ("scores.csv", "comparison.csv", "grid.toml"):
            assert (self.out / name).read_bytes() == (local / name).read_bytes()
        assert not self.store.jobs_folder.exists()
        assert not (self.out / ".workers.json").exists()


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
def test_a_job_that_is_interrupted_twice_and_a_killed_driver_cost_nothing(tmp_path: Path) -> None:
    study = SlurmStudy(tmp_path)
    local = study.undisturbed()
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
def test_a_killed_job_costs_its_cell_a_try_and_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    study = SlurmStudy(tmp_path)
    local = study.undisturbed()
    study.count_steps(0.03)
    begun = study.start(*study.options)
    wait_for(lambda: len(study.reached()) == 1, begun)
    (reached,) = study.reached().values()
    os.kill(study.begun()[-1], signal.SIGKILL)
    _, errors = begun.communicate()
    assert begun.returncode == 0, errors
    assert study.trained_again() < STEPS - reached
    assert reached > 0
    study.require_same(local)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cels_per_job = 2", "did you mean 'cells_per_job'"),
        ("nodes = 2", "a job has one node"),
        ("cells_per_job = 0", "a whole number from 1"),
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
