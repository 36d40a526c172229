"""The text-to-image package as its users have it: wheels in a fresh environment, the grid shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_environment import installed, listed, run_cells

pytestmark = pytest.mark.slow

SHORT = {
    "seeds": "1",
    "axes.dataset": '[{ name = "captioned_shapes", objects = "one", samples = 500, numbers = 16 }]',
    "axes.architecture": '[{ name = "text_gan_nets", width = 4, text = 8, noise = 4 }]',
    "train.steps": "4",
    "train.batch_size": "8",
    "score.samples": "20",
    "score.metrics": '["caption_margin"]',
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels."""
    return installed("ganbench-text-to-image", tmp_path_factory.mktemp("text"))


def test_it_is_listed_without_torch(programs: Path, tmp_path: Path) -> None:
    found = listed(programs, "ganbench-text-to-image", tmp_path)
    assert found["status"] == "active"
    assert set(found["hooks"]) == {
        "ganbench_architectures",
        "ganbench_datasets",
        "ganbench_grids",
        "ganbench_losses",
        "ganbench_metrics",
    }


def test_its_grid_runs(programs: Path, tmp_path: Path) -> None:
    rows = run_cells(programs, "text-to-image", SHORT, tmp_path)
    assert [row["status"] for row in rows] == ["ok"] * 4
