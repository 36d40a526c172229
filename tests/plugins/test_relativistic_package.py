"""The tutorial's plugin as its users have it: both wheels, installed in an environment of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin_environment import call, installed, listed, run_cells

pytestmark = pytest.mark.slow

GRID = """
name = "tutorial"
seeds = 1

[axes]
dataset = ["digits"]
architecture = ["mlp"]
loss = ["non_saturating", { name = "relativistic", margin = 0.5 }]
penalty = ["none", "r1"]

[train]
steps = 20
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels."""
    return installed("ganbench-relativistic", tmp_path_factory.mktemp("relativistic"))


def test_it_is_listed_without_torch(programs: Path, tmp_path: Path) -> None:
    assert listed(programs, "ganbench-relativistic", tmp_path) == {
        "name": "ganbench-relativistic:relativistic",
        "distribution": "ganbench-relativistic",
        "version": "1.0.0",
        "hooks": ["ganbench_losses"],
        "status": "active",
        "reason": "",
    }


def test_its_loss_is_listed_and_shown(programs: Path, tmp_path: Path) -> None:
    losses = call(programs / "ganbench", "list", "losses", folder=tmp_path).stdout.splitlines()
    (line,) = [line for line in losses if line.split()[:1] == ["relativistic"]]
    assert line.split()[-1] == "ganbench-relativistic"
    shown = call(programs / "ganbench", "show", "relativistic", "--json", folder=tmp_path).stdout
    assert [(option["name"], option["default"]) for option in json.loads(shown)[0]["options"]] == [
        ("margin", 1.0),
        ("average", True),
    ]


def test_its_loss_trains(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID, encoding="utf-8")
    rows = run_cells(programs, "grid.toml", {}, tmp_path)
    assert sorted((row["loss"], row["penalty"], row["status"], row["step"]) for row in rows) == [
        ("non_saturating", "none", "ok", "20"),
        ("non_saturating", "r1", "ok", "20"),
        ("relativistic[margin=0.5]", "none", "ok", "20"),
        ("relativistic[margin=0.5]", "r1", "ok", "20"),
    ]
    assert len({row["weights"] for row in rows}) == 4


def test_a_mistyped_option_is_refused_before_training(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID.replace("margin = 0.5", "margn = 0.5"), encoding="utf-8")
    command = (programs / "ganbench", "run", "grid.toml", "--out", "out")
    done = call(*command, folder=tmp_path, check=False)
    assert done.returncode == 2
    assert "did you mean 'margin'?" in done.stderr
    assert not (tmp_path / "out").exists()
