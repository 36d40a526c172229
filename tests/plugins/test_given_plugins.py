"""Plugins without a package: a file, or a module, given to one command or call."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_site import FakeSite
from in_process import InProcess
from safetensors.torch import load_file

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog, plugins_given
from ganbench.errors import CatalogError, GanbenchError, GridError
from ganbench.execution import (
    EXECUTORS,
    Interrupted,
    LocalExecutor,
    Plan,
    PlannedCell,
    plan_run,
    plan_verification,
)
from ganbench.execution.worker import main as work
from ganbench.grid import read_grid
from ganbench.runner import CellResult
from ganbench.store import Store

PLUGIN = """
from dataclasses import dataclass

from ganbench import LossSpec, MetricSpec, hookimpl


@dataclass
class Squares:
    target: float = 1.0

    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (real - self.target).square().mean() + fake.square().mean()

    def generator_loss(self, game):
        return (game.score(game.fake) - self.target).square().mean()


class Reach:
    needs = "samples"
    minimum = 2

    def __call__(self, generated, reference, dataset):
        return {"reach": float(generated.x.abs().max())}


@hookimpl
def ganbench_losses():
    yield LossSpec(name="squares", build=Squares)


@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="reach", build=Reach, directions={"reach": "higher"})
"""
GRID = """
name = "given"
seeds = 1
[axes]
dataset = ["gaussian_ring"]
architecture = [{ name = "mlp", generator_widths = [8], discriminator_widths = [8], noise = 4 }]
loss = ["squares"]
[train]
steps = 12
batch_size = 16
[score]
metrics = ["reach"]
samples = 64
every = 4
"""


@pytest.fixture
def folder(in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a plugin and a grid that needs it; cells run in this process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "grid.toml").write_text(GRID)
    return tmp_path


def run(out: Path, plugin: Any = "mine.py", **options: Any) -> dict[str, Any]:
    """Run the grid; returns the record of its cell."""
    results = ganbench.run("grid.toml", out, executor=InProcess(), plugins=[plugin], **options)
    (cell,) = results.cells.to_dict("records")
    assert cell["status"] == "ok", cell["reason"]
    return Store(out).cell(cell["cell"])


def weights(out: Path) -> dict[str, torch.Tensor]:
    (path,) = out.glob("cells/*/generator.safetensors")
    return load_file(path)


def problems_of(plugin: Any) -> tuple[str, ...]:
    with pytest.raises(CatalogError) as caught, plugins_given([plugin]):
        pass
    return caught.value.problems


@pytest.mark.slow
def test_a_run_names_the_file_in_record_and_environment(folder: Path) -> None:
    record = run(folder / "out")
    (digest,) = {facts["sha256"] for facts in record["plugins"].values()}
    assert record["plugins"] == {"mine.py": {"path": "mine.py", "sha256": digest}}
    assert record["environment"]["plugins"] == {"mine.py": {"version": "given", "digest": digest}}
    assert len(digest) == 64
    rows = Store(folder / "out").scores(record["cell"])
    assert {row["metric"] for row in rows} == {"reach"}
    # Nothing of it stays in the catalog, and no bytecode beside it.
    assert not load_catalog().find("squares")
    assert not load_catalog().given
    assert sorted(path.name for path in folder.iterdir()) == ["grid.toml", "mine.py", "out"]


@pytest.mark.slow
def test_the_same_file_elsewhere_is_the_same_environment_and_a_changed_one_is_stale(folder: Path) -> None:
    record = run(folder / "out")
    (folder / "elsewhere").mkdir()
    shutil.move("mine.py", "elsewhere/mine.py")
    grid = read_grid("grid.toml", load_catalog(plugins=["elsewhere/mine.py"]))
    plan, _ = plan_run(grid, folder / "out", plugins=["elsewhere/mine.py"])
    assert [planned.action for planned in plan.cells] == ["keep"]
    assert plan.cells[0].environment.hash == record["environment"]["hash"]

    (folder / "mine.py").write_text(PLUGIN + "\n# changed\n")
    with pytest.raises(GridError, match=r"another environment: mine\.py: source changed \(1 cell\)"):
        run(folder / "out")
    again = run(folder / "out", rerun="stale")
    assert again["environment"]["hash"] != record["environment"]["hash"]
    (folder / "other.py").write_text(PLUGIN)
    with pytest.raises(GridError, match=r"mine\.py given -> absent .*; other\.py absent -> given"):
        run(folder / "out", "other.py")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_bits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder / "whole")
    stops = 0
    while True:
        executor = InProcess()
        monkeypatch.setattr(InProcess, "between", staticmethod(executor.stop))
        try:
            ganbench.run("grid.toml", folder / "parts", executor=executor, plugins=[Path("mine.py")])
            break
        except Interrupted:
            stops += 1
    assert stops == 2
    whole, parts = weights(folder / "whole"), weights(folder / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.slow
def test_workers_import_it_and_verify_runs_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = run(folder / "here")
    monkeypatch.setitem(EXECUTORS, "local", LocalExecutor)
    assert main(["run", "grid.toml", "--out", "out", "--jobs", "1", "--plugin", "mine.py", "-q"]) == 0
    there = Store(folder / "out").cell(here["cell"])
    assert (there["weights"], there["plugins"]) == (here["weights"], here["plugins"])
    capsys.readouterr()
    assert main(["verify", "out", "--jobs", "1", "--plugin", "mine.py"]) == 0
    assert "The one cell is bit-identical" in capsys.readouterr().out


@pytest.mark.slow
def test_a_worker_by_hand_and_the_other_commands_take_it_and_name_it_where_it_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = run(folder / "out")["cell"]
    shutil.move("mine.py", "moved.py")
    missing = "out: its cells were made with --plugin mine.py; give it again\n"
    for command in (
        ["verify", "out"],
        ["sample", "out", cell],
        ["run", "grid.toml", "--out", "out"],
    ):
        assert main(command) == 2
        assert capsys.readouterr().err.endswith(missing), command
    assert work(["out", cell]) == 2
    assert capsys.readouterr().err.endswith(missing)
    # Tables need no plugin.
    assert main(["report", "out"]) == 0
    assert main(["check", "out", "--baseline", "out"]) == 0
    capsys.readouterr()

    shutil.move("moved.py", "mine.py")
    given = ["--plugin", "mine.py"]
    assert work(["out", cell, *given]) == 0
    assert main(["sample", "out", cell, "--out", "samples.npz", "--count", "4", *given]) == 0
    assert main(["report", "out", *given]) == 0
    assert main(["check", "out", "--baseline", "out", *given]) == 0
    capsys.readouterr()
    assert main(["list", "losses", *given]) == 0
    assert "squares" in capsys.readouterr().out
    assert main(["show", "squares", *given]) == 0
    assert "--plugin mine.py" in capsys.readouterr().out


@pytest.mark.slow
def test_check_names_it_where_the_grid_has_thresholds(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "grid.toml").write_text(GRID + '[check]\nreach = "5%"\n')
    run(folder / "out")
    assert main(["check", "out", "--baseline", "out"]) == 2
    assert "out: its cells were made with --plugin mine.py; give it again" in capsys.readouterr().err
    assert main(["check", "out", "--baseline", "out", "--plugin", "mine.py"]) == 0


@pytest.mark.slow
def test_a_default_folder_is_looked_into_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "grid.toml", "--plugin", "mine.py", "-q"]) == 0
    capsys.readouterr()
    assert main(["run", "grid.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    beside = "; mine.py beside the grid defines it; add --plugin mine.py"
    assert all(line.endswith(beside) for line in lines[:-1])
    assert lines[-1].endswith("results/given: its cells were made with --plugin mine.py; give it again")


@pytest.mark.slow
def test_a_module_or_its_name_does_too(
    folder: Path, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = fake_site.folder / "fake_fake_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "losses.py").write_text(PLUGIN)
    (package / "numbers.py").write_text("one = 1\n")
    name = "fake_fake_package.losses"
    record = run(folder / "out", name)
    assert list(record["environment"]["plugins"]) == [name]
    module = sys.modules[name]
    with plugins_given([module]) as catalog:
        (given,) = catalog.given
    assert given.digest == record["plugins"][name]["sha256"]
    (package / "numbers.py").write_text("one = 2\n")
    with pytest.raises(GridError, match=r"fake_fake_package\.losses: source changed"):
        run(folder / "out", module)


def test_two_plugins_of_one_name_are_both_named(folder: Path, fake_site: FakeSite) -> None:
    fake_site.install_loss("fake-squares", "squares")
    load_catalog(refresh=True)
    (line,) = problems_of("mine.py")
    assert line == (
        "--plugin mine.py: clash: loss 'squares' is provided by fake-squares 1.0 (fake-squares:plugin) and "
        "--plugin mine.py; uninstall fake-squares, or block it with GANBENCH_DISABLE_PLUGINS"
    )
    (folder / "twin.py").write_text(PLUGIN)
    fake_site.folder.joinpath("fake_squares-1.0.dist-info/entry_points.txt").unlink()
    load_catalog(refresh=True)
    with pytest.raises(CatalogError) as caught, plugins_given(["mine.py", "twin.py"]):
        pass
    assert len(caught.value.problems) == 1
    assert "--plugin mine.py and --plugin twin.py" in caught.value.problems[0]
    (folder / "mine.py").write_text(PLUGIN.replace('"squares"', '"minimax"'))
    (line,) = problems_of("mine.py")
    assert "loss 'minimax' is provided by ganbench" in line


def test_what_is_given_is_read_whatever_is_disabled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DISABLE_PLUGINS", "mine.py,mine")
    with plugins_given(["mine.py", folder / "mine.py", "./mine.py"]) as catalog:
        assert catalog.entry("loss", "squares").plugin.given == "mine.py"
        assert len(catalog.given) == 1


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = (\n", "--plugin bad.py: import failed: SyntaxError: '(' was never closed (bad.py, line 1)"),
        ("\nx = 1 / 0\n", "--plugin bad.py: import failed: ZeroDivisionError: division by zero (bad.py:2)"),
        ("x = 1\n", "--plugin bad.py: it implements no hook of ganbench (is @hookimpl missing?)"),
        (
            "from ganbench import hookimpl\n@hookimpl\ndef ganbench_losses():\n    yield nothing\n",
            "--plugin bad.py: ganbench_losses failed: NameError: name 'nothing' is not defined (bad.py:4)",
        ),
        (
            "import json\nimport mine\n",
            "--plugin bad.py: imports 'mine', which lies beside it (bad.py:2); a plugin of a single file "
            "stands alone: put both into one file, or install them as a package",
        ),
        (
            "from . import mine\n",
            "--plugin bad.py: has a relative import (bad.py:1); a plugin of a single file stands alone: put "
            "both into one file, or install them as a package",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], source: str, told: str
) -> None:
    (folder / "bad.py").write_text(source)
    assert main(["run", "grid.toml", "--out", "out", "--plugin", "bad.py"]) == 2
    assert capsys.readouterr().err == f"ganbench: error: {told}\n"
    assert not (folder / "out").exists()


def test_what_is_no_file_is_one_line(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "mine.py").write_text(PLUGIN)
    (folder / "text.txt").write_text("")
    for given, told in {
        "none.py": "there is no such file",
        "mine": "there is no such file or module; did you mean mine.py?",
        "sub": "is a folder; give one file, or the name of an importable package",
        "text.txt": "is no Python file, whose name ends in .py",
    }.items():
        assert problems_of(given) == (f"--plugin {given}: {told}",)
    with pytest.raises(CatalogError, match=r"--plugin sub/mine\.py: --plugin mine\.py has the same name"):
        load_catalog(plugins=["mine.py", "sub/mine.py"])
    with pytest.raises(CatalogError, match=r"plugins: must be a list, as \['mine\.py'\]"):
        load_catalog(plugins="mine.py")


def test_what_is_in_main_is_refused_with_the_way_out(folder: Path) -> None:
    def loss() -> None: ...

    loss.__module__ = "__main__"
    for given in (loss, sys.modules["__main__"], "__main__"):
        (line,) = problems_of(given)
        assert "__main__" in line
        assert line.endswith(
            "put it into a file and give that file: plugins=['my_loss.py'], or --plugin my_loss.py"
        )
    (line,) = problems_of(7)
    assert line.startswith("plugins: must be files or modules, given 7; ")


def test_a_file_beside_the_grid_is_named_for_its_kind_alone(folder: Path) -> None:
    (folder / "mine.py").rename(folder / "broken_else.py")
    (folder / "unread.py").write_text("import ganbench\n'squares' (\n")
    (folder / "grid.toml").write_text(GRID.replace('"reach"', '"squares"'))
    with pytest.raises(GanbenchError) as caught:
        read_grid("grid.toml", load_catalog())
    loss, metric = caught.value.problems
    assert "axes.loss[0]: unknown loss 'squares'" in loss
    assert loss.endswith("; broken_else.py beside the grid defines it; add --plugin broken_else.py")
    assert "score.metrics[0]: unknown metric 'squares'" in metric
    assert "beside the grid" not in metric


class Nowhere(InProcess):
    """Runs nothing: the folder is laid out."""

    def run(self, *_: object) -> Generator[CellResult, None, None]:
        yield from ()


def test_a_file_that_is_changed_after_the_plan_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ganbench.run("grid.toml", folder / "out", executor=Nowhere(), plugins=["mine.py"])
    (cell,) = Store(folder / "out").cell_ids()
    (folder / "mine.py").write_text(PLUGIN + "# changed\n")
    assert work(["out", cell, "--plugin", "mine.py"]) == 2
    assert "planned for another environment: mine.py: source changed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_that_is_gone_when_a_worker_wants_it_is_the_cells_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Removes:
        def planned(self, plan: Plan) -> None:
            (folder / "mine.py").unlink()

        def event(self, event: Mapping[str, Any]) -> None: ...

        def finished(self, planned: PlannedCell, result: CellResult) -> None: ...

    monkeypatch.setitem(EXECUTORS, "local", LocalExecutor)
    results = ganbench.run("grid.toml", folder / "out", jobs=1, listener=Removes(), plugins=["mine.py"])
    (cell,) = results.cells.to_dict("records")
    assert (cell["status"], cell["reason"]) == (
        "error",
        f"--plugin {folder / 'mine.py'}: there is no such file",
    )


@pytest.mark.slow
def test_a_verification_holds_its_plugins(folder: Path) -> None:
    run(folder / "out")
    plan = plan_verification(folder / "out", plugins=["mine.py"])
    assert [plugin.name for plugin in plan.shared.catalog.given] == ["mine.py"]
