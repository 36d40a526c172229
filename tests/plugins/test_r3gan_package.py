"""R3GAN's package as its users have it: both wheels in an environment of their own, its grids shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_environment import installed, listed, run_cells

pytestmark = pytest.mark.slow

NETS = '[{ name = "r3gan_resnet", width = 8, group_width = 4, noise = 6, conditional = true }]'
SHORT = {
    "r3gan-cifar10": {
        "seeds": "1",
        "axes.dataset": '["digits"]',
        "axes.architecture": NETS,
        "train.steps": "8",
        "train.batch_size": "8",
        "train.precision": "float32",
        "score.metrics": "[]",
    },
    "r3gan-modes": {
        "seeds": "1",
        "axes.dataset": '[{ name = "gaussian_grid", samples = 500 }]',
        "train.steps": "8",
        "score.samples": "50",
        "score.every": "0",
        "score.initial": "false",
    },
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels."""
    return installed("ganbench-r3gan", tmp_path_factory.mktemp("r3gan"))


def test_it_is_listed_without_torch(programs: Path, tmp_path: Path) -> None:
    found = listed(programs, "ganbench-r3gan", tmp_path)
    assert found["status"] == "active"
    assert set(found["hooks"]) == {
        "ganbench_architectures",
        "ganbench_grids",
        "ganbench_losses",
        "ganbench_penalties",
    }


@pytest.mark.parametrize(("grid", "cells"), [("r3gan-cifar10", 1), ("r3gan-modes", 6)])
def test_its_grids_run(programs: Path, tmp_path: Path, grid: str, cells: int) -> None:
    rows = run_cells(programs, grid, SHORT[grid], tmp_path)
    assert [row["status"] for row in rows] == ["ok"] * cells
