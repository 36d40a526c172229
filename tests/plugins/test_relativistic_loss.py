"""The tutorial's plugin as a module: what its two objectives compute."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from finished_cells import equal_files, finish

from ganbench import Loss
from ganbench.catalog.plugin_reader import read_plugin
from ganbench.catalog.record import PluginRecord

SOURCE = Path(__file__).parents[2] / "plugins" / "ganbench-relativistic" / "ganbench_relativistic.py"


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ganbench_relativistic", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def game(real: list[float], fake: list[float]) -> Any:
    scores = [torch.tensor(column)[:, None] for column in (real, fake)]
    return SimpleNamespace(fake=scores[1], scores=lambda: tuple(scores), score=lambda x: x)


def test_each_kind_is_compared_with_the_mean_of_the_other(plugin: ModuleType) -> None:
    loss = plugin.Relativistic(margin=0.5)
    turn = game(real=[1.0, 3.0], fake=[0.0, 2.0])
    # Means 2 and 1: real lies 0 and 2 above, generated -2 and 0.
    assert loss.discriminator_loss(turn).item() == pytest.approx((0.25 + 2.25) / 2 + (2.25 + 0.25) / 2)
    assert loss.generator_loss(turn).item() == pytest.approx((6.25 + 0.25) / 2 + (0.25 + 6.25) / 2)
    assert isinstance(loss, Loss)


def test_without_averages_samples_are_compared_in_pairs(plugin: ModuleType) -> None:
    loss = plugin.Relativistic(margin=0.5, average=False)
    turn = game(real=[1.0, 3.0], fake=[0.0, 4.0])
    assert loss.discriminator_loss(turn).item() == pytest.approx((0.25 + 2.25) / 2)
    assert loss.generator_loss(turn).item() == pytest.approx((2.25 + 0.25) / 2)


@pytest.mark.parametrize("average", [True, False])
def test_a_number_added_to_every_score_changes_nothing(plugin: ModuleType, average: bool) -> None:
    loss = plugin.Relativistic(average=average)
    here, there = game(real=[1.0, 3.0], fake=[0.0, 4.0]), game(real=[8.0, 10.0], fake=[7.0, 11.0])
    assert loss.discriminator_loss(here).item() == pytest.approx(loss.discriminator_loss(there).item())
    assert loss.generator_loss(here).item() == pytest.approx(loss.generator_loss(there).item())


def test_the_logit_is_in_units_of_the_margin(plugin: ModuleType) -> None:
    logit = plugin.Relativistic(margin=0.5).logit(torch.tensor([[1.0], [-0.25]]))
    assert logit.tolist() == pytest.approx([2.0, -0.5])


@pytest.mark.parametrize("margin", [0.0, -1.0])
def test_a_margin_that_separates_nothing_is_refused(plugin: ModuleType, margin: float) -> None:
    with pytest.raises(ValueError, match=rf"margin must be above 0, given {margin:g}"):
        plugin.Relativistic(margin=margin)


def test_the_module_is_a_good_plugin(plugin: ModuleType) -> None:
    record = PluginRecord(name="d:p", distribution="d", version="1")
    loaded = read_plugin(record, lambda: plugin)
    assert loaded.record.reason == ""
    assert loaded.names == {("loss", "relativistic")}


@pytest.mark.slow
def test_it_trains_and_goes_on_to_the_same_bits_when_interrupted(tmp_path: Path) -> None:
    grid = {
        "name": "relativistic",
        "seeds": 1,
        "axes": {
            "dataset": [{"name": "gaussian_ring", "samples": 40}],
            "architecture": [
                {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}
            ],
            "loss": ["relativistic", {"name": "relativistic", "average": False, "margin": 0.5}],
            "penalty": ["r1"],
        },
        "train": {"steps": 12, "batch_size": 8, "diagnostics_every": 1},
    }
    whole = finish(grid, tmp_path / "whole", plugins=[SOURCE])
    assert len(whole.cells_on_disk()) == 2
    assert equal_files(whole, finish(grid, tmp_path / "parts", plugins=[SOURCE], stops=(3, 5)))
