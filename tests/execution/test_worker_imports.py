"""What a worker imports: seconds of every run, so only what it needs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_grid import GRID

from ganbench.execution.executor import Place
from ganbench.execution.grid_run import plan_run, read_run_grid
from ganbench.execution.planned_folder import lay_out, tasks_of
from ganbench.execution.worker_process import WorkerProcess
from ganbench.runner import CellResult

# Each takes from a tenth of a second to two.
SLOW = {
    "IPython",
    "matplotlib",
    "networkx",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "statsmodels",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
    "torch_fidelity",
    "torchmetrics",
    "torchvision",
}


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    one = WorkerProcess.start(Place.here("cpu"))
    yield one
    one.end()


def ask(worker: WorkerProcess, expression: str) -> Any:
    """Have a worker that is ready evaluate something."""
    # It asks what it is sent for an answer, and gives that what comes with it.
    worker.connection.send((SimpleNamespace(answer=functools.partial(eval, expression)), {}))
    return worker.connection.recv()


def imported(worker: WorkerProcess) -> set[str]:
    """Ask a worker which of the slow modules it has."""
    found: set[str] = ask(worker, "set(__import__('sys').modules)")
    return found & SLOW


def run_cell(worker: WorkerProcess, folder: Path, table: dict[str, Any]) -> None:
    plan, store = plan_run(read_run_grid(table, folder), folder / "out", jobs=1, device="cpu")
    lay_out(plan, store)
    worker.give(tasks_of(plan, store)[0])
    while not isinstance(result := worker.connection.recv(), CellResult):
        pass
    assert (result.status, result.reason) == ("ok", "")


@pytest.mark.slow
def test_a_worker_that_is_ready_has_imported_nothing_slow(worker: WorkerProcess) -> None:
    assert imported(worker) == set()


@pytest.mark.slow
def test_an_eager_cell_imports_what_it_writes_with_and_no_compiler(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    run_cell(worker, tmp_path, {**GRID, "score": {"metrics": ["modes"], "samples": 64}})
    # The curves' format, and what draws the plane.
    assert imported(worker) == {"matplotlib", "pyarrow"}


@pytest.mark.slow
def test_the_trained_extractors_score_without_torch_fidelity_and_are_there_for_it(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    axes = {"dataset": ["digits"], "architecture": GRID["axes"]["architecture"], "loss": ["minimax"]}
    score = {"metrics": ["fid", "is"], "samples": 300, "extractor": "digits_cnn"}
    run_cell(worker, tmp_path, {**GRID, "axes": axes, "score": score})
    assert imported(worker) - {"matplotlib"} == {"pyarrow"}
    registry = "__import__('torch_fidelity.registry').registry.FEATURE_EXTRACTORS_REGISTRY"
    assert "ganbench-digits-cnn" in ask(worker, f"set({registry})")
    waits = "[type(finder).__name__ for finder in __import__('sys').meta_path]"
    assert "AfterImport" not in ask(worker, waits)
