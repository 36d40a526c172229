"""Axis values: names with options, options that multiply, settings."""

from __future__ import annotations

import pytest

from ganbench.grid import Choice


def labels(grid, axis):
    return next(each.labels for each in grid.axes if each.key == axis)


def test_a_list_for_a_scalar_option_multiplies_and_several_do_as_a_product(read, table):
    table["axes"]["architecture"] = [
        "mlp",
        {"name": "dcgan", "channels": [32, 64], "norm": ["batch", "none"]},
    ]
    assert labels(read(table), "architecture") == (
        "mlp",
        "dcgan[channels=32]",
        "dcgan[channels=32,norm=none]",
        "dcgan",
        "dcgan[norm=none]",
    )


def test_a_list_for_an_option_that_is_a_list_is_one_value_and_a_list_of_lists_multiplies(read, table):
    table["axes"]["architecture"] = [{"name": "mlp", "layers": [8, 8, 8]}]
    assert labels(read(table), "architecture") == ("mlp[layers=[8,8,8]]",)
    table["axes"]["architecture"] = [{"name": "mlp", "layers": [[8], [8, 8]], "width": [1, 2]}]
    assert labels(read(table), "architecture") == (
        "mlp[layers=[8],width=1]",
        "mlp[layers=[8],width=2]",
        "mlp[layers=[8,8],width=1]",
        "mlp[layers=[8,8],width=2]",
    )


@pytest.mark.parametrize(
    ("axis", "values", "twice"),
    [
        ("loss", ["minimax", "minimax"], "minimax"),
        ("loss", ["minimax", {"name": "minimax"}], "minimax"),
        ("architecture", ["dcgan", {"name": "dcgan", "channels": 64}], "dcgan"),
        ("architecture", ["mlp", {"name": "mlp", "layers": [32, 32]}], "mlp"),
        ("penalty", [{"name": "r1", "weight": 1}, {"name": "r1", "weight": 1.0}], "r1[weight=1.0]"),
        ("penalty", [{"name": "r1", "weight": [1, 1.0]}], "r1[weight=1.0]"),
        ("train.steps", [5, 5], "5"),
        ("train.ema", [0, 0.0], "0.0"),
        ("train.ema", [-0.0, 0.0], "0.0"),
        ("train.optimizer", ["sgd", {"name": "sgd"}], "sgd"),
        ("score.metrics", [["fid"], [{"name": "fid"}]], "[{"),
    ],
)
def test_a_duplicate_is_refused_however_it_is_spelt(problems, table, axis, values, twice):
    table["axes"][axis] = values
    (line,) = problems(table)
    assert f"has '{twice}" in line
    assert "twice" in line


@pytest.mark.parametrize(
    ("axis", "values", "expected"),
    [
        ("loss", [], "axes.loss: must be a list of at least one value, given []"),
        ("loss", "minimax", "axes.loss: must be a list of at least one value, given 'minimax'"),
        ("loss", [3], "axes.loss[0]: must be a name, or a table"),
        ("loss", [{"clip": 1}], "axes.loss[0]: must be a name, or a table"),
        ("loss", [{"name": ["minimax"]}], "axes.loss[0]: must be a name, or a table"),
        ("loss", [{"name": "minimax", "clip": 1}], "axes.loss[0].clip: loss 'minimax' has no option 'clip'"),
        ("loss", [{"name": "wasserstein", "clip": True}], "axes.loss[0].clip: must be a float"),
        ("loss", [{"name": "wasserstein", "clip": []}], "axes.loss[0].clip: must be a float"),
        (
            "loss",
            [{"name": "wasserstein", "clip": [0.1, "x"]}],
            "axes.loss[0].clip: must be a float, given 'x'",
        ),
        ("architecture", [{"name": "mlp", "layers": [1, "x"]}], "axes.architecture[0].layers: must be"),
        ("dataset", ["folder"], "axes.dataset[0]: dataset 'folder' needs the option 'path'"),
        ("dataset", ["minimax"], "axes.dataset[0]: unknown dataset 'minimax'; there is a loss of that name"),
        ("los", ["minimax"], "axes.los: no axis or setting is named 'los'; did you mean 'loss'?"),
        ("train.stps", [1], "did you mean 'train.steps'?"),
        ("train.steps", [0], 'axes."train.steps"[0]: must be a whole number'),
        ("train.steps", [[1, 2]], 'axes."train.steps"[0]: must be a whole number'),
        ("train.optimizer.lr", [-1], 'axes."train.optimizer.lr"[0]: must be a number above 0'),
        ("train.optimizer", [{"lr": [1, 2]}], 'axes."train.optimizer"[0].lr: must be'),
        ("train.optimizer", [{}], 'axes."train.optimizer"[0]: must say something, given {}'),
        ("train.checkpoint_seconds", [1], "cannot be an axis"),
        (
            "score.extractor",
            ["tin"],
            "axes.\"score.extractor\"[0]: unknown extractor 'tin'; did you mean 'tiny'?",
        ),
    ],
)
def test_a_wrong_axis_is_named(problems, table, axis, values, expected):
    table["axes"][axis] = values
    lines = problems(table)
    assert any(expected in line for line in lines), lines


def test_settings_vary_as_the_axes_say(read, table):
    table["axes"] |= {
        "train.optimizer.lr": [1, 0.5],
        "train.d_optimizer": ["rmsprop", {"name": "sgd", "momentum": 0.5}],
        "score.samples": [10, 20],
        "train.g_optimizer.betas": [[0, 0.9]],
    }
    table["seeds"] = 1
    grid = read(table)
    cell = grid.cells[2]
    assert list(cell.varied.items()) == [
        ("train.optimizer.lr", 1.0),
        ("train.d_optimizer", "sgd[momentum=0.5]"),
        ("score.samples", 10),
        ("train.g_optimizer.betas", "[0.0,0.9]"),
    ]
    assert cell.train.g_optimizer.options()["lr"] == 1.0
    assert cell.train.g_optimizer.options()["betas"] == (0.0, 0.9)
    # Another optimizer brings its own defaults, not the other's learning rate.
    assert cell.train.d_optimizer.options()["lr"] == 2e-4
    assert cell.train.d_optimizer.options()["momentum"] == 0.5
    assert cell.score.samples == 10
    assert labels(grid, "train.d_optimizer") == ("rmsprop", "sgd[momentum=0.5]")


def test_a_dotted_axis_needs_no_quotes(read, table):
    table["axes"]["train"] = {"optimizer": {"lr": [1e-3, 1e-4]}}
    assert {cell.varied["train.optimizer.lr"] for cell in read(table).cells} == {1e-3, 1e-4}


def test_axes_of_the_same_setting_are_refused(problems, table):
    table["axes"] |= {"train.optimizer": ["sgd"], "train.optimizer.lr": [1]}
    (line,) = problems(table)
    assert line == 'grid: axes."train.optimizer.lr": speaks of the same setting as the axis train.optimizer'


def test_an_axis_on_which_nothing_depends_is_refused(problems, table):
    table["train"] |= {"d_optimizer": {"lr": 1}, "g_optimizer": {"name": "sgd"}}
    table["axes"]["train.optimizer.lr"] = [1e-3, 1e-4]
    (line,) = problems(table)
    assert line.startswith('grid: axes."train.optimizer.lr": 0.001 and 0.0001 train alike')


def test_the_optimizer_is_named_where_an_option_does_not_go_with_it(problems, table):
    table["axes"] |= {"train.optimizer.name": ["adam", "sgd"], "train.optimizer.betas": [[0.5, 0.9]]}
    (line,) = problems(table)
    assert line.startswith("grid: train.optimizer.betas: sgd has no option 'betas'")
    assert "train.optimizer.name = sgd" in line


def test_labels_cannot_be_mistaken_for_each_other():
    values = [
        Choice("x", {"a": 1}),
        Choice("x", {"a": "1"}),
        Choice("x", {"a": True}),
        Choice("x", {"a": "true"}),
        Choice("x", {"a": "p,b=q"}),
        Choice("x", {"a": "p", "b": "q"}),
        Choice("x", {"a": ["p"]}),
        Choice("x", {"a": '["p"]'}),
        Choice("x", {"a": ""}),
    ]
    assert len({value.label for value in values}) == len(values)
    assert (
        Choice("dcgan", {"norm": "batch", "channels": [32, 64]}).label == "dcgan[channels=[32,64],norm=batch]"
    )
