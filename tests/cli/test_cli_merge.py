from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.grid import Environment, read_grid
from ganbench.runner.task import record_of
from ganbench.store import Store

pytestmark = pytest.mark.usefixtures("undrawn")

GRID: dict[str, Any] = {
    "name": "two",
    "seeds": 1,
    "axes": {"dataset": ["gaussian_ring"], "architecture": ["mlp"], "loss": ["minimax", "non_saturating"]},
    "train": {"steps": 20},
    "score": {"metrics": ["wasserstein"]},
}


@pytest.fixture
def part(tmp_path: Path) -> Store:
    """The first of two shards, with one diverged cell."""
    grid = read_grid(GRID, load_catalog())
    (cell,) = (each for each in grid.cells if each.loss.name == "minimax")
    store = Store(tmp_path / "1")
    store.make()
    here = Environment(device="some CPU", engine="eager", threads=1, versions={"torch": "2.15.0"})
    store.write_cell(cell.id, record_of(cell, here, load_catalog(), status="diverged", step=3))
    store.write_grid(grid.to_toml())
    return store


def test_what_is_missing_is_said_with_the_command_that_runs_it(
    part: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["merge", str(part.path), "--out", str(out)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[-2:] == [
        f"2 cells in {out}: 1 diverged, 1 unfinished; report: {out}/report.html",
        f"go on with: ganbench run {out}/grid.toml --out {out}",
    ]


def test_bad_input_is_one_line(part: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(tmp_path / "absent"), str(part.path), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ganbench: error: {tmp_path}/absent: no such folder")


@pytest.mark.parametrize("shard", ["0/4", "5/4", "x", "1/3"])
def test_a_shard_that_is_none_is_one_line(
    shard: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(read_grid(GRID, load_catalog()).to_toml())
    assert main(["run", str(grid), "--shard", shard, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ganbench: error: ")
    assert "shard" in line
    assert not (tmp_path / "out").exists()
