from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from studies import GRID, MEASURED, Study, outcome

KILLS = 12
LOSSES = '["minimax", "non_saturating"]'
# Weights, scores, curves, pictures: of the last samples, of three steps, of neighbours.
FILES = 8
HARNESS = Path(__file__).parents[1] / "kill_often.py"


@pytest.mark.slow
def test_jobs_order_and_neighbours_change_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path)
    whole = study.run("--jobs", "1")
    assert whole.returncode == 0, whole.stderr
    expected = outcome(study.out)
    assert len(expected) == 4 * FILES + 1
    for name, grid, jobs in (
        (
            "other way round",
            GRID.replace(LOSSES, '["non_saturating", "minimax"]'),
            "2",
        ),
        ("one seed alone", GRID.replace("seeds = 2", "seeds = [1]"), "2"),
    ):
        study.write(grid)
        other = study.run("--jobs", jobs, out=tmp_path / name)
        assert other.returncode == 0, other.stderr
        found = outcome(tmp_path / name)
        assert len(found) == (4 if "seeds = 2" in grid else 2) * FILES + 1
        assert found.items() <= expected.items()
    # More seeds: what is there stays, only the new cells are run.
    times = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "one seed alone").glob("cells/*/cell.json")
    }
    study.write(GRID)
    more = study.run(out=tmp_path / "one seed alone")
    assert "2 to train, 2 done" in more.stderr
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    assert outcome(tmp_path / "one seed alone") == expected
    for table in ("cells.csv", "scores.csv", "comparison.csv"):
        one, other = (_table(folder / table) for folder in (study.out, tmp_path / "one seed alone"))
        assert one == other


def _table(path: Path) -> list[dict[str, str]]:
    """The rows of a table but for what is measured."""
    with open(path, newline="") as stream:
        return [{**row, **dict.fromkeys(MEASURED, "")} for row in csv.DictReader(stream)]


@pytest.mark.slow
def test_killed_again_and_again_nothing_is_lost_and_nothing_changes(tmp_path: Path) -> None:
    # Between the kills a step takes its time, so that not even the fastest machine comes to the end.
    long = GRID.replace("steps = 150", "steps = 1200").replace("every = 50", "every = 100")
    study = Study(tmp_path, long.replace("seeds = 2", "seeds = 4").replace(LOSSES, '["patient"]'))
    harness = subprocess.run(
        [sys.executable, str(HARNESS), str(study.grid), str(study.out), str(KILLS), "0"],
        env={**study.environment, "PATIENT_SECONDS": "0.01", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert harness.returncode == 0, harness.stderr
    report = json.loads(harness.stdout)
    assert report["unreadable"] == []
    assert report["orphans"] == []
    assert report["finished"] == []
    # Killed again and again, it never loses what it had, and still gets on.
    assert report["steps"] == sorted(report["steps"])
    assert len(set(report["steps"])) > 2
    ended = study.run("--jobs", "2", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    assert "warning" not in ended.stderr
    leftovers = [
        path.name for path in study.out.rglob("*") if ".tmp" in path.name or "checkpoint" in path.name
    ]
    assert leftovers == []
    at_once = study.run("--jobs", "2", "--device", "cpu", out=tmp_path / "at once")
    assert at_once.returncode == 0, at_once.stderr
    assert outcome(study.out) == outcome(tmp_path / "at once")
    assert (study.out / "scores.csv").read_bytes() == (tmp_path / "at once" / "scores.csv").read_bytes()
