"""`ganbench run --dry-run` of a folder in which something is done already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli_w
from finished_cells import finish
from tiny_grid import GRID

from ganbench.__main__ import main
from ganbench.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "grid.toml").write_text(tomli_w.dumps(GRID))
    return tmp_path


def dry_run(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["run", str(folder / "grid.toml"), "--out", str(folder / "out"), "--dry-run", *more]) == 0
    return " ".join(capsys.readouterr().out.split())


def take(store: Store, cell: str, seconds: float, **more: str) -> None:
    """Say that a cell has taken so long."""
    path = store.folder(cell) / "cell.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": seconds, **more}))


@pytest.mark.slow
def test_an_unfinished_cell_says_where_it_goes_on_and_counts_for_what_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Enough(Exception):
        pass

    def stopped(store: Store, cell: str) -> None:
        if len(store.cells_on_disk()) == 2:
            raise Enough

    with pytest.raises(Enough):
        finish(GRID, folder / "out", stops=[8], stopped=stopped)
    store = Store(folder / "out")
    (done,) = (cell for cell in store.cells_on_disk() if store.cell(cell)["status"] == "ok")
    take(store, done, 40.0)
    printed = dry_run(folder, capsys)
    assert "(1 to train, 1 done)" in printed
    assert "goes on at step 9 of 20" in printed
    # 11 of 20 steps are left, at two seconds each.
    assert "estimate: 22 s of one worker's time" in printed
    # Cells that the grid no longer has tell how long a step takes, too.
    assert "estimate: 40 s of one worker's time" in dry_run(folder, capsys, "--set", "seeds=[7]")
    # Finished cells start over then, and unfinished ones go on.
    assert "estimate: 1:02 of one worker's time" in dry_run(folder, capsys, "--rerun", "all")


def test_another_engine_has_no_estimate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish({**GRID, "seeds": 1}, folder / "out")
    assert "estimate: none" not in dry_run(folder, capsys)
    printed = dry_run(folder, capsys, "--set", "train.engine=compiled")
    assert "estimate: none for 2 cells" in printed


def test_an_engine_that_was_faster_here_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = {**GRID, "seeds": 2}
    finish(grid, folder / "out")
    store = Store(folder / "out")
    cells = store.cells_on_disk()
    for index, cell in enumerate(cells):
        take(store, cell, 40.0 if index else 16.0)
    more = ("--set", "seeds=[7]")
    assert "times as fast" not in dry_run(folder, capsys, *more)
    take(store, cells[0], 16.0, engine="compiled")
    printed = dry_run(folder, capsys, *more)
    assert (
        "train.engine 'compiled' was 2.5 times as fast as 'eager' in this folder for gaussian_ring, mlp"
        in printed
    )


def test_other_nets_have_no_estimate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish({**GRID, "seeds": 1}, folder / "out")
    (cell,) = Store(folder / "out").cells_on_disk()
    take(Store(folder / "out"), cell, 40.0)
    net = GRID["axes"]["architecture"][0]
    wider = json.dumps([net, "rbf"]).replace(": ", " = ")
    printed = dry_run(folder, capsys, "--set", f"axes.architecture={wider}")
    assert "estimate for 1 cell: 40 s of one worker's time" in printed
    nothing = "estimate: none for 2 cells, of whose data and nets nothing is finished in this folder"
    assert f"{nothing}; --try-engines makes one" in printed
