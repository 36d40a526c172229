"""Cells in jobs of submitit's local cluster: the same bytes as by the local executor, whatever dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from studies import GRID, Study, outcome, wait_for

from ganbench.clusters.job_log import JobBegun, JobLog
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GridError

TWO = GRID.replace('loss = ["minimax", "non_saturating"]', 'loss = ["patient"]')


class SlurmStudy(Study):
    """A study whose runs are handed a cluster file."""

    def __init__(self, folder: Path, grid: str) -> None:
        super().__init__(folder, grid)
        file = folder / "cluster.toml"
        file.write_text('[slurm]\ncluster = "local"\ncells_per_job = 2\n')
        self.options = ("--executor", "slurm", "--cluster", str(file))

    def begun(self) -> list[int]:
        """The processes of jobs, one for each time that one has begun."""
        logs = [JobLog(file) for file in self.store.jobs_folder.glob("*.log")]
        return [said.pid for log in logs for said in log.news() if isinstance(said, JobBegun)]

    def steps(self) -> list[int]:
        return [self.store.cell(cell)["step"] for cell in self.store.cells_on_disk()]

    def has_checkpoint(self) -> bool:
        return any(self.store.checkpoints(cell) for cell in self.store.cells_on_disk())


@pytest.mark.slow
def test_an_interrupted_job_and_a_killed_driver_cost_nothing(tmp_path: Path) -> None:
    study = SlurmStudy(tmp_path, TWO)
    local = tmp_path / "local"
    assert study.run("--jobs", "1", out=local).returncode == 0
    begun = study.start(*study.options, patient=0.02)
    wait_for(study.has_checkpoint, begun)
    count = len(study.begun())
    # What Slurm sends before the time limit of a job.
    os.kill(study.begun()[-1], signal.SIGUSR2)
    wait_for(lambda: len(study.begun()) > count, begun)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    refused = study.run()
    assert refused.returncode == 2
    assert "jobs of Slurm are still to be collected" in refused.stderr
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert outcome(study.out) == outcome(local)
    assert not study.store.jobs_folder.exists()
    assert (study.out / "scores.csv").read_bytes() == (local / "scores.csv").read_bytes()


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
