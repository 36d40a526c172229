"""Optimizers of the package pytorch-optimizer, wrapped as a plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broken_plugins import RING, TINY
from interrupted_cells import differing, trained
from parts_here import parts

from ganbench.__main__ import main
from ganbench.catalog import load_catalog, plugins_given
from ganbench.errors import GridError
from ganbench.execution import plan_run
from ganbench.grid import Grid, read_grid
from ganbench.runner.build import build_trainer

PLUGIN = '''
from typing import Annotated

from annotated_types import Ge

from ganbench import OptimizerSpec, hookimpl


def lion(
    parameters,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.99),
    weight_decay: Annotated[float, Ge(0)] = 0.0,
    weight_decouple: bool = True,
):
    """Lion (Chen et al., 2023)."""
    from pytorch_optimizer import Lion

    return Lion(parameters, lr, betas=betas, weight_decay=weight_decay, weight_decouple=weight_decouple)


def adabelief(parameters, lr: float, betas: tuple[float, float] = (0.5, 0.999), rectify: bool = False):
    """AdaBelief (Zhuang et al., 2020)."""
    from pytorch_optimizer import AdaBelief

    return AdaBelief(parameters, lr, betas=betas, rectify=rectify)


@hookimpl
def ganbench_optimizers():
    yield OptimizerSpec(name="lion", build=lion, summary="Steps of one size, by the sign of a momentum")
    yield OptimizerSpec(name="adabelief", build=adabelief, summary="Steps divided by the gradient's surprise")
'''


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "collection.py"
    path.write_text(PLUGIN)
    with plugins_given([path]):
        yield path


def read(*overrides: str, axes: Any = None, **train: Any) -> Grid:
    table = {
        "name": "collection",
        "seeds": 1,
        "axes": {"dataset": [RING], "architecture": [TINY], "loss": ["non_saturating"], **(axes or {})},
        "train": {"steps": 20, "batch_size": 8, **train},
    }
    return read_grid(table, load_catalog(), overrides)


@pytest.mark.slow
def test_they_train_and_go_on_to_the_same_bits() -> None:
    grid = read(
        d_optimizer={"name": "lion", "lr": 1e-3, "weight_decay": 0.1, "weight_decouple": False},
        g_optimizer={"name": "adabelief", "rectify": True},
        schedule="cosine",
        axes={"train.update": ["alternating", "extragradient"]},
    )
    for cell in grid.cells:
        whole = trained(cell)
        assert not differing(trained(cell, stops=(5, 13)), whole)
        moments = {name.rpartition(".")[2] for name in whole if "optimizer" in name}
        assert {"exp_avg", "exp_avg_var"} <= moments


def test_its_package_is_imported_only_where_one_is_built(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # With this entry, an import is an error.
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    assert main(["list", "optimizers", "--plugin", str(given)]) == 0
    assert main(["show", "lion", "--plugin", str(given)]) == 0
    assert "weight_decouple" in capsys.readouterr().out
    plan, _ = plan_run(read(optimizer="adam"), tmp_path / "out")
    assert [planned.action for planned in plan.cells] == ["train"]
    with pytest.raises(GridError, match="import of pytorch_optimizer halted"):
        plan_run(read(optimizer="lion"), tmp_path / "out")


def test_its_own_options_have_dotted_keys() -> None:
    axes = {"train.optimizer.weight_decouple": [True, False], "train.d_optimizer.weight_decay": [0.0, 0.1]}
    grid = read(axes=axes, optimizer="lion")
    found = {tuple(sorted(cell.train.d_optimizer.changed().items())) for cell in grid.cells}
    assert found == {
        (("name", "lion"), *own)
        for own in (
            (),
            (("weight_decay", 0.1),),
            (("weight_decouple", False),),
            (("weight_decay", 0.1), ("weight_decouple", False)),
        )
    }
    (cell,) = read("train.optimizer.weight_decouple=false", optimizer="lion").cells
    assert cell.train.g_optimizer.changed() == {"name": "lion", "weight_decouple": False}
    (axis,) = read("axes.train.optimizer.rectify=[true]", optimizer="adabelief").axes[-1:]
    assert (axis.key, axis.values) == ("train.optimizer.rectify", (True,))


RAMPS: dict[str, Any] = {
    "d_optimizer.betas.1": {"name": "linear", "from": 0.9, "to": 0.99},
    "optimizer.weight_decay": {"name": "cosine", "from": 0.1, "to": 0.0, "until": 0.5},
    "g_optimizer.lr": {"name": "linear", "to": 0.0},
}


@pytest.mark.slow
def test_its_own_options_change_by_schedules_and_go_on_to_the_same_bits() -> None:
    (cell,) = read(optimizer="lion", schedules=RAMPS).cells
    assert cell.train.schedules is not None
    assert cell.train.schedules["d_optimizer.weight_decay"].start == 0.1
    whole = trained(cell)
    assert not differing(trained(cell, stops=(5, 13)), whole)
    (plain,) = read(optimizer="lion").cells
    assert differing(trained(plain), whole)
    # A group has what its schedule says, and what it says nothing of stays.
    trainer = build_trainer(parts(cell))
    trainer.advance(11)
    found = [learner.optimizer.param_groups[0] for learner in trainer.seed_runs[0].step.learners.values()]  # type: ignore[union-attr]
    assert [group["betas"] for group in found] == [(0.9, pytest.approx(0.945)), (0.9, 0.99)]
    assert [group["weight_decay"] for group in found] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("key", "ramp", "line"),
    [
        (
            "optimizer.weight_dekay",
            {"to": 0.0},
            "has no 'weight_dekay' that is a number; did you mean 'weight_decay'?",
        ),
        ("optimizer.weight_decouple", {"to": 0.0}, "has no 'weight_decouple' that is a number"),
        ("optimizer.betas.2", {"to": 0.0}, "has no 'betas.2' that is a number"),
        ("optimizer.weight_decay", {"to": -1.0}, "weight_decay must be at least 0, given -1.0"),
        ("optimizer", {"to": 0.0}, "must name an option of it, such as optimizer.lr"),
    ],
)
def test_schedules_that_it_cannot_have_are_named(key: str, ramp: dict[str, float], line: str) -> None:
    with pytest.raises(GridError) as caught:
        read(optimizer="lion", schedules={key: {"name": "linear", **ramp}})
    (problem,) = caught.value.problems
    assert line in problem


def test_a_schedule_of_what_no_group_has_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "bare.py"
    source = PLUGIN.replace('"lion"', '"bare"').replace('"adabelief"', '"other"')
    path.write_text(
        source.replace("weight_decay=weight_decay, ", "").replace(
            "return Lion(", "return __import__('torch').optim.SGD(parameters, lr)\n    return Lion("
        )
    )
    with plugins_given([path]):
        grid = read(optimizer="bare", schedules={"d_optimizer.betas.0": {"name": "linear", "to": 0.5}})
        with pytest.raises(GridError, match=r"optimizer 'bare' .*: has no 'betas' in its param_groups"):
            plan_run(grid, tmp_path / "out")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("train.optimizer.weight_decuple=true", "no setting 'train.optimizer.weight_decuple'; did you mean"),
        (
            "train.optimizer.weight_decouple=3",
            "weight_decouple: must be true or false, given 3",
        ),
        ("train.optimizer.rectify=true", "lion has no option 'rectify'"),
        ("train.optimizer.weight_decay=-1", "train.optimizer.weight_decay: must be "),
    ],
)
def test_wrong_ones_are_named(override: str, line: str) -> None:
    with pytest.raises(GridError) as caught:
        read(override, optimizer="lion")
    assert any(line in problem for problem in caught.value.problems), caught.value.problems


def test_a_file_beside_the_grid_that_defines_one_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from ganbench import OptimizerSpec, UpdateSpec, hookimpl\n"
        "OptimizerSpec(name='mine', build=None)\nUpdateSpec(name='own_rule', build=None)\n"
    )
    (folder / "grid.toml").write_text(
        'name = "a"\nseeds = 1\n[axes]\ndataset = ["digits"]\narchitecture = ["mlp"]\nloss = ["minimax"]\n'
        '[train]\noptimizer = "mine"\nupdate = "own_rule"\n'
    )
    with pytest.raises(GridError) as caught:
        read_grid(folder / "grid.toml", load_catalog())
    hint = f"; mine.py beside the grid defines it; add --plugin {folder / 'mine.py'}"
    problems = caught.value.problems
    assert len(problems) == 2
    assert all(problem.endswith(hint) for problem in problems)
