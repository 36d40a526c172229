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
    """Notes when each cell of a run ended, and what time it took.

    Cells of a group begin together and share their time out among them: together they took all of it.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self.ended: dict[tuple[str, int], float] = {}
        self._took: dict[tuple[str, int], float] = {}

    def planned(self, plan: object) -> None: ...

    def event(self, event: Mapping[str, Any]) -> None: ...

    def finished(self, cell: Any, result: Any) -> None:
        group = ("", cell.cell.seed // self._width) if self._width > 1 else (result.cell, 0)
        self.ended[group] = time.perf_counter()
        self._took[group] = self._took.get(group, 0.0) + result.seconds

    @property
    def first(self) -> float:
        """When the first cell began."""
        return min(ended - self._took[group] for group, ended in self.ended.items())

    @property
    def last(self) -> float:
        """When the last cell ended."""
        return max(self.ended.values())


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
    ends = Ends(width)
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
        "seconds": ends.last - ends.first,
        "startup": ends.first - called,
        "peak_mib": max(record["cost"].get("peak_memory_mib", 0.0) for record in records),
        "training": at_once * statistics.median(record["cost"]["steps_per_second"] for record in records),
    }
