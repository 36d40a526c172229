"""Small studies: `start` runs one as a user does, `run` in a fork of a process that has imported ganbench."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

import pandas as pd
from ready_process import run_program

from ganbench.errors import StoreError
from ganbench.store import Store

Found = TypeVar("Found")

GRID = """
name = "tiny"
seeds = 2
[axes]
dataset = ["tiles"]
architecture = [{ name = "mlp", generator_widths = [16], discriminator_widths = [16], noise = 4 }]
loss = ["minimax", "non_saturating"]
[train]
steps = 150
batch_size = 32
checkpoint_seconds = 0.1
[score]
metrics = ["spread"]
samples = 100
every = 50
"""

TWELVE = (
    GRID.replace("seeds = 2", "seeds = 3")
    .replace('"non_saturating"]', '"non_saturating"]\npenalty = ["none", "r1"]')
    .replace("steps = 150", "steps = 60")
    .replace("every = 50", "every = 30")
)
STEPS = 150
# Two cells whose steps are counted.
TWO = GRID.replace('loss = ["minimax", "non_saturating"]', 'loss = ["counted"]')

TILES = """
import torch
from ganbench import DatasetSpec, Samples, Signature, hookimpl

class Tiles:
    signature = Signature(shape=(1, 4, 4), kind="image")
    fingerprint = "tiles 1"
    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        shades = torch.randint(0, 256, (256, 1, 1, 4), generator=stream, dtype=torch.uint8)
        return Samples(x=shades.expand(256, 1, 4, 4).contiguous())

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="tiles", build=Tiles, summary="stripes, quick to load")
"""

PROBE = """
import os, signal, sys, time
import torch
from ganbench import LossSpec, MetricSpec, hookimpl
from ganbench.zoo.losses.adversarial import NonSaturating

class Spread:
    needs = "samples"
    minimum = 2
    def __call__(self, generated, reference, dataset):
        return {"spread": float(generated.x.float().std())}

class Reach:
    needs = "samples"
    minimum = 2
    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
    def __call__(self, generated, reference, dataset):
        if self.broken:
            raise ZeroDivisionError("this metric is broken")
        return {"reach": float(generated.x.abs().max())}

class Faulty(NonSaturating):
    def __init__(self, at: int = 60, fault: str = "raise", flag: str = "") -> None:
        self.at, self.fault, self.flag, self.turns = at, fault, flag, 0
    def generator_loss(self, game):
        # Turns are counted by the object itself, which is a fault in a loss: these are made to fail.
        self.turns += 1
        value = super().generator_loss(game)
        if self.turns == self.at and not (self.flag and os.path.exists(self.flag)):
            if self.flag:
                open(self.flag, "w").close()
            if self.fault == "raise":
                raise LookupError("no such\\nthing <b>here</b>")
            if self.fault == "memory":
                raise MemoryError
            if self.fault == "exit":
                sys.exit("leaving")
            if self.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "kill in a write":
                os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "sleep":
                time.sleep(600)
            if self.fault == "nan":
                return value * float("nan")
        return value

class Patient(NonSaturating):
    def generator_loss(self, game):
        time.sleep(float(os.environ.get("PATIENT_SECONDS", 0)))
        return super().generator_loss(game)

@hookimpl
def ganbench_losses():
    yield LossSpec(name="faulty", build=Faulty, summary="fails")
    yield LossSpec(name="patient", build=Patient, summary="can be made to take its time")

@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="spread", build=Spread, directions={"spread": "higher"}, summary="s")
    yield MetricSpec(name="reach", build=Reach, directions={"reach": "higher"}, summary="r")
"""

COUNTED = """
import os
import time
from ganbench import LossSpec, hookimpl
from ganbench.zoo.losses.adversarial import NonSaturating

class Counted(NonSaturating):
    def generator_loss(self, game):
        step = int(game.step)
        # Before it are the rounds that a worker tries before it trains.
        if step > 5:
            with open({log!r}, "a") as stream:
                print(float(game.noise.sum()), step, file=stream)
            time.sleep({seconds} if os.path.exists({slow!r}) else 0)
        return super().generator_loss(game)

@hookimpl
def ganbench_losses():
    yield LossSpec(name="counted", build=Counted, summary="writes down each step, and takes its time")
"""


class Study:
    """A grid, a folder for its results, and a plugin that makes things fail."""

    def __init__(self, folder: Path, grid: str = GRID) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.grid = folder / "grid.toml"
        self.site = folder / "site"
        self.site.mkdir(parents=True, exist_ok=True)
        self.write(grid)
        self.install("ganbench-tiles", "ganbench_tiles", TILES)
        self.install("ganbench-probe", "ganbench_probe", PROBE)

    def write(self, grid: str) -> None:
        self.grid.write_text(grid)

    def install(self, distribution: str, module: str, source: str, version: str = "1.0") -> None:
        (self.site / f"{module}.py").write_text(dedent(source))
        for old in self.site.glob(f"{module}-*.dist-info/*"):
            old.unlink()
        info = self.site / f"{module}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[ganbench]\nplugin = {module}\n")

    @property
    def environment(self) -> Mapping[str, str]:
        path = os.pathsep.join(filter(None, [str(self.site), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}

    def command(self, *arguments: str, out: Path | None = None, grid: Path | None = None) -> list[str]:
        where = ["--out", str(out or self.out)]
        return [sys.executable, "-m", "ganbench", "run", str(grid or self.grid), *where, *arguments]

    def run(
        self, *arguments: str, out: Path | None = None, grid: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments, out=out, grid=grid)
        return run_program(command[command.index("run") :], self.environment, self.folder)

    def start(self, *arguments: str, patient: float = 0) -> subprocess.Popen[str]:
        """Start a run in a session of its own; the loss `patient` sleeps so many seconds in each step."""
        return subprocess.Popen(
            self.command(*arguments),
            env={**self.environment, "PATIENT_SECONDS": str(patient)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def store(self) -> Store:
        return Store(self.out)

    def cells(self) -> pd.DataFrame:
        return pd.read_csv(self.out / "cells.csv", dtype={"reason": str}, keep_default_na=False)


class CountedStudy(Study):
    """A study whose loss `counted` writes down each step, and takes its time for it."""

    def __init__(self, folder: Path, grid: str = TWO) -> None:
        super().__init__(folder, grid)
        self.log = folder / "log"
        self._slow = folder / "slow"

    def count_steps(self, seconds: float) -> None:
        """Let every step be written down, and take so long until `hurry`."""
        source = COUNTED.format(log=str(self.log), seconds=seconds, slow=str(self._slow))
        self.install("ganbench-counted", "ganbench_counted", source)
        self._slow.touch()

    def hurry(self) -> None:
        """Let steps take no longer than they do, in runs that go on too."""
        self._slow.unlink()

    def reached(self) -> dict[str, int]:
        """The step of the latest checkpoint of each cell that has one."""
        store = Store(self.out)
        found: dict[str, int] = {}
        for cell in store.cells_on_disk():
            for path in store.checkpoints(cell):
                # Workers replace them meanwhile.
                with suppress(StoreError):
                    found[cell] = store.read_checkpoint(path)[1]["training"]["step"]
                    break
        return found

    def trained(self) -> int:
        """How many steps were trained, those before the first that is written down left out."""
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def trained_again(self) -> int:
        """How many steps were trained more than once."""
        return sum(times - 1 for times in Counter(self.log.read_text().splitlines()).values())


def wait_for(condition: Callable[[], Found], process: subprocess.Popen[str], seconds: float = 300) -> Found:
    """Wait until something has happened in a run that goes on; return what was found true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return found


# Columns of cells.csv that are measured: no two runs have the same.
MEASURED = ("seconds", "steps_per_second", "peak_memory_mib")


def outcome(out: Path) -> dict[str, str]:
    """Digests of what must be the same however a run went: all that is kept of each cell but its record.

    The record has seconds in it. Pictures of real samples, which cells share, are among the rest.
    """
    paths = [path for path in sorted(out.glob("cells/*/*")) if path.name != "cell.json"]
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*paths, *sorted(out.glob("references/*"))]
    }


def left_of(session: int, seconds: float = 5) -> list[int]:
    """Processes of a session that outlive it; multiprocessing's own tracker needs a moment to notice."""
    end = time.monotonic() + seconds
    while (left := session_of(session)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def session_of(process: int) -> list[int]:
    """Every process of a session that has not ended."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found
