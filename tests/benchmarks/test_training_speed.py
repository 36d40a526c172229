from __future__ import annotations

import csv
import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ganbench.engines import ENGINES


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    # One cell per grid will do, and of engines one that compiles nothing and one that refuses.
    for name in ("training_grid", "training_speed", "training_tables"):
        monkeypatch.setattr(importlib.import_module(name), "cores", lambda: 1)
    module = importlib.import_module("training_speed")
    monkeypatch.setattr(module, "ENGINES", {name: ENGINES[name] for name in ("eager", "graph")})
    return module


@pytest.mark.slow
def test_the_script_writes_a_line_for_each_engine_and_each_part_of_a_cell(
    speed: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    few = ["--only", "ring-256", "--rounds", "1", "--seconds", "0.01", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["training_speed.py", *few])
    speed.main()
    with (tmp_path / "rates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["workload"] for row in rows} == {"ring-256"}
    text = (tmp_path / "README.md").read_text()
    measured = {row["way"] for row in rows}
    assert {"usual loop", "grid, eager", "trainer, eager"} <= measured
    for name in speed.ENGINES:
        assert f"| ring-256 | grid, {name} | " in text or f"Not measured: `{name}` on ring-256: " in text
    for row in rows:
        assert float(row["steps_per_second"]) == pytest.approx(
            int(row["steps"]) / float(row["seconds"]), 0.01
        )
    # One row of the floor and one of the shares, whose parts make up the whole.
    _, floor, limits, beside, startup = text.split("\n## ")
    *parts, together, most = numbers(floor)[1:]
    assert most > 0
    assert together == pytest.approx(sum(parts), abs=0.002)
    assert together > 0
    (eager,) = (line.split("|")[3:-1] for line in limits.splitlines() if "| eager |" in line)
    milliseconds, *shares_of_round = (float(cell.strip(" %")) for cell in eager)
    assert sum(shares_of_round) == pytest.approx(100, abs=2)
    assert shares_of_round[0] == pytest.approx(100 * parts[0] / milliseconds, abs=1)
    *shares, together, training = numbers(beside)
    assert together == pytest.approx(sum(shares), abs=0.05)
    assert min(shares[1:]) > 0 < training
    assert startup.count("| ring-256 | ") >= 2


def test_convolutions_are_measured_in_both_formats(speed: ModuleType, tmp_path: Path) -> None:
    ways = speed.ways_of(speed.WORKLOADS["dcgan-28"], tmp_path)
    assert {"grid, eager", "grid, eager, channels_last", "trainer, eager, channels_last"} <= ways.keys()


def numbers(section: str) -> list[float]:
    """Those of the first row of a section's table."""
    row = next(line for line in section.splitlines() if line.startswith("| ring-256 | "))
    return [float(cell.strip(" %")) for cell in row.split("|")[2:-1]]
