"""The pytest plugin, in projects that have only their grid and a baseline."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import ganbench

GRID = """
name = "small"
seeds = 3

[axes]
dataset = ["gaussian_ring"]
architecture = ["mlp"]
loss = ["non_saturating"]

[train]
steps = 3
batch_size = 16

[score]
metrics = ["mmd"]
samples = 50
every = 0

[check]
mmd = 0.05
"""
# As a user's project has it; nothing of this one's.
SETTINGS = """
[pytest]
addopts = --strict-markers
filterwarnings = error
"""


@pytest.fixture(scope="module")
def baseline(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "grid.toml").write_text(GRID)
    return ganbench.run(folder / "grid.toml", folder / "baseline", jobs=1).path


@pytest.fixture
def project(pytester: pytest.Pytester, baseline: Path) -> pytest.Pytester:
    """A folder with a grid, a baseline of tables alone, and `out`, where the grid was run already."""
    pytester.makefile(".ini", pytest=SETTINGS)
    pytester.makefile(".toml", grid=GRID)
    shutil.copytree(baseline, pytester.path / "out")
    folder = pytester.path / "baseline"
    folder.mkdir()
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(baseline / name, folder)
    return pytester


def change(folder: Path, values: Sequence[float]) -> None:
    """Give the cells of a baseline other weights, and these scores."""
    _replace(folder / "cells.csv", "weights", [f"{index:064x}" for index in range(len(values))])
    _replace(folder / "scores.csv", "value", list(map(str, values)))


def _replace(path: Path, column: str, texts: Sequence[str]) -> None:
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(texts)
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, column: text} for row, text in zip(rows, texts, strict=True))


@pytest.mark.slow
def test_a_marked_test_passes_while_nothing_is_worse(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.ganbench(grid="grid.toml", baseline="baseline", jobs=1)
        def test_samples_are_no_worse(ganbench_run):
            # The body sees the results of the very run that was checked.
            assert set(ganbench_run().cells["status"]) == {"ok"}
        """
    )
    result = project.runpytest("-rA")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*identical: *baseline*", "all 3 cells are bit-identical to the baseline's"])


@pytest.mark.slow
def test_paths_are_relative_to_the_test_s_file_where_they_are_there(project: pytest.Pytester) -> None:
    # A grid and a baseline of the same names lie in pytest's root, and are another package's.
    package = project.mkpydir("package")
    (project.path / "baseline").rename(package / "baseline")
    (project.path / "grid.toml").rename(package / "grid.toml")
    (project.path / "grid.toml").write_text("not a grid")
    (project.path / "baseline").mkdir()
    (package / "test_samples.py").write_text(
        """
import pytest

@pytest.mark.ganbench(grid="grid.toml", baseline="baseline", out="out", jobs=1)
def test_samples_are_no_worse(ganbench_run):
    assert ganbench_run.results.path.resolve().parent.name != "package"
"""
    )
    project.runpytest("-rA").assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_marked_test_fails_with_the_text_of_the_check(project: pytest.Pytester) -> None:
    change(project.path / "baseline", (-5, -5.01, -5.02))
    project.makepyfile(
        """
        import pytest, unittest

        MARK = pytest.mark.ganbench(grid="grid.toml", baseline="baseline", out="out", jobs=1)

        @MARK
        def test_function():
            raise AssertionError("the body must not run")

        class TestClass:
            @MARK
            def test_method(self): ...

        class TestUnit(unittest.TestCase):
            @MARK
            def test_method(self): ...
        """
    )
    result = project.runpytest()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "regression: *out against *baseline",
            "regression  gaussian_ring, mlp: mmd -5.01 -> *worse by*",
            "3 of 3 cells have other weights in the same environment: what is trained has changed",
        ]
    )
    result.stdout.no_fnmatch_line("*body must not run*")


@pytest.mark.slow
def test_the_fixture_runs_any_grid(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_it_trains(ganbench_run):
            results = ganbench_run("grid.toml", overrides=["seeds=1"], jobs=1)
            assert len(results.cells) == 1
            assert ganbench_run() is results

        def test_it_needs_a_grid(ganbench_run):
            ganbench_run()
        """
    )
    result = project.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*TypeError: ganbench_run needs a grid where the test has no marker*"])


@pytest.mark.slow
def test_what_is_inconclusive_fails_unless_it_is_told_to_pass(project: pytest.Pytester) -> None:
    change(project.path / "baseline", (-5, 0, 5))
    project.makepyfile(
        """
        import pytest

        GIVEN = {"grid": "grid.toml", "baseline": "baseline", "out": "out", "jobs": 1}

        @pytest.mark.ganbench(**GIVEN)
        def test_strict(): ...

        @pytest.mark.ganbench(**GIVEN, inconclusive_passes=True)
        def test_lenient(): ...
        """
    )
    result = project.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["inconclusive  gaussian_ring, mlp: mmd *no number of new seeds can settle it*"]
    )


@pytest.mark.slow
def test_bad_input_is_one_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.ganbench(grid="gird.toml", baseline="baseline")
        def test_grid(): ...

        @pytest.mark.ganbench(grid="grid.toml", baseline="nowhere", out="untouched", jobs=1)
        def test_baseline(): ...

        @pytest.mark.ganbench(grid="grid.toml", baseline="baseline", out="untouched", alpha=2)
        def test_alpha(): ...

        @pytest.mark.ganbench(grid="grid.toml", baseline="baseline", out="untouched", metrics=["mdm"])
        def test_metrics(): ...

        @pytest.mark.ganbench(grid="grid.toml", baseline="baseline", tolerance="much")
        def test_tolerance(): ...

        @pytest.mark.ganbench(grid="grid.toml")
        def test_arguments(): ...
        """
    )
    result = project.runpytest()
    result.assert_outcomes(failed=6)
    # Nothing is trained for a check that cannot be made.
    assert not (project.path / "untouched").exists()
    result.stdout.fnmatch_lines(
        [
            f"'gird.toml' is neither a file nor a bundled grid (looked in {project.path})*",
            "*nowhere: no such folder; expected a results folder made by `ganbench run`",
            "--alpha: must be above 0 and below 0.5, given 2",
            "--metric: *baseline has no score 'mdm'; did you mean 'mmd'[?]",
            "tolerance: must be a share of the baseline's mean such as '5%'*given 'much'",
            "@pytest.mark.ganbench: missing a required argument: 'baseline'; it is ganbench(grid, baseline*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_it_costs_nothing_until_used() -> None:
    code = (
        "import sys, ganbench.pytest_plugin; "
        "print([name for name in ('torch', 'pandas', 'numpy', 'pydantic', 'scipy', 'ganbench.regression', "
        "'ganbench.execution', 'ganbench.grid') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_pytest_finds_it_by_itself_and_knows_the_marker(project: pytest.Pytester) -> None:
    result = project.runpytest("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.ganbench(grid, baseline, *"])
