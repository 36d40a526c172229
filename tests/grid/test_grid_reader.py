"""Grids as users write them, and everything that can be wrong with one."""

from __future__ import annotations

import tomllib

import pytest

from ganbench.grid import Choice, Compare

MINIMAL = {
    "name": "small",
    "seeds": 1,
    "axes": {"dataset": ["blobs"], "architecture": ["mlp"], "loss": ["minimax"]},
}


def test_the_product_of_the_axes_with_seeds_outermost(read, table):
    grid = read(table)
    assert [cell.seed for cell in grid.cells] == [0] * 16 + [1] * 16
    assert len({cell.id for cell in grid.cells}) == 32
    assert [cell.axes for cell in grid.cells[:3]] == [
        {"dataset": "blobs", "architecture": "mlp", "loss": "minimax", "penalty": "none"},
        {"dataset": "blobs", "architecture": "mlp", "loss": "minimax", "penalty": "r1[weight=0.3]"},
        {"dataset": "blobs", "architecture": "mlp", "loss": "non_saturating", "penalty": "none"},
    ]
    assert grid.cells[16].axes == grid.cells[0].axes


def test_defaults_are_those_of_the_design(read):
    (cell,) = read(MINIMAL).cells
    train = cell.train
    assert (train.steps, train.batch_size, train.d_steps, train.order) == (3000, 64, 1, "d_then_g")
    assert (train.schedule, train.ema, train.diagnostics_every) == ("constant", 0.0, 10)
    assert (train.precision, train.engine, train.checkpoint_seconds) == ("float32", "auto", 30.0)
    assert train.d_optimizer == train.g_optimizer
    assert train.d_optimizer.name == "adam"
    assert train.d_optimizer.options() == {
        "lr": 2e-4,
        "betas": (0.5, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsgrad": False,
    }
    assert cell.score.metrics == ()
    assert cell.score.extractor is None
    assert (cell.score.samples, cell.score.reference, cell.score.initial) == (2000, "train", False)
    assert cell.penalty == Choice("none")
    assert read(MINIMAL).compare == Compare(axis="loss", baseline="minimax")


def test_nothing_but_the_needed_keys_is_needed_and_each_is_named_when_missing(problems):
    lines = problems({})
    assert [line.split(":")[1].strip() for line in lines] == [
        "name",
        "seeds",
        "axes",
        "axes.dataset",
        "axes.architecture",
        "axes.loss",
    ]


def test_all_problems_are_reported_at_once(problems, table):
    table["axes"]["loss"] = ["minmax"]
    table["axes"]["architecture"] = [{"name": "dcgan", "chanels": 3}, {"name": "mlp", "width": "wide"}]
    table["train"] = {"step": 3, "batch_size": 0, "optimizer": {"name": "adm"}}
    table["score"]["reference"] = "validation"
    table["override"] = [{"when": {"los": "minimax"}, "train": {"ema": 1}}]
    table["seed"] = 3
    text = "\n".join(problems(table))
    for expected in (
        "grid: seed: a grid has no key 'seed'; did you mean 'seeds'?",
        "grid: axes.loss[0]: unknown loss 'minmax'; did you mean 'minimax'?",
        "[0].chanels: architecture 'dcgan' has no option 'chanels'; did you mean 'channels'?",
        "axes.architecture[1].width: must be an int, given 'wide'",
        "train.step: [train] has no setting 'step'; did you mean 'steps'?",
        "train.batch_size: must be a whole number from 1 to 1000000, given 0",
        "train.optimizer.name: no optimizer is named 'adm'; did you mean 'adam'?",
        "score.reference: must be one of 2 names, given 'validation'; valid: test, train",
        "override[0].train.ema: must be a number from 0 to below 1, or a table such as {half_life",
        "override[0].when.los: the grid has no axis 'los'; did you mean 'loss'?",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", ".hidden"),
        ("name", "a/b"),
        ("name", ""),
        ("name", "x" * 101),
        ("name", "naïve"),
        ("name", 3),
        ("seeds", 0),
        ("seeds", 10_001),
        ("seeds", True),
        ("seeds", 2.0),
        ("seeds", []),
        ("seeds", [1, 1]),
        ("seeds", [-1]),
        ("seeds", [2**31]),
        ("seeds", [True]),
        ("seeds", list(range(10_001))),
        ("axes", []),
        ("train", 3),
        ("score", "fid"),
        ("override", {}),
        ("override", [3]),
        ("compare", "loss"),
        ("compare", {"axis": "los"}),
        ("compare", {"baseline": "wasserstein"}),
        ("compare", {"baselin": "minimax"}),
    ],
)
def test_a_wrong_value_names_its_key(problems, table, key, value):
    table[key] = value
    lines = problems(table)
    assert all(line.startswith((f"grid: {key}", "grid: axes")) for line in lines)


@pytest.mark.parametrize(
    ("section", "setting", "value"),
    [
        ("train", "steps", 0),
        ("train", "steps", 10**10),
        ("train", "steps", 1.0),
        ("train", "steps", True),
        ("train", "steps", "5"),
        ("train", "batch_size", 0),
        ("train", "d_steps", 0),
        ("train", "ema", 1.0),
        ("train", "ema", -0.1),
        ("train", "ema", False),
        ("train", "diagnostics_every", 0),
        ("train", "precision", "float16"),
        ("train", "engine", "warp"),
        ("train", "engine", "compile"),
        ("train", "schedule", "step"),
        ("train", "order", "both"),
        ("train", "checkpoint_seconds", 0),
        ("train", "optimizer", 3),
        ("train", "optimizer", {"name": 3}),
        ("train", "optimizer", {"lr": 0}),
        ("train", "optimizer", {"lr": "fast"}),
        ("train", "optimizer", {"betas": [0.5]}),
        ("train", "optimizer", {"betas": [0.5, 1.0]}),
        ("train", "optimizer", {"betas": ["0.5", 0.9]}),
        ("train", "optimizer", {"momentum": 0.5}),
        ("train", "d_optimizer", {"name": "sgd", "nesterov": True}),
        ("train", "g_optimizer", {"name": "sgd", "nesterov": True, "momentum": 0.5, "dampening": 0.1}),
        ("train", "d_optimizer", {"alpha": 0.5}),
        ("score", "samples", 1),
        ("score", "every", -1),
        ("score", "initial", 1),
        ("score", "metrics", "fid"),
        ("score", "metrics", ["fid", "fid"]),
        ("score", "metrics", [3]),
        ("score", "extractor", ["tiny"]),
        ("score", "extractor", {"name": "wide", "size": [1, 2]}),
    ],
)
def test_a_wrong_setting_names_its_key_once(problems, table, section, setting, value):
    table[section][setting] = value
    (line,) = problems(table)
    assert line.startswith(f"grid: {section}.{setting}")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "warp",
            "grid: train.engine: engine 'warp' is not in this version; valid: auto, compiled, "
            "eager, ensemble, graph, graph+compiled, graph+ensemble",
        ),
        *(
            (
                f"ensemble-{width}",
                f"grid: train.engine: engine 'ensemble-{width}': must be ensemble-N with a number of seeds N "
                "from 2 to 1024",
            )
            for width in ("", "1", "05", "many", "1025", "-3")
        ),
        ("eager-3", "grid: train.engine: engine 'eager-3' is not in this version; did you mean 'eager'?"),
        ("eagre", "grid: train.engine: engine 'eagre' is not in this version; did you mean 'eager'?"),
        (
            3,
            "grid: train.engine: must be one of auto, eager, compiled, graph, graph+compiled, ensemble, "
            "graph+ensemble; or ensemble-16 for groups of 16 seeds, given 3",
        ),
    ],
)
def test_an_engine_that_does_not_exist_is_refused_with_those_that_do(problems, table, given, words):
    table["train"]["engine"] = given
    assert problems(table) == [words]


def test_simultaneous_takes_one_discriminator_step(problems, read, table):
    table["train"] |= {"order": "simultaneous"}
    assert read(table).cells[0].train.order == "simultaneous"
    table["train"] |= {"d_steps": 2}
    assert problems(table) == ["grid: train: order 'simultaneous' needs d_steps = 1, given d_steps = 2"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, None, object(), "two\nlines", "\ud800"])
def test_what_no_grid_can_hold_is_refused_wherever_it_stands(problems, table, value):
    table["axes"]["penalty"] = [{"name": "r1", "weight": value}]
    table["train"]["ema"] = value
    lines = problems(table)
    assert any(line.startswith("grid: axes.penalty[0].weight: ") for line in lines)
    assert any(line.startswith("grid: train.ema: ") for line in lines)


def test_a_huge_product_is_refused_before_it_is_made(problems, table):
    table["axes"]["train.steps"] = list(range(1, 1001))
    table["axes"]["train.batch_size"] = list(range(1, 1001))
    table["axes"]["train.diagnostics_every"] = list(range(1, 1001))
    assert problems(table) == [
        "grid: axes: the product of the axes and seeds is 32000000000 cells; at most 100000"
    ]


def test_options_that_multiply_too_far_are_refused_before_it_is_done(problems, table):
    many = list(range(1, 1001))
    table["axes"]["penalty"] = [{"name": "r1", "weight": many, "every": many}]
    assert problems(table) == ["grid: axes.penalty[0]: its options multiply to more than 100000 combinations"]


def test_a_file_that_is_wrong_everywhere_ends_in_a_bounded_list(problems, table):
    table["axes"]["loss"] = [f"loss_{index}" for index in range(5000)]
    assert len(problems(table)) == 101


def test_scoring_needs_an_extractor_that_is_never_chosen_silently(problems, read, table):
    del table["score"]["extractor"]
    assert problems(table) == [
        "grid: score.extractor: is missing, and the metric 'fid' needs features of one; there is: tiny, wide"
    ]
    table["score"]["metrics"] = ["coverage"]
    assert read(table).cells[0].score.metrics == (Choice("coverage"),)


def test_scoring_needs_the_samples_that_its_metrics_need(problems, table):
    table["score"] |= {"metrics": [{"name": "coverage", "k": 9}], "samples": 9}
    assert problems(table) == [
        "grid: score.samples: must be at least 10 for the metric 'coverage[k=9]', given 9"
    ]
    table["score"]["metrics"] = [{"name": "coverage", "k": 0}]
    (line,) = problems(table)
    assert "k must be at least 1, given 0" in line


class TestSet:
    def test_values_are_toml_or_bare_words(self, read, table):
        grid = read(
            table,
            "train.steps=7",
            "train.order=g_then_d",
            "train.optimizer.lr=0.5",
            "score.metrics=['is']",
            "seeds=[4, 2]",
            "axes.loss=['wasserstein']",
            'axes."train.ema"=[0.0, 0.9]',
            "name=other.1",
            "score.initial=true",
        )
        assert (grid.name, grid.seeds) == ("other.1", (4, 2))
        assert {cell.loss.name for cell in grid.cells} == {"wasserstein"}
        assert {cell.varied["train.ema"] for cell in grid.cells} == {0.0, 0.9}
        cell = grid.cells[0]
        assert (cell.train.steps, cell.train.order, cell.train.g_optimizer.lr) == (7, "g_then_d", 0.5)
        assert cell.score.metrics == (Choice("is"),)
        assert cell.score.initial is True

    def test_it_wins_over_the_file_and_its_overrides(self, read, table):
        table["override"] = [
            {"when": {"loss": "minimax"}, "train": {"steps": 5, "optimizer": {"name": "sgd"}}}
        ]
        grid = read(table, "train.steps=7", "train.optimizer.lr=0.5")
        assert {cell.train.steps for cell in grid.cells} == {7}
        assert {(cell.loss.name, cell.train.d_optimizer.name) for cell in grid.cells} == {
            ("minimax", "sgd"),
            ("non_saturating", "adam"),
        }
        assert {cell.train.d_optimizer.lr for cell in grid.cells} == {0.5}
        assert read(tomllib.loads(grid.to_toml())) == grid

    def test_it_mends_what_the_file_has_wrong(self, read, table):
        table["train"] = {"steps": "many", "optimizer": {"lr": "fast"}}
        table["seeds"] = -1
        grid = read(table, "train.steps=7", "train.optimizer.lr=0.5", "seeds=1")
        assert grid.cells[0].train.steps == 7

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "train.stps=3",
                "--set train.stps=3: there is no setting 'train.stps'; did you mean 'train.steps'?",
            ),
            ("loss=3", "--set loss=3: there is no setting 'loss'"),
            ("override=[]", "--set override=[]: there is no setting 'override'"),
            ("train.steps", "--set train.steps: must be key=value"),
            ("train.steps=", "--set train.steps=: must be key=value"),
            ("=3", "--set =3: must be key=value"),
            ("", "--set : must be key=value"),
            ("train.steps=x", "--set train.steps=x: train.steps: must be a whole number"),
            ("axes.loss=[1", "--set axes.loss=[1: is not TOML"),
            ("seeds=1\nname=2", "must be a single value"),
            ("axes.loss=['minmax']", "axes.loss[0]: unknown loss 'minmax'; did you mean 'minimax'?"),
            (
                "axes.train.steps=['a']",
                "--set axes.train.steps=['a']: axes.\"train.steps\"[0]: must be a whole",
            ),
            (
                "train.engine=warp",
                "--set train.engine=warp: train.engine: engine 'warp' is not in this version",
            ),
            ("score.samples=1", "--set score.samples=1: score.samples: must be a whole number from 2"),
        ],
    )
    def test_a_wrong_one_is_named(self, problems, table, text, expected):
        (line,) = problems(table, (text,))
        assert expected in line

    def test_a_setting_that_is_an_axis_is_refused(self, problems, table):
        table["axes"]["train.optimizer.lr"] = [1e-3, 1e-4]
        for text in ("train.optimizer.lr=1", "train.optimizer={lr=1}"):
            (line,) = problems(table, (text,))
            assert "is the axis train.optimizer.lr" in line
