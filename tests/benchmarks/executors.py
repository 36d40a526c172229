"""How long each executor takes to begin, and how long per cell, beside the local one.

`python tests/benchmarks/executors.py [--out results/executors]`

A grid of small cells, one after another in one worker, whose weights are compared too. The executors take
turns, each time in a new folder; a cluster is started on this machine for each run. Start-up is from the call
of `ganbench.run` until the first cell would have begun: its end less the seconds of a cell.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ganbench
from ganbench.execution import EXECUTORS
from ganbench.grid.environment import device_model

CLUSTER_FILES = {"ray": "[ray]\nslots = 1\n", "slurm": '[slurm]\ncluster = "local"\ncells_per_job = 1000\n'}
PACKAGES = {"ray": "ray", "slurm": "submitit"}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One run.

    Attributes:
        executor: its name.
        round: from 0.
        startup: seconds until the first cell began.
        per_cell: seconds from the end of one cell to the end of the next, the mean.
        total: seconds of the call.
        weights: SHA-256 of the weights of each cell, in the grid's order.
    """

    executor: str
    round: int
    startup: float
    per_cell: float
    total: float
    weights: tuple[str, ...]


class Ends:
    """Notes when cells end."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def planned(self, plan: object) -> None: ...

    def event(self, event: Mapping[str, Any]) -> None: ...

    def finished(self, cell: object, result: object) -> None:
        self.times.append(time.perf_counter())


def run(executor: str, number: int, cells: int, steps: int) -> Timing:
    """Run the grid once."""
    grid = {
        "name": "executors",
        "seeds": cells,
        "axes": {"dataset": ["gaussian_ring"], "architecture": ["mlp"], "loss": ["non_saturating"]},
        "train": {"steps": steps, "batch_size": 64},
        "score": {"metrics": []},
    }
    options: dict[str, Any] = {"jobs": 1, "device": "cpu"} if executor == "local" else {"executor": executor}
    with tempfile.TemporaryDirectory() as folder:
        if executor != "local":
            options["cluster"] = Path(folder, "cluster.toml")
            options["cluster"].write_text(CLUSTER_FILES[executor])
        ends = Ends()
        begun = time.perf_counter()
        results = ganbench.run(grid, Path(folder, "out"), listener=ends, **options)
        total = time.perf_counter() - begun
    if set(results.cells["status"]) != {"ok"}:
        raise SystemExit(f"{executor}: {results.cells['reason'].iloc[0]}")
    per_cell = (ends.times[-1] - ends.times[0]) / (cells - 1)
    return Timing(
        executor=executor,
        round=number,
        startup=ends.times[0] - begun - per_cell,
        per_cell=per_cell,
        total=total,
        weights=tuple(results.cells["weights"]),
    )


def measure(executors: Sequence[str], rounds: int, cells: int, steps: int) -> list[Timing]:
    """Run every executor once per round, in turn."""
    return [run(executor, number, cells, steps) for number in range(rounds) for executor in executors]


def summary(timings: Sequence[Timing], cells: int, steps: int) -> str:
    """Write the medians as a Markdown page."""
    executors = list(dict.fromkeys(timing.executor for timing in timings))
    rounds = len(timings) // len(executors)
    used = ["ganbench", "torch", *(PACKAGES[name] for name in executors if name in PACKAGES)]
    lines = [
        "# What an executor costs",
        "",
        f"Made by `python tests/benchmarks/executors.py --cells {cells} --out results/executors`: "
        f"{cells} cells of {steps} steps, one after another in one worker, {rounds} rounds in turn; medians.",
        "",
        f"{device_model('cpu')}, {platform.system()}; "
        + ", ".join(f"{package} {version(package)}" for package in used)
        + ".",
        "",
        "| executor | start-up, s | over local, s | s per cell | times local | whole run, s | weights |",
        "|---|---|---|---|---|---|---|",
    ]
    medians = {
        name: {
            value: statistics.median(getattr(each, value) for each in timings if each.executor == name)
            for value in ("startup", "per_cell", "total")
        }
        for name in executors
    }
    expected = {each.weights for each in timings if each.executor == "local"}
    for name, median in medians.items():
        same = {each.weights for each in timings if each.executor == name} == expected
        lines.append(
            f"| {name} | {median['startup']:.2f} | {median['startup'] - medians['local']['startup']:+.2f} | "
            f"{median['per_cell']:.3f} | {median['per_cell'] / medians['local']['per_cell']:.2f} | "
            f"{median['total']:.2f} | {'the same' if same and len(expected) == 1 else 'OTHERS'} |"
        )
    return "\n".join(lines) + "\n"


def write(timings: Sequence[Timing], text: str, out: Path) -> None:
    """Write the page and every timing."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(text, encoding="utf-8")
    with (out / "seconds.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["executor", "round", "startup", "per_cell", "total"])
        for each in timings:
            numbers = (f"{value:.4f}" for value in (each.startup, each.per_cell, each.total))
            writer.writerow([each.executor, each.round, *numbers])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="folder for README.md and seconds.csv")
    others = [name for name in EXECUTORS if name != "local"]
    parser.add_argument("--executors", nargs="*", default=others, help="beside local")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    executors = ["local", *arguments.executors]
    timings = measure(executors, arguments.rounds, arguments.cells, arguments.steps)
    text = summary(timings, arguments.cells, arguments.steps)
    print(text)
    if arguments.out is not None:
        write(timings, text, arguments.out)


if __name__ == "__main__":
    main()
