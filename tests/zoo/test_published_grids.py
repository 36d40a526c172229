"""The bundled grids that redo published comparisons: their recipes, and a few steps of every cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from parts_here import shared
from published_files import idx_contents, write_idx

import ganbench
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import Cell, read_grid
from ganbench.runner import Task, run_cell
from ganbench.store import Store

BRIEF = (
    # Of a size that no other test asks for: data sets are kept for a whole process.
    'axes.dataset=[{name="fashion_mnist",limit=59}]',
    "seeds=1",
    "train.steps=2",
    "train.batch_size=8",
    "score.samples=200",
    "score.every=0",
    "score.reference=train",
)
INFOGAN = 'axes.architecture=[{name="infogan",channels=4,units=16,noise=8}]'
LUCIC = (INFOGAN, "axes.train.optimizer.lr=[1e-3]")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fashion-MNIST's files, with a few pictures of noise in them."""
    write_idx(tmp_path / "data" / "FashionMNIST" / "raw", idx_contents(60, 20))
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))


def cells_of(name: str) -> Sequence[Cell]:
    return read_grid(name, load_catalog()).cells


def played(name: str, folder: Path, *overrides: str) -> dict[str, dict[str, Any]]:
    """Every cell played in this process: its axes, and the last value of each metric."""
    grid = read_grid(name, load_catalog(), [*BRIEF, *overrides])
    plan, store = plan_run(grid, folder, device="cpu")
    store.make()
    found = {}
    for planned in plan.cells:
        assert planned.action == "train", planned.reason
        cell = planned.cell
        task = Task(cell=cell, folder=str(folder), device="cpu", environment=planned.environment)
        result = run_cell(task, shared())
        assert (result.status, result.reason) == ("ok", "")
        rows = Store(folder).scores(cell.id)
        label = f"{cell.architecture.label} {cell.loss.label} {cell.penalty.label}"
        found[label] = {row["metric"]: row["value"] for row in rows}
    return found


@pytest.mark.slow
def test_lucics_objectives_play_on_his_nets(in_process: None, tmp_path: Path) -> None:
    cells = cells_of("fashion-mnist-lucic")
    assert {cell.train.steps for cell in cells} == {15_625}
    assert {cell.train.d_steps for cell in cells} == {1}
    assert {cell.train.g_optimizer.options()["betas"] for cell in cells} == {(0.5, 0.999)}
    assert {cell.train.d_optimizer.lr for cell in cells} == {1e-4, 3e-4, 1e-3}
    results = ganbench.run("fashion-mnist-lucic", tmp_path / "out", jobs=1, overrides=[*BRIEF, *LUCIC])
    assert set(results.cells["status"]) == {"ok"}
    assert list(results.cells["loss"]) == [
        "minimax",
        "non_saturating",
        "least_squares",
        "wasserstein",
        "elbo",
    ]
    assert set(results.comparison["metric"]) == {"fid"}
    assert len(results.comparison) == 4
    assert all(math.isfinite(value) for value in results.scores["value"])


@pytest.mark.slow
def test_his_other_two_have_a_penalty(tmp_path: Path) -> None:
    found = played("fashion-mnist-lucic-penalties", tmp_path / "out", *LUCIC)
    groups = {tuple(label.split()[1:]) for label in found}
    assert {("wasserstein[clip=0.0]", "gradient_penalty"), ("non_saturating", "dragan")} < groups
    assert len(groups) == 4
    # All else is as in the grid that it belongs to.
    one, other = (cells_of(f"fashion-mnist-lucic{end}")[0] for end in ("", "-penalties"))
    assert (one.train, one.score) == (other.train, other.score)


def test_all_his_arms_are_one_grid_of_the_same_cells(tmp_path: Path) -> None:
    every = {cell.id: cell for cell in cells_of("fashion-mnist-lucic-all")}
    plain, penalised = (
        {cell.id for cell in cells_of(f"fashion-mnist-lucic{end}")} for end in ("", "-penalties")
    )
    assert plain < every.keys()
    added = [every[cell] for cell in every if cell not in plain]
    assert {cell.id for cell in added} < penalised
    assert {(cell.loss.label, cell.penalty.label) for cell in added} == {
        ("wasserstein[clip=0.0]", "gradient_penalty"),
        ("non_saturating", "dragan"),
    }
    grid = read_grid("fashion-mnist-lucic-all", load_catalog(), [*BRIEF, *LUCIC])
    plan, _ = plan_run(grid, tmp_path / "out", device="cpu")
    assert [planned.action for planned in plan.cells] == ["train"] * 7


@pytest.mark.slow
def test_labels_are_compared_with_none(in_process: None, tmp_path: Path) -> None:
    nets = 'axes.architecture=[{name="dcgan",channels=4,conditional=[false,true]}]'
    overrides = [*BRIEF, nets, "compare.baseline=dcgan[channels=4]"]
    results = ganbench.run("fashion-mnist-conditional", tmp_path / "out", jobs=1, overrides=overrides)
    assert set(results.cells["status"]) == {"ok"}
    scores = results.scores[results.scores["step"] == 2]
    metrics = {label: set(rows["metric"]) for label, rows in scores.groupby("architecture")}
    assert metrics == {
        "dcgan[channels=4]": {"fid"},
        "dcgan[channels=4,conditional=true]": {"fid", "intra_fid"},
    }
    fid = results.comparison[results.comparison["metric"] == "fid"]
    assert set(fid["value"]) == {"dcgan[channels=4,conditional=true]"}
    assert set(fid["n_value"]) == {1}


@pytest.mark.slow
def test_kurachs_four_arms_play(tmp_path: Path) -> None:
    cells = cells_of("cifar10-kurach")
    assert {(cell.train.steps, cell.train.batch_size, cell.train.d_steps) for cell in cells} == {
        (200_000, 64, 1)
    }
    found = played(
        "cifar10-kurach",
        tmp_path / "out",
        'axes.architecture=[{name="sndcgan",channels=4,noise=8,normalization=["none","spectral"]}]',
        "axes.train.optimizer.lr=[2e-4]",
        "compare.baseline=sndcgan[channels=4,noise=8,normalization=none]",
        "score.extractor=fashion_cnn",
    )
    assert len(found) == 4
    assert all({"fid", "is"} <= set(values) for values in found.values())


@pytest.mark.slow
def test_mimicrys_nets_play_with_labels_and_without(tmp_path: Path) -> None:
    cells = cells_of("cifar10-mimicry")
    assert {(cell.train.steps, cell.train.d_steps, cell.train.schedule) for cell in cells} == {
        (100_000, 5, "linear")
    }
    assert {cell.train.g_optimizer.options()["betas"] for cell in cells} == {(0.0, 0.9)}
    nets = '{name="resnet32",generator_channels=8,discriminator_channels=8,upsampling="bilinear",'
    found = played(
        "cifar10-mimicry",
        tmp_path / "out",
        f"axes.architecture=[{nets}conditional=[false,true]}}]",
        "score.extractor=fashion_cnn",
    )
    assert len(found) == 6
    assert sum("conditional=true" in label for label in found) == 3
