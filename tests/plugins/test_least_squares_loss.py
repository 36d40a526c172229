"""The tutorial's plugin as a module: what its two objectives compute."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from ganbench import Loss, Unsupported
from ganbench.catalog.reader import read_plugin
from ganbench.catalog.record import PluginRecord

SOURCE = Path(__file__).parents[2] / "plugins" / "ganbench-least-squares" / "ganbench_least_squares.py"


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ganbench_least_squares", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def game(real: list[float], fake: list[float]) -> Any:
    scores = [torch.tensor(column)[:, None] for column in (real, fake)]
    return SimpleNamespace(fake=scores[1], scores=lambda: tuple(scores), score=lambda x: x)


def test_both_objectives_are_mean_squared_distances(plugin: ModuleType) -> None:
    loss = plugin.LeastSquares(real_target=0.9, fake_target=-1.0)
    turn = game(real=[0.9, 1.9], fake=[0.0, 2.0])
    assert loss.discriminator_loss(turn).item() == pytest.approx((0 + 1) / 2 + (1 + 9) / 2)
    assert loss.generator_loss(turn).item() == pytest.approx((0.81 + 1.21) / 2)
    assert isinstance(loss, Loss)


@pytest.mark.parametrize(("real", "fake"), [(1.0, 0.0), (1.0, -1.0), (0.0, 1.0)])
def test_the_logit_is_one_at_the_real_target_and_minus_one_at_the_other(
    plugin: ModuleType, real: float, fake: float
) -> None:
    scores = torch.tensor([[real], [fake], [(real + fake) / 2]])
    logit = plugin.LeastSquares(real_target=real, fake_target=fake).logit(scores)
    assert logit.tolist() == pytest.approx([1.0, -1.0, 0.0])


def test_equal_targets_are_unsupported(plugin: ModuleType) -> None:
    with pytest.raises(Unsupported, match=r"must differ, given 1\.0"):
        plugin.LeastSquares(real_target=1.0, fake_target=1.0)


def test_the_module_is_a_good_plugin(plugin: ModuleType) -> None:
    record = PluginRecord(name="d:p", distribution="d", version="1")
    loaded = read_plugin(record, lambda: plugin)
    assert loaded.record.reason == ""
    assert loaded.names == {("loss", "least_squares")}
