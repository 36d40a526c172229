from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import ganbench
from ganbench.__main__ import main
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 3,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8]}],
        "loss": ["minimax"],
    },
    "train": {"steps": 2, "batch_size": 8},
    "score": {"metrics": []},
}


@pytest.fixture(scope="module")
def finished(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder whose grid has two seeds, with three cells."""
    out = tmp_path_factory.mktemp("finished") / "out"
    ganbench.run(GRID, out, jobs=1)
    ganbench.run({**GRID, "seeds": 2}, out, jobs=1)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def listed(out: Path) -> list[str]:
    return list(ganbench.load(out).cells["cell"])


@pytest.mark.slow
def test_a_cell_leaves_the_disk_and_the_tables_and_a_run_trains_it_again(
    in_process: None, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = listed(out)
    weights = (out / "cells" / first / "generator.safetensors").read_bytes()
    assert main(["rm", str(out), first]) == 0
    assert capsys.readouterr().out == f"removed {first}\n"
    assert listed(out) == [second]
    assert not (out / "cells" / first).exists()
    assert first not in (out / "report.html").read_text()
    again = ganbench.run({**GRID, "seeds": 2}, out, jobs=1)
    assert list(again.cells["cell"]) == [first, second]
    assert (out / "cells" / first / "generator.safetensors").read_bytes() == weights


def test_orphaned_cells_are_those_that_the_grid_no_longer_has(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = listed(out)
    (orphan,) = set(Store(out).cells_on_disk()) - set(there)
    assert main(["rm", str(out), "--orphaned"]) == 0
    assert capsys.readouterr().out == f"removed {orphan}\n"
    assert Store(out).cells_on_disk() == sorted(there)
    assert main(["rm", str(out), "--orphaned"]) == 0
    assert capsys.readouterr().out.endswith(": nothing removed\n")


def test_a_whole_folder_goes_and_a_file_of_the_user_stays(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "cells" / listed(out)[0] / "notes.txt").write_text("mine")
    (out / "thesis.tex").write_text("mine")
    assert main(["rm", str(out)]) == 0
    assert capsys.readouterr().out == f"removed {out}; cells, thesis.tex stay: ganbench did not write them\n"
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["notes.txt", "thesis.tex"]


def test_a_removal_that_was_cut_short_is_gone_on_with(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("cells.csv", "report.html"):
        (out / file).unlink()
    (out / "grid.toml").unlink()
    assert main(["rm", str(out)]) == 0
    assert not out.exists()


def test_what_cannot_be_removed_is_one_line_and_stays(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(out.rglob("*"))

    def refused(*arguments: str) -> str:
        assert main(["rm", *arguments]) == 2
        return capsys.readouterr().err.removeprefix("ganbench: error: ")

    cells = listed(out)
    assert refused(str(out), "c0").startswith(f"{out}: has no cell 'c0'; ")
    assert "that is every cell" in refused(str(out), *cells)
    with Store(out).lock():
        assert "in use by another run" in refused(str(out), cells[0])
        assert "in use by another run" in refused(str(out))
        assert "in use by another run" in refused(str(out), "--orphaned")
    Store(out).jobs_folder.mkdir()
    assert "jobs of Slurm are still to be collected" in refused(str(out), cells[0])
    assert "jobs of Slurm are still to be collected" in refused(str(out))
    Store(out).jobs_folder.rmdir()
    strange = out.parent / "strange"
    strange.mkdir()
    (strange / "grid.toml").write_text("# by hand")
    assert "not a results folder" in refused(str(strange))
    assert "no such folder" in refused(str(out.parent / "absent"))
    assert sorted(path for path in out.rglob("*") if not path.name.startswith(".")) == [
        path for path in before if not path.name.startswith(".")
    ]
    shutil.rmtree(out / "cells")
    assert "holds tables of cells without the cells" in refused(str(out), cells[0])
