"""Grids of which no cell fits together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError
from ganbench.execution import grid_run, plan_run
from ganbench.execution.grid_check import Preflight
from ganbench.grid import read_grid
from ganbench.store import Store

REASON = "dcgan makes images, the data are points"
SMALL = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}
FILE = """
name = "tiny"
seeds = 2
[axes]
dataset = ["gaussian_ring"]
architecture = ["dcgan", { name = "dcgan", channels = [8, 16] }]
loss = ["minimax"]
[train]
steps = 5
batch_size = 16
"""


def grid(architectures: list[Any], loss: str = "minimax") -> dict[str, Any]:
    axes = {"dataset": ["gaussian_ring"], "architecture": architectures, "loss": [loss]}
    return {"name": "tiny", "seeds": 1, "axes": axes, "train": {"steps": 5, "batch_size": 16}}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_grid_of_which_nothing_fits_is_bad_input_whatever_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(FILE)
    for options in ([], [], ["-q"], ["--dry-run"], ["--keep-going"]):
        assert main(["run", "grid.toml", "--out", "out", *options]) == 2
        said = capsys.readouterr()
        # One reason, however many cells have it.
        assert said.err.startswith(
            f"ganbench: error: tiny: no cell can be run: {REASON}; what fits instead: "
        )
        assert said.err.count("\n") == 1
        assert "architecture '" in said.err
        assert not Path("out").exists()


def test_what_fits_instead_is_what_can_be_run(tmp_path: Path) -> None:
    with pytest.raises(GanbenchError) as caught:
        ganbench.run(grid([SMALL], loss="elbo"), tmp_path / "out")
    (problem,) = caught.value.problems
    assert "no cell can be run: elbo needs an encoder as discriminator" in problem
    _, _, hint = problem.partition("; what fits instead: architecture ")
    architectures, _, losses = hint.partition(", or loss ")
    assert architectures == "'vae'"
    for loss in losses.split(", or ")[0].split(", "):
        plan, _ = plan_run(read_grid(grid([SMALL], loss=loss.strip("'")), load_catalog()), tmp_path / "out")
        assert plan.count("train") == 1


@pytest.mark.slow
def test_the_nearest_size_is_named_where_the_data_can_be_resized(tmp_path: Path) -> None:
    from PIL import Image

    for index in range(17):
        Image.new("L", (20, 20), index).save(tmp_path / f"{index}.png")
    small = grid(["dcgan"])
    small["axes"]["dataset"] = [{"name": "image_folder", "path": str(tmp_path)}]
    with pytest.raises(GanbenchError, match="dataset 'image_folder' with size = 16"):
        ganbench.run(small, tmp_path / "out")


def test_one_cell_that_fits_is_enough(tmp_path: Path) -> None:
    plan, _ = plan_run(read_grid(grid(["dcgan", SMALL]), load_catalog()), tmp_path / "out")
    assert (plan.count("train"), plan.count("skip")) == (1, 1)


@pytest.mark.slow
def test_finished_cells_are_enough_and_stay_where_the_grid_has_them_no_more(
    in_process: None, tmp_path: Path
) -> None:
    ganbench.run(grid([SMALL]), tmp_path / "out")
    results = ganbench.run(grid(["dcgan", SMALL]), tmp_path / "out")
    assert sorted(results.cells["status"]) == ["ok", "skipped"]
    before = contents(tmp_path)
    with pytest.raises(GanbenchError, match=REASON):
        ganbench.run(grid(["dcgan"]), tmp_path / "out")
    assert contents(tmp_path) == before
    assert main(["report", str(tmp_path / "out")]) == 0


@pytest.mark.slow
def test_what_only_training_finds_out_is_said_too_at_once_and_the_next_time(
    in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Preflight(skipped={}, broken={}, faults=())
    monkeypatch.setattr(grid_run, "preflight", lambda *_, **__: found)
    for _ in range(2):
        with pytest.raises(GanbenchError, match=f"no cell can be run: {REASON}; what fits instead") as caught:
            ganbench.run(grid(["dcgan"]), tmp_path / "out")
        assert len(caught.value.problems) == 1
        store = Store(tmp_path / "out")
        assert [store.cell(cell)["status"] for cell in store.cell_ids()] == ["skipped"]
