"""Paths that a grid gives to plugins: found beside the grid's file, and in ids as they are written."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog, plugins_given
from ganbench.execution import plan_run, plan_verification, verify
from ganbench.execution.worker import main as work
from ganbench.grid import read_grid
from ganbench.runner import CellParts
from ganbench.store import Store

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

PLUGIN = """
from pathlib import Path

import numpy as np
import torch

from ganbench import DatasetSpec, Samples, Signature, hookimpl


class Points:
    signature = Signature(shape=(2,), kind="points")

    def __init__(self, path: Path, extra: list[Path] = []) -> None:
        self.paths = [path, *extra]
        self.fingerprint = str(np.load(path).sum())

    def load(self, split):
        return Samples(x=torch.from_numpy(np.load(self.paths[0])))


@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="points", build=Points)
"""
GRID = """
name = "paths"
seeds = 1
[axes]
dataset = [{ name = "points", path = "data/points.npy" }]
architecture = [{ name = "mlp", generator_widths = [8], discriminator_widths = [8], noise = 4 }]
loss = ["minimax"]
[train]
steps = 2
batch_size = 8
"""


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a grid, a plugin and data; the working folder is another one."""
    for folder in ("study/data", "shell/data", "given/data"):
        (tmp_path / folder).mkdir(parents=True)
    np.save(tmp_path / "study" / "data" / "points.npy", np.eye(40, 2, dtype=np.float32))
    study = tmp_path / "study"
    (study / "grid.toml").write_text(GRID)
    (tmp_path / "plugin.py").write_text(PLUGIN)
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path / "shell")
    with plugins_given([tmp_path / "plugin.py"]):
        yield study


def found(study: Path) -> tuple[Path, tuple[str, ...]]:
    """Where the plugin is sent in a run of the grid, and the notes of the plan."""
    plan, _ = plan_run(read_grid(study / "grid.toml", load_catalog(refresh=True)), "out")
    notes = plan.notes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_GRID_FOLDER", plan.grid.folder)
        dataset = CellParts(plan.cells[0].cell, plan.shared).dataset
    return dataset.paths[0], notes  # type: ignore[attr-defined]


def test_the_grids_folder_comes_first_then_the_shells_with_a_note(study: Path, tmp_path: Path) -> None:
    beside, here = study / "data" / "points.npy", tmp_path / "shell" / "data" / "points.npy"
    here.write_bytes(beside.read_bytes())
    assert found(study) == (beside, ())
    beside.rename(tmp_path / "given" / "data" / "points.npy")
    path, notes = found(study)
    assert path == here
    (note,) = notes
    assert note == (
        f"path of dataset 'points': 'data/points.npy' is not in {study}; "
        f"taken from the working folder, {tmp_path / 'shell'}"
    )


def test_a_data_folder_that_is_given_is_the_only_one(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "given"))
    there = tmp_path / "given" / "data" / "points.npy"
    there.write_bytes((study / "data" / "points.npy").read_bytes())
    assert found(study) == (there, ())


def test_the_id_keeps_the_path_as_it_is_written(study: Path, tmp_path: Path) -> None:
    (cell,) = read_grid(study / "grid.toml", load_catalog()).cells
    assert cell.dataset.as_json() == {"name": "points", "path": "data/points.npy"}
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(GRID)
    assert read_grid(elsewhere, load_catalog()).cells[0].id == cell.id


@pytest.mark.slow
def test_a_run_from_elsewhere_finds_it_and_leaves_the_environment_alone(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_GRID_FOLDER", "mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = ganbench.run(study / "grid.toml", tmp_path / "out", executor=InProcess())
    assert list(results.cells["status"]) == ["ok"]
    assert os.environ["GANBENCH_GRID_FOLDER"] == "mine"


@pytest.mark.slow
def test_a_results_folder_remembers_where_its_grid_lay(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plugin = study / "out", str(tmp_path / "plugin.py")
    (cell,) = ganbench.run(study / "grid.toml", out, executor=InProcess()).cells["cell"]
    assert Store(out).grid_folder() == str(study)
    # The whole study may move.
    study.rename(tmp_path / "moved")
    out = tmp_path / "moved" / "out"
    before = dict(os.environ)
    assert main(["sample", str(out), cell, "--out", str(tmp_path / "x.npz"), "--plugin", plugin]) == 0
    plan = plan_verification(out, plugins=[plugin])
    (verdict,) = verify(plan, tolerance=0.0, executor=InProcess())
    assert not verdict.differences
    assert dict(os.environ) == before
    assert work([str(out), cell, "--plugin", plugin]) == 0
    assert f"{cell}: ok" in capsys.readouterr().out


@pytest.mark.slow
def test_a_folder_whose_grid_names_no_path_remembers_nothing(study: Path, tmp_path: Path) -> None:
    path, out = study / "plain.toml", tmp_path / "out"
    path.write_text(GRID.replace("data/points.npy", str(study / "data" / "points.npy")))
    ganbench.run(path, out, executor=InProcess())
    assert Store(out).grid_folder() == ""
    assert b"grid_folder" not in (out / ".ganbench-results").read_bytes()
