"""Steps per second of ganbench's training, of every engine, beside the loop that users write.

`python tests/benchmarks/training_speed.py [--only ring-256] [--rounds 3] [--out results/training-speed]`

For each workload the ways take turns, in another order each round: the usual loop with torch's own number of
threads; a trainer alone, on one thread; a whole grid in worker processes, from its first cell to its last.
Beside them, measured once: what diagnostics, checkpoints, pictures and scoring take, the time until training
begins, memory, and the floor, the time of a round's products, convolutions and memory traffic alone.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from training_floor import measure_floor
from training_grid import run_grid
from training_overheads import (
    FIRST_STEPS,
    MAX_STEPS,
    advance,
    shares_of,
    timed,
    usual_script,
    worker_seconds,
)
from training_tables import LOOP, Measured, Timing, summary, write
from training_workloads import WORKLOADS, Workload, cores
from usual_loop import UsualLoop

from ganbench.engines import ENGINES
from ganbench.errors import GanbenchError
from ganbench.runner import build_trainer

# What an engine that cannot train a cell raises, while it is planned, built or first used.
REFUSALS = (GanbenchError, RuntimeError, ValueError)


Way = Callable[[int], Mapping[str, Any]]


def trainer_way(workload: Workload, folder: Path, train: Mapping[str, Any]) -> Way:
    """Set up a trainer that goes on from one call to the next."""
    trainer = build_trainer(workload.parts(folder, steps=MAX_STEPS, **train), train["engine"])
    return functools.partial(timed, functools.partial(advance, trainer))


def ways_of(workload: Workload, folder: Path) -> dict[str, Callable[[], Way]]:
    """Name every way of training a workload; each gives what plays a number of steps, in a grid per cell."""
    loop = UsualLoop(workload.parts(folder))
    ways: dict[str, Callable[[], Way]] = {LOOP: lambda: functools.partial(timed, loop.play)}
    for name, memory_format in itertools.product(ENGINES, workload.formats):
        label = name if memory_format == "contiguous" else f"{name}, {memory_format}"
        train = {"engine": name, "memory_format": memory_format}
        if ENGINES[name].width == 1:
            ways[f"trainer, {label}"] = functools.partial(trainer_way, workload, folder, train)
        grid = functools.partial(run_grid, workload, folder, train)
        ways[f"grid, {label}"] = functools.partial(functools.partial, grid)
    return ways


def measure(measured: Measured, folder: Path, rounds: int, seconds: float) -> None:
    """Let all ways take turns; engines that refuse are noted with their reason.

    Args:
        measured: takes the timings.
        folder: of the data.
        rounds: how often each way is timed.
        seconds: that each is to take each time.
    """
    workload = measured.workload
    ways: dict[str, Way] = {}
    steps: dict[str, int] = {}
    for name, make in ways_of(workload, folder).items():
        try:
            ways[name] = play = make()
            if not name.startswith("grid"):
                play(FIRST_STEPS)
                found = play(FIRST_STEPS)
                steps[name] = max(FIRST_STEPS, round(seconds * found["steps"] / found["seconds"]))
        except REFUSALS as refusal:
            measured.refused[name] = str(refusal).splitlines()[0]
            ways.pop(name, None)
    # Of the cells of every grid: with the eager engine a grid takes the seconds.
    per_cell = max(FIRST_STEPS, steps["trainer, eager"] * cores() // (workload.seeds or cores()))
    names = list(ways)
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            if name in measured.refused:
                continue
            try:
                found = ways[name](steps.get(name, per_cell))
            except REFUSALS as refusal:
                measured.refused[name] = str(refusal).splitlines()[0]
                continue
            timing = Timing(workload=workload.name, way=name, round=turn, **found)
            measured.timings.append(timing)
            print(f"{timing.workload}, round {turn}, {name}: {timing.rate:.1f} steps/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="folder for README.md and rates.csv")
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of training, per way and round")
    arguments = parser.parse_args()
    all_measured = []
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, GANBENCH_CACHE=f"{place}/cache"):
        folder = Path(place)
        worker = worker_seconds()
        for name in arguments.only:
            workload = WORKLOADS[name]
            trainer = build_trainer(workload.parts(folder, steps=MAX_STEPS))
            measured = Measured(workload=workload, floor=measure_floor(trainer))
            measured.script = usual_script(workload, folder)
            measure(measured, folder, arguments.rounds, arguments.seconds)
            measured.shares = shares_of(workload, folder, arguments.seconds)
            all_measured.append(measured)
    text = summary(
        all_measured, worker, " ".join(["python", "tests/benchmarks/training_speed.py", *sys.argv[1:]])
    )
    print(text)
    if arguments.out is not None:
        write(all_measured, text, arguments.out)


if __name__ == "__main__":
    main()
