"""Runs a grid and kills it, again and again; told by arguments: GRID OUT KILLS SEED. Prints JSON.

A process of its own, so that what takes seconds to import is imported once: each run is a fork. So are most
runs' workers; the others are started as a user's are, which has to be killed too.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from studies import left_of

import ganbench
from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.execution import run, worker, worker_process
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


class Fork:
    """A worker's process that has imported everything: a fork of this one."""

    def __init__(self, connection: Connection[Any, Any], *_: object) -> None:
        descriptor = connection.fileno()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            # As in a new process, nobody else's end of a pipe stays open.
            os.closerange(3, descriptor)
            os.closerange(descriptor + 1, 1024)
            os._exit(worker.main(["--serve", str(descriptor)]))

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        return self._wait(0)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, options)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def main(grid_file: str, out: str, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    grid = read_grid(grid_file, load_catalog())
    store = Store(out)
    report: dict[str, list[object]] = {"unreadable": [], "orphans": [], "finished": [], "steps": []}
    for kill in range(kills):
        begun, before, early = time.monotonic(), written(store), kill % 4 == 3
        child = os.fork()
        if not child:
            os.setsid()
            if kill > 1 and not early:
                worker_process.start_interpreter = Fork  # type: ignore[assignment]
            run(grid, out, jobs=2, device="cpu")
            os._exit(0)
        if early:
            time.sleep(draw.uniform(0, 4))
        else:
            # Past the start of the workers, into the training, which is where most can be lost.
            while written(store) < before + 2 * 10**9 and time.monotonic() < begun + 20:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.1, 0.6))
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
