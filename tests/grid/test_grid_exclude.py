"""[[exclude]]: combinations of the product that a study does not want."""

from __future__ import annotations

import tomllib

import pytest


def combinations(grid):
    return {(cell.architecture.name, cell.loss.name, cell.penalty.label, cell.seed) for cell in grid.cells}


def test_what_matches_is_taken_out_and_the_rest_keeps_its_ids_and_order(read, table):
    whole = read(table)
    table["exclude"] = [
        {"when": {"architecture": "mlp", "loss": "non_saturating"}},
        {"when": {"architecture": {"name": "dcgan", "channels": 32}, "penalty": ["r1"], "dataset": "blobs"}},
    ]
    grid = read(table)
    taken = [
        cell
        for cell in whole.cells
        if (cell.architecture.name == "mlp" and cell.loss.name == "non_saturating")
        or (cell.architecture.name == "dcgan" and cell.penalty.name == "r1" and cell.dataset.name == "blobs")
    ]
    assert len(taken) == 12
    assert list(grid.cells) == [cell for cell in whole.cells if cell not in taken]
    assert grid.axes == whole.axes


def test_settings_and_labels_match_as_in_an_override(read, table):
    table["axes"]["train.optimizer.lr"] = [1e-4, 2e-4]
    table["exclude"] = [{"when": {"train.optimizer.lr": 2e-4, "penalty": "r1[weight=0.3]"}}]
    assert {(cell.varied["train.optimizer.lr"], cell.penalty.name) for cell in read(table).cells} == {
        (1e-4, "none"),
        (1e-4, "r1"),
        (2e-4, "none"),
    }


def test_the_stored_grid_reads_as_the_same_cells(read, table):
    table["exclude"] = [{"when": {"architecture": "mlp", "loss": "non_saturating"}}]
    grid = read(table)
    again = read(tomllib.loads(grid.to_toml()))
    assert again == grid
    assert again.to_toml() == grid.to_toml()
    assert [cell.id for cell in again.cells] == [cell.id for cell in grid.cells]


def test_a_combination_that_could_not_be_trained_may_be_taken_out(read, problems, table):
    """What is excluded is not resolved: its settings need not go together, nor differ from another's."""
    table["axes"]["train.d_steps"] = [1, 2]
    table["axes"]["train.order"] = ["d_then_g", "simultaneous"]
    assert "simultaneous" in problems(table)[0]
    table["exclude"] = [{"when": {"train.d_steps": 2, "train.order": "simultaneous"}}]
    assert {(cell.train.d_steps, cell.train.order) for cell in read(table).cells} == {
        (1, "d_then_g"),
        (1, "simultaneous"),
        (2, "d_then_g"),
    }


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        ({"when": {"loss": "minimax"}}, "exclude: must be a list of tables, [[exclude]]"),
        ([3], "exclude[0]: must be a table, given 3"),
        ([{}], "exclude[0].when: is missing; it must be a table of axes"),
        ([{"when": "minimax"}], "exclude[0].when: must be a table of axes"),
        ([{"when": {}}], "exclude[0].when: must name an axis, given {}, which would leave no cell"),
        ([{"when": {"los": "minimax"}}], "exclude[0].when.los: the grid has no axis 'los'; did you mean"),
        ([{"when": {"loss": "wgan"}}], "exclude[0].when.loss: no value of axes.loss matches 'wgan'"),
        ([{"when": {"loss": []}}], "exclude[0].when.loss: matches nothing of axes.loss, given []"),
        ([{"when": {"seed": 1}}], "exclude[0].when.seed: the grid has no axis 'seed'"),
        (
            [{"when": {"loss": "non_saturating"}, "train": {"steps": 3}}],
            "exclude[0].train: an exclude has no key 'train'",
        ),
        (
            [{"when": {"dataset": "blobs"}}, {"when": {"dataset": "photos"}}],
            "exclude: takes out every combination of the axes; leave at least one",
        ),
        (
            [{"when": {"loss": "minimax"}}],
            "compare.baseline: minimax has no cell, since [[exclude]] takes out all of them",
        ),
    ],
)
def test_a_wrong_exclude_is_named(problems, table, exclude, expected):
    table["exclude"] = exclude
    lines = problems(table)
    assert any(line.startswith(f"grid: {expected}") for line in lines), lines


def test_an_override_of_excluded_combinations_alone_is_named(problems, read, table):
    table["override"] = [{"when": {"architecture": "mlp", "penalty": "r1"}, "train": {"steps": 7}}]
    table["exclude"] = [{"when": {"architecture": "mlp", "penalty": "r1"}}]
    assert problems(table) == ["grid: override[0].when: matches only combinations that [[exclude]] takes out"]
    table["exclude"][0]["when"]["loss"] = "non_saturating"
    assert {cell.loss.name for cell in read(table).cells if cell.train.steps == 7} == {"minimax"}


def test_settings_of_the_command_line_go_on_reaching_every_cell(read, table):
    table["override"] = [{"when": {"architecture": "mlp"}, "train": {"steps": 7}}]
    table["exclude"] = [{"when": {"architecture": "mlp", "penalty": "r1"}}]
    assert {cell.train.steps for cell in read(table, "train.steps=9").cells} == {9}
