"""The tables of training speed: what was measured, as a Markdown page and a CSV file."""

from __future__ import annotations

import csv
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import torch
from training_floor import Floor
from training_overheads import CHECKPOINT_SECONDS, EVERY, STEPS
from training_workloads import Workload, cores

from ganbench.grid.environment import device_model

LOOP = "usual loop"
# What a cell does beside its rounds.
BESIDE = ("diagnostics", "checkpoints", "pictures", "scoring")
PACKAGES = ("ganbench", "torch", "numpy")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One way, once.

    Attributes:
        workload: its name.
        way: its name.
        round: from 0.
        steps: rounds of training, of all cells together.
        seconds: that they took.
        startup: of a grid, seconds until its first cell began.
        peak_mib: of a grid, the most memory that one worker took.
        training: of a grid, steps per second of the cells that run at once, by their own clocks, which leave
            out what is built and compiled before the first round.
    """

    workload: str
    way: str
    round: int
    steps: int
    seconds: float
    startup: float = 0.0
    peak_mib: float = 0.0
    training: float = 0.0

    @property
    def rate(self) -> float:
        """Steps per second."""
        return self.steps / self.seconds


@dataclass(kw_only=True)
class Measured:
    """All that is known of one workload.

    Attributes:
        workload: which.
        floor: of one round.
        timings: of each way and round.
        refused: why an engine was not measured, by way.
        shares: seconds that each part takes of a cell of 3000 steps, training included.
        script: of the usual loop in a process of its own: seconds until its first step, and memory.
    """

    workload: Workload
    floor: Floor
    timings: list[Timing] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    script: dict[str, float] = field(default_factory=dict)

    def of(self, way: str) -> list[Timing]:
        """Give the timings of one way."""
        return [timing for timing in self.timings if timing.way == way]

    def median(self, way: str) -> float:
        """Give its median rate, in steps per second."""
        return statistics.median(timing.rate for timing in self.of(way))

    @property
    def ways(self) -> list[str]:
        """Name the ways that were measured, in the order of the first round."""
        return list(dict.fromkeys(timing.way for timing in self.timings))


def summary(all_measured: Sequence[Measured], worker: tuple[float, float], command: str) -> str:
    """Write the tables as a Markdown page.

    Args:
        all_measured: by workload.
        worker: what `worker_seconds` gave.
        command: by which they were made.
    """
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    lines = [
        "# Training speed",
        "",
        f"Made by `{command}`, {time.strftime('%Y-%m-%d')}: medians of alternating rounds, with the least "
        f"and the most; the usual loop on {torch.get_num_threads()} threads, a trainer on one, a grid in "
        f"{cores()} workers of one thread each.",
        "",
        f"{device_model('cpu')}, {platform.system()}; Python {platform.python_version()}, {versions}; load "
        f"average {os.getloadavg()[0]:.1f} at the end.",
        "",
    ]
    rows = []
    for measured in all_measured:
        for way in measured.ways:
            rates = [timing.rate for timing in measured.of(way)]
            workers = cores() if way.startswith("grid") else 1
            # Of the rate that as many threads would have which do nothing but the floor.
            reached = measured.median(way) * measured.floor.seconds / workers
            while_training = statistics.median(timing.training for timing in measured.of(way))
            loop = measured.median(LOOP)
            grid = (
                (f"{while_training:.1f}", f"{while_training / loop:.2f}")
                if way.startswith("grid")
                else ("", "")
            )
            rows.append(
                (
                    measured.workload.name,
                    way,
                    f"{measured.median(way):.1f}",
                    f"{min(rates):.1f}",
                    f"{max(rates):.1f}",
                    f"{measured.median(way) / loop:.2f}",
                    "" if way == LOOP else f"{reached:.0%}",
                    *grid,
                )
            )
    times = "times the usual loop"
    columns = (
        "workload",
        "way",
        "steps/s",
        "from",
        "to",
        times,
        "of the floor's rate",
        "while cells train",
        times,
    )
    return "\n".join(
        [
            *lines,
            *_table(columns, rows),
            *_refusals(all_measured),
            *_floors(all_measured),
            *_limits(all_measured),
            *_shares(all_measured),
            *_ready(all_measured, worker),
        ]
    )


def _refusals(all_measured: Iterable[Measured]) -> list[str]:
    """Say once why engines were not measured, and on which workloads."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for measured in all_measured:
        for way, reason in measured.refused.items():
            # The second part of a way is the engine; the last part of a reason says why.
            engine, why = way.split(", ")[1], reason.rpartition(": ")[2]
            found.setdefault((engine, why), {})[measured.workload.name] = None
    return [
        line
        for (engine, why), workloads in found.items()
        for line in ("", f"Not measured: `{engine}` on {', '.join(workloads)}: {why}.")
    ]


def _floors(all_measured: Iterable[Measured]) -> list[str]:
    lines = [
        "",
        "## The floor of a round",
        "",
        "Milliseconds on one thread: each product and each convolution of a round alone, in the faster "
        "memory format; weights, averages and activations read and written at the rate of a copy of the "
        f"weights. Last, the rate of {cores()} workers that did nothing else, times that of the usual loop: "
        "what no grid exceeds.",
        "",
    ]
    rows = []
    for measured in all_measured:
        floor = measured.floor
        parts = (floor.products, floor.convolutions, floor.traffic, floor.seconds)
        times = (f"{part * 1000:.3f}" for part in parts)
        most = cores() / floor.seconds / measured.median(LOOP)
        rows.append((measured.workload.name, f"{floor.gflop:.4f}", *times, f"{most:.2f}"))
    columns = ("workload", "GFLOP", "products", "convolutions", "traffic", "together", "at most")
    return [*lines, *_table(columns, rows)]


def _limits(all_measured: Iterable[Measured]) -> list[str]:
    lines = [
        "",
        "## What limits each engine",
        "",
        "Where the time of a round goes, of a trainer on one thread: what its products, its convolutions and "
        "its memory traffic take alone, and what is left: other operations, calling all of them, drawing "
        "random numbers, and products and convolutions by slower libraries than the fastest.",
        "",
    ]
    rows = []
    for measured in all_measured:
        floor = measured.floor
        for way in measured.ways:
            if way.startswith("trainer"):
                seconds = 1 / measured.median(way)
                parts = (floor.products, floor.convolutions, floor.traffic, seconds - floor.seconds)
                shares = (f"{part / seconds:.0%}" for part in parts)
                engine = way.removeprefix("trainer, ")
                rows.append((measured.workload.name, engine, f"{seconds * 1000:.2f}", *shares))
    columns = ("workload", "engine", "ms", "products", "convolutions", "traffic", "the rest")
    return [*lines, *_table(columns, rows)]


def _shares(all_measured: Iterable[Measured]) -> list[str]:
    lines = [
        "",
        "## Beside the rounds",
        "",
        f"Shares of the time of a cell of {STEPS} steps, scored every {EVERY} and checkpointed every "
        f"{CHECKPOINT_SECONDS:.0f} s: rows of the curves every 10 steps; checkpoints; pictures; 2,000 "
        "samples generated and scored.",
        "",
    ]
    rows = []
    for measured in all_measured:
        shares = measured.shares
        whole = sum(shares.values())
        beside = [shares[part] for part in BESIDE]
        cells = (f"{part / whole:.2%}" for part in (*beside, sum(beside)))
        rows.append((measured.workload.name, *cells, f"{shares['training']:.1f}"))
    return [*lines, *_table(("workload", *BESIDE, "together", "training, s"), rows)]


def _ready(all_measured: Iterable[Measured], worker: tuple[float, float]) -> list[str]:
    lines = [
        "",
        "## Start-up and memory",
        "",
        f"A worker is ready after {worker[0]:.2f} s, {worker[1]:.2f} s of its processor time. Seconds until "
        "the first step of the usual loop, or the first cell of a grid; the most memory of one process.",
        "",
    ]
    rows = []
    for measured in all_measured:
        name, script = measured.workload.name, measured.script
        rows.append((name, LOOP, f"{script['startup']:.2f}", f"{script['peak_mib']:.0f}"))
        for way in measured.ways:
            if way.startswith("grid"):
                startup = statistics.median(timing.startup for timing in measured.of(way))
                peak = max(timing.peak_mib for timing in measured.of(way))
                rows.append((name, way, f"{startup:.2f}", f"{peak:.0f}"))
    return [*lines, *_table(("workload", "way", "start-up, s", "memory, MiB"), rows), ""]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write the lines of a Markdown table."""
    return [
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def write(all_measured: Sequence[Measured], text: str, out: Path) -> None:
    """Write the page and every timing."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(text, encoding="utf-8")
    with (out / "rates.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "way", "round", "steps", "seconds", "steps_per_second"])
        for measured in all_measured:
            for each in measured.timings:
                numbers = [f"{each.seconds:.4f}", f"{each.rate:.2f}"]
                writer.writerow([each.workload, each.way, each.round, each.steps, *numbers])
