"""The tutorial's plugin as its users have it: both wheels, installed in an environment of their own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "ganbench-relativistic"

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


def call(*command: str | Path, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program outside the repository, with nothing of it on the path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels.

    The dependencies are those of the environment that runs the tests, so that nothing is downloaded:
    a path file appends them, and does not bring the checkout along that is installed there.
    """
    folder = tmp_path_factory.mktemp("relativistic")
    for source in (ROOT, PLUGIN):
        build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "wheels", source)
        call(sys.executable, *build, folder=folder)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["ganbench", "ganbench_relativistic"]

    uv = shutil.which("uv")
    home = folder / "environment"
    venv.create(home, with_pip=uv is None, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    installer = (uv, "pip", "install", "--python", python) if uv else (python, "-m", "pip", "install")
    call(*installer, "--no-deps", "--no-index", *wheels, folder=folder)
    where = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder)
    own = Path(where.stdout.strip())
    shared = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (own / "dependencies.pth").write_text("".join(f"{path}\n" for path in shared), encoding="utf-8")
    origin = call(python, "-c", "import ganbench; print(ganbench.__file__)", folder=folder).stdout
    assert Path(origin.strip()).is_relative_to(own)
    return scripts


def test_the_plugin_is_listed(programs: Path, tmp_path: Path) -> None:
    rows = json.loads(call(programs / "ganbench", "list", "plugins", "--json", folder=tmp_path).stdout)
    (found,) = [row for row in rows if row["distribution"] == "ganbench-relativistic"]
    assert found == {
        "name": "ganbench-relativistic:relativistic",
        "distribution": "ganbench-relativistic",
        "version": "1.0.0",
        "hooks": ["ganbench_losses"],
        "status": "active",
        "reason": "",
    }


def test_its_loss_is_listed_and_shown(programs: Path, tmp_path: Path) -> None:
    listed = call(programs / "ganbench", "list", "losses", folder=tmp_path).stdout.splitlines()
    (line,) = [line for line in listed if line.split()[:1] == ["relativistic"]]
    assert line.split()[-1] == "ganbench-relativistic"
    shown = call(programs / "ganbench", "show", "relativistic", "--json", folder=tmp_path).stdout
    assert [(option["name"], option["default"]) for option in json.loads(shown)[0]["options"]] == [
        ("margin", 1.0),
        ("average", True),
    ]


def test_listing_with_the_plugin_needs_no_torch(programs: Path, tmp_path: Path) -> None:
    code = "import sys; from ganbench.__main__ import main; main(['list']); sys.exit('torch' in sys.modules)"
    call(programs / "python", "-c", code, folder=tmp_path)


def test_its_loss_trains(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID, encoding="utf-8")
    call(programs / "ganbench", "run", "grid.toml", "--out", "out", "--jobs", "1", folder=tmp_path)
    with (tmp_path / "out" / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
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
