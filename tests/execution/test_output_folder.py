"""Runs into folders that hold something already."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import ganbench
from ganbench.__main__ import main
from ganbench.errors import StoreError
from ganbench.store import Store
from ganbench.store.names import MARK

ROOT = Path(__file__).parents[2]
GRID = """# my own notes
name = "tiny"
seeds = 1
[axes]
dataset = ["gaussian_ring"]
architecture = [{ name = "mlp", generator_widths = [8], discriminator_widths = [8], noise = 4 }]
loss = ["minimax"]
[train]
steps = 5
batch_size = 16
"""


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("out", [".", ""])
@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--rerun", "all"]])
def test_a_run_beside_its_own_grid_touches_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    options: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    strangers = {
        "grid.toml": GRID,
        "cells.csv": "name,size\nHeLa,3\n",
        "report.html": "mine",
        ".x.tmp": "mine",
    }
    for name, text in strangers.items():
        (tmp_path / name).write_text(text)
    before = files(tmp_path)
    assert main(["run", "grid.toml", "--out", out, *options]) == 2
    assert capsys.readouterr().err == (
        "ganbench: error: .: holds .x.tmp, cells.csv, grid.toml, ..., and no results of ganbench; "
        "give a new or an empty folder with --out\n"
    )
    assert files(tmp_path) == before


@pytest.mark.slow
def test_a_results_folder_is_known_again_with_and_without_its_mark(in_process: None, tmp_path: Path) -> None:
    given, out = tmp_path / "grid.toml", tmp_path / "out"
    given.write_text(GRID)
    ganbench.run(given, out, jobs=1)
    assert (out / MARK).is_file()
    resolved = out / "grid.toml"
    ganbench.run(resolved, out)
    (out / MARK).unlink()
    (out / "notes.txt").write_text("mine")
    ganbench.run(resolved, out)
    assert (out / MARK).is_file()
    assert (out / "notes.txt").read_text() == "mine"
    given.replace(resolved)
    before = files(out)
    with pytest.raises(StoreError, match=r"grid\.toml: is not a grid as ganbench writes it"):
        ganbench.run(resolved, out)
    assert files(out) == before


@pytest.fixture(params=["ring"])
def baseline(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder as one keeps it in a repository: the tables alone."""
    (tmp_path / "baseline").mkdir()
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(ROOT / "results" / request.param / name, tmp_path / "baseline")
    return tmp_path / "baseline"


def test_a_folder_of_tables_alone_is_not_trained_over(baseline: Path) -> None:
    before = files(baseline)
    with pytest.raises(StoreError, match="holds tables of cells without the cells"):
        ganbench.run(baseline / "grid.toml", baseline)
    assert files(baseline) == before


def test_tables_of_unfinished_cells_are_no_results(baseline: Path) -> None:
    cells = baseline / "cells.csv"
    assert Store(baseline).has_only_tables()
    cells.write_text(cells.read_text().replace(",ok,", ",unfinished,"))
    assert not Store(baseline).has_only_tables()
    cells.write_text("cell\nc0123456789a\n")
    assert not Store(baseline).has_only_tables()


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["ring", "dirac"], indirect=True)
def test_a_folder_of_tables_alone_can_be_read_and_reported(
    baseline: Path, request: pytest.FixtureRequest
) -> None:
    stored = ROOT / "results" / request.node.callspec.params["baseline"]
    before = files(baseline)
    results = ganbench.load(baseline)
    assert set(results.cells["status"]) == {"ok"}
    assert len(results.scores) == len((stored / "scores.csv").read_text().splitlines()) - 1
    assert results.scores["value"].dtype == float
    assert main(["report", str(baseline)]) == 0
    assert {name: text for name, text in files(baseline).items() if name in before} == before
    # The very comparison that was made when the cells were there; columns are only ever added.
    made, kept = ((folder / "comparison.csv").read_text().splitlines() for folder in (baseline, stored))
    assert len(made) == len(kept)
    assert all(f"{line},".startswith(f"{before_it},") for line, before_it in zip(made, kept, strict=True))
    assert main(["compare", str(baseline)]) == 0


@pytest.mark.parametrize("baseline", ["dirac"], indirect=True)
def test_a_folder_of_tables_alone_is_a_baseline(baseline: Path) -> None:
    assert main(["check", str(baseline), "--baseline", str(baseline)]) == 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("cells.csv", ",ok,", ",fine,"),
        ("scores.csv", ",2500,", ",-1,"),
        ("scores.csv", "seed,step", "seed,stop"),
    ],
)
def test_damaged_tables_are_named_and_stay(baseline: Path, name: str, old: str, new: str) -> None:
    table = baseline / name
    table.write_text(table.read_text().replace(old, new))
    before: dict[str, Any] = files(baseline)
    with pytest.raises(StoreError, match=rf"{name}: damaged"):
        ganbench.load(baseline)
    assert files(baseline) == before
