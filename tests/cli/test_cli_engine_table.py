"""`ganbench run --dry-run --try-engines`: how fast each engine trains the cells of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import tomli_w
from finished_cells import finish
from tiny_grid import GRID

from ganbench.__main__ import main
from ganbench.execution import engine_trials
from ganbench.runner import CellParts
from ganbench.runner.engine_speed import EngineSpeed


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(tomli_w.dumps({**GRID, "train": {**GRID["train"], "steps": 20000}}))
    return path


def pretend(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float]) -> None:
    """Let rounds take so many seconds by engine; others refuse."""

    def measure(engine: str, seeds: Sequence[CellParts], *, threads: int, seconds: float) -> EngineSpeed:
        if engine not in given:
            return EngineSpeed(engine=engine, refusal="not here")
        return EngineSpeed(engine=engine, round_seconds=given[engine], ready_seconds=20.0)

    given = seconds
    monkeypatch.setattr(engine_trials, "measure_engine", measure)


def dry_run(grid: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, str]:
    out = str(grid.parent / "out")
    assert main(["run", str(grid), "--out", out, "--dry-run", "--try-engines", "--device=cpu", *more]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_each_engine_has_a_row_and_the_best_is_named(
    grid: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, {"eager": 0.01, "compiled": 0.004, "ensemble": 0.02})
    out, err = dry_run(grid, capsys)
    rows = [line.split() for line in out[out.index("one worker\n") :].splitlines()]
    assert ["eager", "100", "1.00", "20.0", "s", "7:00"] in rows
    assert ["compiled", "250", "2.50", "20.0", "s", "3:00"] in rows
    # Two seeds of five places.
    assert ["ensemble", "100", "1.00", "20.0", "s", "7:00"] in rows
    assert "not graph, graph+compiled, graph+ensemble: not here\n" in out
    assert 'train.engine = "compiled" would take 3:00 of one worker\'s time, not 7:00\n' in out
    assert "2 cells, one worker" in out
    assert "estimate: none for 2 cells, of whose data and nets nothing is finished in this folder\n" in out
    assert err.count("trying engine ") == 6
    assert not (grid.parent / "out").exists()
    assert "trying engine" not in dry_run(grid, capsys, "--quiet")[1]


def test_what_saves_little_is_not_advised(
    grid: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, {"eager": 0.01, "compiled": 0.009})
    out, _ = dry_run(grid, capsys)
    assert "as planned, eager: no other engine would save much\n" in out
    assert "train.engine =" not in out


def test_an_engine_is_really_tried(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The engines that would have to compile do not take it.
    dampened = 'train.optimizer={name="sgd", lr=0.01, momentum=0.5, dampening=0.1}'
    out, _ = dry_run(grid, capsys, "--set", "train.steps=50", "--set", dampened)
    (row,) = (line.split() for line in out.splitlines() if line.startswith(" eager "))
    assert float(row[1].replace(",", "")) > 1
    assert "not compiled, ensemble: " in out
    assert "dampening" in out


def test_nothing_to_train_is_said(
    grid: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, {})
    grid.write_text(tomli_w.dumps(GRID))
    finish(GRID, grid.parent / "out")
    assert "no engine is tried: there is nothing to train\n" in dry_run(grid, capsys)[0]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((), "--try-engines: trains nothing that is kept; give --dry-run with it"),
        (
            ("--dry-run", "--executor", "ray"),
            "--try-engines: measures this machine, not where --executor ray runs cells",
        ),
    ],
)
def test_what_it_does_not_go_with_is_refused(
    grid: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], reason: str
) -> None:
    assert main(["run", str(grid), "--out", str(grid.parent / "out"), "--try-engines", *given]) == 2
    assert reason in capsys.readouterr().err
    assert not (grid.parent / "out").exists()
