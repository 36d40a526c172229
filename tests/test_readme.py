"""What the README shows is run: its grid is read, its loss is played, its error line is the real one."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.catalog.distributions import ganbench_version
from ganbench.errors import GridError
from ganbench.grid import read_grid

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(language: str, containing: str) -> str:
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.S) if containing in code]
    assert len(found) == 1
    return found[0]


def test_the_grid_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(block("toml", "mine.toml"))
    grid = read_grid(path, load_catalog())
    assert len(grid.cells) == 3 * 2 * 2 * 2 * 5
    assert {(cell.dataset.name, cell.penalty.name) for cell in grid.cells} == {
        ("digits", "none"),
        ("digits", "r1"),
        ("gaussian_ring", "none"),
    }
    assert {cell.dataset.name for cell in grid.cells if cell.score.metrics} == {"digits"}


def test_the_error_line_is_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(block("toml", "mine.toml").replace('"minimax"', '"minmax"'))
    with pytest.raises(GridError) as caught:
        read_grid(Path("mine.toml"), load_catalog())
    shown = next(line for line in README.splitlines() if line.startswith("ganbench: error: "))
    assert shown.removeprefix("ganbench: error: ") in caught.value.problems


def test_the_gates_grid_is_one(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(block("toml", "gate.toml"))
    cells = read_grid(path, load_catalog()).cells
    assert len(cells) == 9
    assert {tuple(cell.check) for cell in cells} == {("fid",)}


STEP = re.compile(r"^      - run: (?P<run>.+?)\n(?:        if: (?P<condition>\$\{\{ .+? \}\}).*\n)?", re.M)


def steps() -> list[tuple[str, bool]]:
    """Commands of the README's workflow, in order, each with whether it runs after one that failed."""
    workflow = block("yaml", "samples.yml")
    assert workflow.count("- run: ") == len(STEP.findall(workflow))
    found = [(match["run"], match["condition"]) for match in STEP.finditer(workflow)]
    assert {condition for _, condition in found} <= {None, "${{ !cancelled() }}"}
    return [(command, condition is not None) for command, condition in found]


class Repository:
    """A fresh repository with the files that the README shows, and a grid that takes less time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder.parent / "summary.md"
        self.bash("git init -q .")
        grid = (
            block("toml", "gate.toml").replace("seeds = 9", "seeds = 3").replace("steps = 600", "steps = 3")
        )
        (folder / "gate.toml").write_text(grid.replace("samples = 1000", "samples = 100"))
        for name in ("requirements.txt", ".gitignore"):
            (folder / name).write_text(block("text", f"# {name}\n"))

    def bash(self, command: str) -> int:
        # As GitHub's runner calls it.
        environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(self.summary)}
        return subprocess.run(["bash", "-e", "-c", command], cwd=self.folder, env=environment).returncode

    def run(self, line: str) -> int:
        """A line of the README: ganbench's own here, the rest in a shell; the first that fails ends it."""
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            if words[0] == "pip":
                continue
            code = main(words[1:]) if words[0] == "ganbench" else self.bash(command)
            if code:
                return code
        return 0

    def job(self, fail: Callable[[], None] | None = None) -> list[int]:
        """Run the workflow's steps, as GitHub does, and return the exit codes of those that were run.

        Args:
            fail: called after the run, which fails then.
        """
        codes: list[int] = []
        for command, always in steps():
            if always or not any(codes):
                code = self.run(command)
                if fail is not None and "ganbench run" in command:
                    fail()
                    code = 1
                codes.append(code)
        return codes


@pytest.mark.slow
def test_the_gates_workflow_works_in_a_fresh_repository(
    in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fresh").mkdir()
    fresh = Repository(tmp_path / "fresh")
    monkeypatch.chdir(fresh.folder)
    for line in block("bash", "gate.toml").splitlines():
        assert fresh.run(line) == 0, line
    committed = "git -c user.name=n -c user.email=e commit -qm baseline && git clone -q . ../clone"
    assert fresh.bash(committed) == 0
    kept = sorted(str(path.relative_to(tmp_path / "clone")) for path in (tmp_path / "clone").rglob("*.*"))
    assert [name for name in kept if not name.startswith(".git/")] == [
        ".git",
        ".gitignore",
        "baselines/gate/cells.csv",
        "baselines/gate/grid.toml",
        "baselines/gate/scores.csv",
        "gate.toml",
        "requirements.txt",
    ]

    monkeypatch.chdir(tmp_path / "clone")
    fresh.folder = tmp_path / "clone"
    assert fresh.job() == [0, 0, 0, 0]
    assert "ganbench check: identical" in fresh.summary.read_text()
    assert fresh.bash('test -z "$(git status --porcelain)"') == 0

    def fail() -> None:
        """As a run whose last cell ended in `error` leaves it."""
        table = fresh.folder / "out" / "gate" / "cells.csv"
        lines = table.read_text().splitlines(keepends=True)
        table.write_text("".join([*lines[:-1], lines[-1].replace(",ok,", ",error,")]))

    fresh.summary.unlink()
    assert fresh.job(fail) == [0, 1, 1, 0]
    assert "1 of 3 cells failed" in fresh.summary.read_text()

    # A grid that cannot be run leaves nothing to check, and the summary says so.
    shutil.rmtree(fresh.folder / "out")
    (fresh.folder / "gate.toml").write_text("name = ")
    fresh.summary.unlink()
    assert fresh.job() == [0, 2, 2, 0]
    assert "bad input" in fresh.summary.read_text()
    capsys.readouterr()


def test_the_gates_requirements_are_the_versions_of_now() -> None:
    lines = [line for line in block("text", "# requirements.txt\n").splitlines() if not line.startswith("#")]
    wanted = {(found := Requirement(line)).name: found.specifier for line in lines}
    assert wanted["ganbench"].contains(ganbench_version())
    constraints = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["tool"]["uv"]
    assert f"torch{wanted['torch']}" in constraints["constraint-dependencies"]


def test_the_gates_error_rates_are_those_that_were_measured() -> None:
    with (Path(__file__).parent.parent / "results" / "check-pool" / "error-rates.csv").open() as stream:
        rows = {
            row["loss"]: row for row in csv.DictReader(stream) if (row["seeds"], row["family"]) == ("8", "1")
        }
    shown = " ".join(README.split())
    assert f"{float(rows['0']['regression']):.1%} of 1,000 checks of equal runs say `regression`" in shown
    assert f"and {float(rows['2']['regression']):.0%} find a loss of two" in shown


def test_every_path_exists() -> None:
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in path:
            assert (Path(__file__).parent.parent / path).exists(), path


def test_its_figures_are_those_of_the_stored_results() -> None:
    results = Path(__file__).parent.parent / "results"
    with (results / "fashion-mnist-2000" / "comparison.csv").open() as stream:
        rows = {row["metric"]: row for row in csv.DictReader(stream)}
    fid = rows["fid"]
    figures = f"fid is {float(fid['mean_baseline']):.3g} against {float(fid['mean_value']):.3g} of"
    assert figures in " ".join(README.split())
    assert "non_saturating better" in fid["verdict"]
    with (results / "quickstart" / "comparison.csv").open() as stream:
        assert "minimax better" in next(
            row["verdict"] for row in csv.DictReader(stream) if row["metric"] == "fid"
        )
    with (results / "super-resolution" / "comparison.csv").open() as stream:
        rows_by_weight = {(row["value"], row["metric"]): row for row in csv.DictReader(stream)}
    weights = ("srgan[weight=0.0003]", "srgan", "srgan[weight=0.003]")
    better = [
        [rows_by_weight[weight, metric]["better"] for weight in weights]
        for metric in ("psnr", "sr_sharpness")
    ]
    assert better == [["sr_pixel"] * 3, [*weights[:2], ""]]
