"""A package of plugins/ as its users have it: its wheel and ganbench's, in an environment of their own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# `ganbench`, with pages whose figures are left out: the figures take half the time of a short run, and no
# package changes them. The folder of the tests comes last, so that it hides nothing of the environment.
RUN = f"""
import sys
import pytest
sys.path.append({str(ROOT / "tests")!r})
from undrawn import leave_figures_out
from ganbench.__main__ import main
leave_figures_out(pytest.MonkeyPatch())
sys.exit(main(sys.argv[1:]))
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


def installed(package: str, folder: Path) -> Path:
    """Install ganbench and a package of plugins/ in a fresh environment, and give its folder of programs.

    The dependencies are those of the environment that runs the tests, so that nothing is downloaded:
    a path file appends them, and does not bring the checkout along that is installed there.
    """
    for source in (ROOT, ROOT / "plugins" / package):
        build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "wheels", source)
        call(sys.executable, *build, folder=folder)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["ganbench", package.replace("-", "_")]

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


def listed(programs: Path, package: str, folder: Path) -> dict[str, Any]:
    """Find a package among the plugins of an environment; listing imports no torch."""
    rows = json.loads(call(programs / "ganbench", "list", "plugins", "--json", folder=folder).stdout)
    (found,) = [row for row in rows if row["distribution"] == package]
    code = "import sys; from ganbench.__main__ import main; main(['list']); sys.exit('torch' in sys.modules)"
    call(programs / "python", "-c", code, folder=folder)
    return dict(found)


def run_cells(programs: Path, grid: str, settings: Mapping[str, str], folder: Path) -> list[dict[str, str]]:
    """Run a grid with other settings into `out`, and give the rows of cells.csv."""
    changed = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    run = (programs / "python", "-c", RUN, "run", grid)
    call(*run, "--out", "out", "--jobs", "1", *changed, folder=folder)
    with (folder / "out" / "cells.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
