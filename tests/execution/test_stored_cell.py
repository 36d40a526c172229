"""A worker that is started by hand on one cell, as a scheduler starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from in_process import InProcess
from studies import outcome
from tiny_grid import GRID

import ganbench
from ganbench.execution import stored_cell
from ganbench.execution.stored_cell import run_by_hand
from ganbench.execution.worker import main
from ganbench.runner import CellResult
from ganbench.store import Store


class Nowhere(InProcess):
    """Runs nothing: the folder is laid out, and its cells are left to others."""

    def run(self, *_: object) -> Generator[CellResult, None, None]:
        yield from ()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A folder in which no cell has been begun."""
    ganbench.run(GRID, tmp_path / "out", executor=Nowhere())
    return Store(tmp_path / "out")


@pytest.mark.slow
def test_cells_run_by_hand_are_those_of_a_run_which_collects_them(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    first, second = store.cell_ids()
    for cell in (first, second):
        assert main([str(store.path), cell]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{first}: begun"
    assert lines[1].startswith(f"{first}: step 10, D ")
    assert lines[1].endswith(", scored")
    assert lines[2] == f"{first}: ok"
    assert main([str(store.path), first]) == 0
    assert capsys.readouterr().out == f"{first}: ok\n"
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    collecting = InProcess()
    results = ganbench.run(GRID, store.path, executor=collecting)
    assert collecting.ran == []
    assert list(results.cells["status"]) == ["ok"] * 2
    ganbench.run(GRID, tmp_path / "at once", executor=InProcess())
    assert outcome(store.path) == outcome(tmp_path / "at once")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_ends_it_with_a_checkpoint_that_the_same_command_goes_on_from(
    number: int, store: Store, tmp_path: Path
) -> None:
    (cell, _) = store.cell_ids()
    assert run_by_hand([str(store.path), cell], lambda _: os.kill(os.getpid(), number)) == 130
    record = store.cell(cell)
    assert (record["status"], record["step"] < 20) == ("unfinished", True)
    assert len(store.checkpoints(cell)) == 1
    assert main([str(store.path), cell]) == 0
    ganbench.run(GRID, tmp_path / "at once", executor=InProcess())
    assert outcome(store.path).items() <= outcome(tmp_path / "at once").items()


def test_another_environment_than_the_planned_one_is_refused_before_anything_is_written(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell, _) = store.cell_ids()
    record = store.cell(cell)
    record["environment"]["device"] = "another CPU"
    record["environment"].pop("hash")
    store.write_cell(cell, record)
    before = {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()}
    assert main([str(store.path), cell]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(
        f"ganbench: error: {store.path}: cell {cell} was planned for another environment: device another CPU"
    )
    assert errors.count("\n") == 1
    assert {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()} == before


def test_a_failure_has_an_exit_code_of_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell, other = store.cell_ids()
    assert main([str(store.path), "c0"]) == 2
    assert capsys.readouterr().err.startswith(f"ganbench: error: {store.path}: no cell 'c0' in its grid")
    store.drop_cell(cell)
    assert main([str(store.path), cell]) == 2
    assert "has no record; `ganbench run` writes it first" in capsys.readouterr().err
    failed = CellResult(cell=other, status="oom", reason="out of memory", scores={})
    monkeypatch.setattr(stored_cell, "run_cell", lambda *_: failed)
    assert main([str(store.path), other]) == 1
    assert capsys.readouterr().out == f"{other}: oom (out of memory)\n"

    def broken(*_: object) -> CellResult:
        raise ZeroDivisionError

    monkeypatch.setattr(stored_cell, "run_cell", broken)
    assert main([str(store.path), other]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_line_is_a_module(store: Store) -> None:
    (cell, _) = store.cell_ids()
    command = [sys.executable, "-m", "ganbench.execution.worker", str(store.path), cell, "--device", "cpu"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == f"{cell}: ok"
