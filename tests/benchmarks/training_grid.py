"""A grid of a workload's cells, run and timed."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_workloads import Workload, cores

import ganbench
from ganbench.engines import engine_named
from ganbench.errors import GanbenchError
from ganbench.store import Store


class Ends:
    """Notes when each cell of a run began and ended."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.ended: list[float] = []

    def planned(self, plan: object) -> None: ...

    def event(self, event: Mapping[str, Any]) -> None: ...

    def finished(self, cell: object, result: Any) -> None:
        now = time.perf_counter()
        self.ended.append(now)
        self.begun.append(now - result.seconds)


def run_grid(
    workload: Workload,
    folder: Path,
    train: Mapping[str, Any],
    steps: int,
    *,
    seeds: int | None = None,
    jobs: int | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Run a grid without scores.

    Args:
        workload: what to train.
        folder: of the data.
        train: settings of the way.
        steps: of each cell.
        seeds: number of cells; the workload's unless given, or as many as its engine trains at once.
        jobs: workers; as many as `ganbench run` starts unless given.
        device: where.

    Returns:
        The keyword arguments of a Timing.
    """
    width, jobs = engine_named(train["engine"]).width, jobs or cores()
    seeds = seeds or workload.seeds or jobs * width
    grid = workload.grid(folder, seeds, {"steps": steps, **train}, {})
    ends = Ends()
    with tempfile.TemporaryDirectory() as out:
        called = time.perf_counter()
        results = ganbench.run(grid, Path(out, "results"), jobs=jobs, device=device, listener=ends)
        store = Store(Path(out, "results"))
        records = [store.cell(cell) for cell in results.cells["cell"]]
    # What a worker compiles, and builds, is not in a cell's own rate, and those of a group share their time.
    at_once = min(jobs, math.ceil(seeds / width))
    if failed := [record["reason"] for record in records if record["status"] != "ok"]:
        raise GanbenchError(failed[0])
    return {
        "steps": steps * seeds,
        "seconds": max(ends.ended) - min(ends.begun),
        "startup": min(ends.begun) - called,
        "peak_mib": max(record["cost"].get("peak_memory_mib", 0.0) for record in records),
        "training": at_once * statistics.median(record["cost"]["steps_per_second"] for record in records),
    }
