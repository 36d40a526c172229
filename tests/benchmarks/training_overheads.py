"""What a cell takes beside its rounds, and what passes before the first of them."""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from training_workloads import Workload

from ganbench.execution.executor import Place
from ganbench.execution.grid_run import plan_run, read_run_grid
from ganbench.execution.planned_folder import lay_out, tasks_of
from ganbench.execution.worker_process import WorkerProcess
from ganbench.runner import build_trainer, run_cell
from ganbench.runner.cell_pictures import CellPictures
from ganbench.runner.cell_run import CellRun
from ganbench.runner.cell_scores import CellScores
from ganbench.training import Lockstep, Trainer

# Those of `ganbench run` unless a grid says otherwise: what shares are stated for.
STEPS, EVERY, CHECKPOINT_SECONDS = 3000, 1000, 30.0
# Of a trainer that is to go on for as long as it is asked.
MAX_STEPS = 1_000_000
# As far as warm-up and calibration go.
FIRST_STEPS = 20
# Diagnostics are weighed by blocks of so many steps, with and without, in turn.
BLOCK_STEPS = 50


def timed(play: Callable[[int], object], steps: int) -> dict[str, float]:
    """Time steps in this process."""
    begun = time.perf_counter()
    play(steps)
    return {"steps": steps, "seconds": time.perf_counter() - begun}


def advance(trainer: Trainer, steps: int) -> None:
    """Train on one thread, as a worker does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trainer.advance(trainer.step + steps)
    finally:
        torch.set_num_threads(threads)


def shares_of(workload: Workload, folder: Path, seconds: float) -> dict[str, float]:
    """Measure what a cell does beside its rounds, as it would be in a cell of 3000 steps.

    Args:
        workload: what to train.
        folder: of the data.
        seconds: that training is to take.

    Returns:
        Seconds by part; `training` is the rounds without their diagnostics.
    """
    probe = build_trainer(workload.parts(folder, steps=MAX_STEPS))
    advance(probe, FIRST_STEPS)
    rate = FIRST_STEPS / timed(functools.partial(advance, probe), FIRST_STEPS)["seconds"]
    every = max(FIRST_STEPS, round(rate * seconds / 2 / (STEPS / EVERY)))
    score: dict[str, Any] = {"metrics": list(workload.metrics), "every": every}
    if workload.image is not None:
        score["extractor"] = "fashion_cnn"
    spent: dict[str, float] = {}
    # The first time is for the caches, which the cells of a grid share.
    for steps in (FIRST_STEPS, every * STEPS // EVERY):
        spent = _spent(workload.grid(folder, 1, {"steps": steps}, score))
    watched = {way: build_trainer(workload.parts(folder, steps=MAX_STEPS, **settings)) for way, settings in (
        ("with", {}), ("without", {"diagnostics_every": MAX_STEPS})
    )}  # fmt: skip
    blocks: dict[str, list[float]] = {way: [] for way in watched}
    until = time.perf_counter() + seconds / 2
    while time.perf_counter() < until or len(blocks["without"]) < 3:
        for way, trainer in watched.items():
            blocks[way].append(timed(functools.partial(advance, trainer), BLOCK_STEPS)["seconds"])
    per_step = {way: statistics.median(times) / BLOCK_STEPS for way, times in blocks.items()}
    training = spent["training"] * STEPS / (every * STEPS // EVERY)
    diagnostics = training * max(0.0, 1 - per_step["without"] / per_step["with"])
    scorings = STEPS // EVERY
    checkpoint = spent["checkpoints"] / scorings
    return {
        "training": training - diagnostics,
        "diagnostics": diagnostics,
        "checkpoints": checkpoint * (scorings + training // CHECKPOINT_SECONDS),
        "pictures": spent["pictures"],
        "scoring": spent["scoring"],
    }


def _spent(grid: Mapping[str, Any]) -> dict[str, float]:
    """Run the one cell of a grid in this process; return seconds by what they were spent on."""
    spent = dict.fromkeys(("training", "checkpoints", "pictures", "measured"), 0.0)

    def watched(owner: type, method: str, part: str) -> Any:
        call = getattr(owner, method)

        def timing(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                spent[part] += time.perf_counter() - begun

        return mock.patch.object(owner, method, timing)

    with tempfile.TemporaryDirectory() as out, ExitStack() as stack:
        plan, store = plan_run(read_run_grid(grid, out), Path(out, "results"), jobs=1, device="cpu")
        lay_out(plan, store)
        for owner, method, part in (
            (Lockstep, "advance", "training"),
            (CellRun, "_checkpoint", "checkpoints"),
            (CellPictures, "keep", "pictures"),
            (CellScores, "measure", "measured"),
        ):
            stack.enter_context(watched(owner, method, part))
        (task,) = tasks_of(plan, store)
        result = run_cell(task, plan.shared)
    if result.status != "ok":
        raise SystemExit(f"{plan.grid.name}: {result.reason}")
    # Pictures are drawn of the samples that are scored.
    return {**spent, "scoring": spent["measured"] - spent["pictures"]}


def worker_seconds() -> tuple[float, float]:
    """Start a worker; return wall and processor seconds until it is ready for a cell."""
    begun = time.perf_counter()
    worker = WorkerProcess.start(Place.here("cpu"))
    try:
        # A worker asks what it is sent for an answer, and gives it what comes with it.
        asks = SimpleNamespace(answer=functools.partial(eval, "__import__('time').process_time()"))
        worker.connection.send((asks, {}))
        processor = worker.connection.recv()
        return time.perf_counter() - begun, processor
    finally:
        worker.end()


def usual_script(workload: Workload, folder: Path) -> dict[str, float]:
    """Run the usual loop in a process of its own, for its start-up and its memory."""
    script = Path(__file__).with_name("usual_loop.py")
    command = [sys.executable, str(script), workload.name, "--folder", str(folder)]
    begun = time.time()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return {"startup": found["first_step_at"] - begun, "peak_mib": found["peak_mib"]}
