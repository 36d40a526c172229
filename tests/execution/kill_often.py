"""Runs a grid and kills it, again and again; told by arguments: GRID OUT KILLS SEED. Prints JSON.

A process of its own, so that what takes seconds to import is imported once: each run is a fork.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from studies import left_of

import ganbench
from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.execution import run
from ganbench.grid import read_grid
from ganbench.store import Store


def written(store: Store) -> int:
    """When a cell was last written down, in nanoseconds."""
    times = [0]
    for path in store.path.glob("cells/*/cell.json"):
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            continue
    return max(times)


def main(grid_file: str, out: str, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    grid = read_grid(grid_file, load_catalog())
    store = Store(out)
    report: dict[str, list[object]] = {"unreadable": [], "orphans": [], "finished": [], "steps": []}
    for kill in range(kills):
        begun, before = time.monotonic(), written(store)
        child = os.fork()
        if not child:
            os.setsid()
            run(grid, out, jobs=2)
            os._exit(0)
        if kill % 4 == 3:
            time.sleep(draw.uniform(0, 4))
        else:
            # Past the start of the workers, into the training, which is where most can be lost.
            while written(store) < before + 2 * 10**9 and time.monotonic() < begun + 20:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.2, 1.2))
        alone = kill % 2 == 1
        (os.kill if alone else os.killpg)(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            report["finished"].append(kill)
        report["orphans"] += left_of(child, seconds=15)
        try:
            results = ganbench.load(out)
            report["steps"].append(int(results.cells["step"].sum()))
            if (results.cells["status"] == "error").any():
                report["unreadable"].append(list(results.cells["reason"]))
        except StoreError as error:
            if store.exists():
                report["unreadable"].append(str(error))
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], str(Path(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]))
