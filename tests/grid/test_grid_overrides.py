"""[[override]], and how settings are laid over each other."""

from __future__ import annotations

import tomllib

import pytest


def steps(grid):
    return {
        (cell.dataset.name, cell.architecture.label, cell.penalty.label): cell.train.steps
        for cell in grid.cells
    }


@pytest.fixture
def wide_table(table):
    table["axes"]["loss"] = ["minimax"]
    table["axes"]["dataset"] = ["blobs"]
    table["axes"]["architecture"] = ["mlp", {"name": "dcgan", "channels": [32, 64]}]
    table["axes"]["penalty"] = ["none"]
    return table


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        ("dcgan", {"dcgan", "dcgan[channels=32]"}),
        ("dcgan[channels=32]", {"dcgan[channels=32]"}),
        ({"name": "dcgan"}, {"dcgan", "dcgan[channels=32]"}),
        ({"name": "dcgan", "channels": 64}, {"dcgan"}),
        ({"name": "dcgan", "channels": 32}, {"dcgan[channels=32]"}),
        ({"name": "dcgan", "channels": [32, 64]}, {"dcgan", "dcgan[channels=32]"}),
        (["mlp", {"name": "dcgan", "channels": 32}], {"mlp", "dcgan[channels=32]"}),
    ],
)
def test_names_match_whatever_their_options_and_tables_match_theirs(read, wide_table, wanted, changed):
    wide_table["override"] = [{"when": {"architecture": wanted}, "train": {"steps": 7}}]
    grid = read(wide_table)
    assert {cell.architecture.label for cell in grid.cells if cell.train.steps == 7} == changed
    assert {cell.train.steps for cell in grid.cells if cell.architecture.label not in changed} <= {100}


def test_all_of_when_must_match_and_later_ones_win(read, table):
    table["override"] = [
        {"when": {"dataset": "blobs"}, "train": {"steps": 7, "ema": 0.5}, "score.extractor": "wide"},
        {"when": {"dataset": "blobs", "penalty": "r1"}, "train": {"steps": 8}},
        {
            "when": {"architecture": "mlp", "penalty": ["none", "r1"], "dataset": "photos"},
            "train": {"steps": 9},
        },
    ]
    grid = read(table)
    assert steps(grid) == {
        ("blobs", "mlp", "none"): 7,
        ("blobs", "mlp", "r1[weight=0.3]"): 8,
        ("blobs", "dcgan[channels=32]", "none"): 7,
        ("blobs", "dcgan[channels=32]", "r1[weight=0.3]"): 8,
        ("photos", "mlp", "none"): 9,
        ("photos", "mlp", "r1[weight=0.3]"): 9,
        ("photos", "dcgan[channels=32]", "none"): 100,
        ("photos", "dcgan[channels=32]", "r1[weight=0.3]"): 100,
    }
    assert {cell.train.ema for cell in grid.cells if cell.dataset.name == "blobs"} == {0.5}
    assert {(cell.dataset.name, cell.score.extractor.name) for cell in grid.cells} == {
        ("blobs", "wide"),
        ("photos", "tiny"),
    }


@pytest.mark.parametrize(
    ("key", "values", "wanted", "matched"),
    [
        ("train.optimizer.lr", [1, 0.5], 1, {1.0}),
        ("train.optimizer.lr", [1, 0.5], [1.0, 0.5], {1.0, 0.5}),
        ("train.order", ["d_then_g", "g_then_d"], "g_then_d", {"g_then_d"}),
        ("train.optimizer.betas", [[0, 0.9], [0.5, 0.9]], [0, 0.9], {"[0.0,0.9]"}),
        ("train.optimizer.betas", [[0, 0.9], [0.5, 0.9]], [[0, 0.9], [0.5, 0.9]], {"[0.0,0.9]", "[0.5,0.9]"}),
        (
            "train.d_optimizer",
            ["adam", {"name": "sgd", "lr": 1}],
            {"name": "sgd", "lr": 1.0},
            {"sgd[lr=1.0]"},
        ),
        ("train.d_optimizer", ["adam", {"name": "sgd", "lr": 1}], "sgd[lr=1.0]", {"sgd[lr=1.0]"}),
    ],
)
def test_settings_match_by_value(read, table, key, values, wanted, matched):
    table["axes"][key] = values
    table["override"] = [{"when": {key: wanted}, "train": {"steps": 7}}]
    assert {cell.varied[key] for cell in read(table).cells if cell.train.steps == 7} == matched


def test_a_setting_in_when_needs_no_quotes(read, table):
    table["axes"]["train.optimizer.lr"] = [1, 0.5]
    table["override"] = [{"when": {"train": {"optimizer": {"lr": 1}}}, "train": {"steps": 7}}]
    assert {cell.varied["train.optimizer.lr"] for cell in read(table).cells if cell.train.steps == 7} == {1.0}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"train": {"steps": 1}}, "override[0].when: is missing"),
        ({"when": 3}, "override[0].when: must be a table of axes"),
        ({"when": {"los": "x"}}, "override[0].when.los: the grid has no axis 'los'; did you mean 'loss'?"),
        ({"when": {"train.steps": 1}}, "override[0].when.train.steps: the grid has no axis"),
        ({"when": {"loss": "wasserstein"}}, "no value of axes.loss matches 'wasserstein'"),
        ({"when": {"loss": ["minimax", "minmax"]}}, "matches 'minmax'; did you mean 'minimax'?"),
        ({"when": {"loss": []}}, "override[0].when.loss: matches nothing"),
        ({"when": {"loss": 3}}, "override[0].when.loss: must be a name, or a table"),
        ({"when": {"penalty": {"name": "r1", "weight": 1}}}, "override[0].when.penalty: no value"),
        ({"when": {"penalty": {"name": "r1", "wait": 1}}}, "override[0].when.penalty.wait: penalty 'r1'"),
        ({"when": {"dataset": "blobs[std=3]"}}, "override[0].when.dataset: no value"),
        ({"when": {"loss": "minimax"}, "trian": {"steps": 1}}, "override[0].trian: an override has no key"),
        (
            {"when": {"loss": "minimax"}, "train": {"stps": 1}},
            "override[0].train.stps: [train] has no setting",
        ),
        ({"when": {"loss": "minimax"}, "train": 3}, "override[0].train: must be a table"),
        ({"when": {"loss": "minimax"}, "cluster": 3}, "override[0].cluster: must be a table, given 3"),
        (
            {"when": {"loss": "minimax"}, "cluster": {"num_gpu": 1}},
            "override[0].cluster.num_gpu: a cell needs no 'num_gpu' of a cluster; did you mean 'num_gpus'?",
        ),
        (
            {"when": {"loss": "minimax"}, "cluster.mem_gb": 0},
            "override[0].cluster.mem_gb: must be a number of gibibytes above 0, given 0",
        ),
        (
            {"when": {"loss": "minimax"}, "cluster": {"num_gpus": True}},
            "override[0].cluster.num_gpus: must be a number of GPUs above 0, given True",
        ),
        (
            {"when": {"loss": "minimax"}, "score": {"samples": 1}},
            "override[0].score.samples: must be a whole",
        ),
    ],
)
def test_a_wrong_override_is_named(problems, table, override, expected):
    table["override"] = [override]
    (line,) = problems(table)
    assert expected in line


@pytest.mark.parametrize(
    ("axis", "values", "table_of_override"),
    [
        ("train.steps", [1, 2], {"train": {"steps": 3}}),
        ("train.optimizer.lr", [1, 2], {"train": {"optimizer": {"lr": 3}}}),
        ("train.optimizer", ["sgd", "adam"], {"train": {"optimizer": {"lr": 3}}}),
        ("score.every", [1, 2], {"score.every": 3}),
    ],
)
def test_an_override_cannot_set_an_axis(problems, table, axis, values, table_of_override):
    table["axes"][axis] = values
    table["override"] = [{"when": {"loss": "minimax"}, **table_of_override}]
    (line,) = problems(table)
    assert line.endswith(f"is the axis {axis}, so an override cannot set it")


class TestOptimizers:
    def settings(self, read, table, **train):
        table["train"] = train
        cell = read(table).cells[0].train
        return cell.d_optimizer, cell.g_optimizer

    def test_without_a_name_it_is_adam(self, read, table):
        d, g = self.settings(read, table, optimizer={"lr": 1e-3})
        assert (d.name, d.lr, d.options()["betas"]) == ("adam", 1e-3, (0.5, 0.999))
        assert d == g

    def test_a_players_own_is_merged_over_the_shared_one(self, read, table):
        d, g = self.settings(
            read,
            table,
            optimizer={"name": "sgd", "momentum": 0.5},
            d_optimizer={"lr": 1},
            g_optimizer={"name": "sgd"},
        )
        assert (d.name, d.lr, d.options()["momentum"]) == ("sgd", 1.0, 0.5)
        assert (g.name, g.lr, g.options()["momentum"]) == ("sgd", 2e-4, 0.5)

    def test_another_name_replaces_it_with_its_own_defaults(self, read, table):
        d, g = self.settings(
            read, table, optimizer={"lr": 1e-3, "betas": [0.1, 0.2]}, d_optimizer={"name": "adamw"}
        )
        assert (d.name, d.lr, d.options()["betas"], d.options()["weight_decay"]) == (
            "adamw",
            2e-4,
            (0.5, 0.999),
            0.01,
        )
        assert (g.name, g.lr, g.options()["betas"]) == ("adam", 1e-3, (0.1, 0.2))

    def test_an_override_merges_or_replaces_likewise(self, read, table):
        table["train"] = {"optimizer": {"name": "sgd", "momentum": 0.5}, "d_optimizer": {"lr": 1}}
        table["override"] = [
            {"when": {"loss": "minimax"}, "train": {"d_optimizer": {"name": "sgd"}, "optimizer": {"lr": 3}}},
            {"when": {"loss": "non_saturating"}, "train": {"optimizer": {"name": "adam"}}},
        ]
        grid = read(table)
        minimax = next(cell.train for cell in grid.cells if cell.loss.name == "minimax")
        other = next(cell.train for cell in grid.cells if cell.loss.name == "non_saturating")
        assert minimax.d_optimizer.options() == {
            "lr": 1.0,
            "momentum": 0.5,
            "dampening": 0.0,
            "nesterov": False,
            "weight_decay": 0.0,
        }
        assert minimax.g_optimizer.lr == 3.0
        assert (other.d_optimizer.name, other.d_optimizer.lr) == ("adam", 1.0)
        assert (other.g_optimizer.name, other.g_optimizer.lr) == ("adam", 2e-4)

    def test_nesterov_may_find_its_momentum_in_the_shared_one(self, read, table):
        d, _ = self.settings(
            read, table, optimizer={"name": "sgd", "momentum": 0.9}, d_optimizer={"nesterov": True}
        )
        assert d.options()["nesterov"] is True


def test_what_cells_need_of_a_cluster_is_in_no_identity(read, table):
    plain = read(table)
    table["override"] = [
        {"when": {"loss": "minimax"}, "cluster": {"num_gpus": 0.5, "mem_gb": 4}},
        {"when": {"loss": "minimax", "dataset": "photos"}, "cluster.mem_gb": 16},
    ]
    grid = read(table)
    assert [cell.id for cell in grid.cells] == [cell.id for cell in plain.cells]
    needs = {(cell.loss.name, cell.dataset.name): cell.needs for cell in grid.cells}
    assert needs == {
        ("minimax", "blobs"): {"num_gpus": 0.5, "mem_gb": 4},
        ("minimax", "photos"): {"num_gpus": 0.5, "mem_gb": 16},
        ("non_saturating", "blobs"): {},
        ("non_saturating", "photos"): {},
    }
    again = read(tomllib.loads(grid.to_toml()))
    assert again == grid
    assert again.to_toml() == grid.to_toml()
    assert "cluster" not in plain.to_toml()
