"""Seeds that a worker trains together, and what becomes of them when it dies."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

import pytest

import ganbench
from ganbench.engines.ensemble import EnsembleEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.execution import Place, tries
from ganbench.execution.tries import Lost, TimeLimit
from ganbench.execution.worker_process import WorkerProcess
from ganbench.runner import Task

# Nothing is compiled, which takes long; the first worker that records a round ends.
LOSS = """
import os
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from ganbench import LossSpec, hookimpl
from ganbench.engines.ensemble import EnsembleEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.zoo.losses.adversarial import NonSaturating

EnsembleEngine.function = ReplayingEngine.function

class Loss(NonSaturating):
    def discriminator_loss(self, game):
        if os.getpid() != {pid} and not Path({mark!r}).exists():
            Path({mark!r}).touch()
            os._exit(7)
        return super().discriminator_loss(game)

@hookimpl
def ganbench_losses():
    yield LossSpec(name="fatal", build=Loss)
"""


@pytest.mark.slow
def test_after_their_worker_died_seeds_are_tried_again_alone(
    undrawn: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Put back afterwards; the plugin's own change is made in this process too.
    monkeypatch.setattr(EnsembleEngine, "function", ReplayingEngine.function)
    plugin = tmp_path / "fatal.py"
    plugin.write_text(LOSS.format(pid=os.getpid(), mark=str(tmp_path / "mark")))
    given: list[list[int]] = []
    give = WorkerProcess.give

    def noted(self: WorkerProcess, *tasks: Task) -> None:
        given.append([task.cell.seed for task in tasks])
        give(self, *tasks)

    monkeypatch.setattr(WorkerProcess, "give", noted)
    net = {"name": "mlp", "generator_widths": [4], "discriminator_widths": [4], "noise": 2}
    grid = {
        "name": "groups",
        "seeds": 4,
        "axes": {"dataset": ["gaussian_ring"], "architecture": [net], "loss": ["fatal"]},
        "train": {"steps": 6, "batch_size": 8, "engine": "ensemble-3"},
        "score": {"metrics": []},
    }
    results = ganbench.run(grid, tmp_path / "out", jobs=1, plugins=[plugin])
    assert list(results.cells["status"]) == ["ok"] * 4
    assert set(results.cells["engine"]) == {"ensemble-3"}
    assert given == [[0, 1, 2], [0], [1], [2], [3]]


def test_the_limit_of_cells_that_are_trained_together_is_the_sum_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tries, "time", SimpleNamespace(monotonic=lambda: 100.0))
    limit = TimeLimit(cell=10.0, start=10.0)
    assert limit.exceeded(0.0, 75.0, 3) == ""
    assert limit.exceeded(0.0, 69.0, 3) == "time limit: 10 seconds"
    assert limit.exceeded(0.0, 75.0) == "time limit: 10 seconds"
    # A worker that has three counts for three, also when two of them have come to their end.
    mine, theirs = Pipe()
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    with mine, theirs:
        worker = WorkerProcess(place=Place(device="cpu", model=""), process=process, connection=mine)
        tasks = [Task(cell=cell, folder="", device="cpu", environment=None) for cell in "abc"]  # type: ignore[arg-type]
        worker.give(*tasks)
        worker.tasks = worker.tasks[2:]
        assert worker.listen(print, limit=TimeLimit(cell=10.0, start=1000.0)) is None
        worker._begun = 75.0
        assert worker.listen(print, limit=limit) is None
        worker._begun = 69.0
        assert worker.listen(print, limit=limit) == Lost(reason="time limit: 10 seconds")
