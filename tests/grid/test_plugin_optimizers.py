"""Optimizers of plugins in a grid: named where torch's are, with options of their own."""

from __future__ import annotations

import pickle
import tomllib
from typing import Any

import pytest


def ids(grid: Any) -> list[str]:
    return [cell.id for cell in grid.cells]


@pytest.fixture
def optimized(read: Any, table: Any) -> Any:
    def of(**train: Any) -> Any:
        table["train"] = train
        grid = read(table)
        again = read(tomllib.loads(grid.to_toml()))
        assert again == grid
        assert ids(again) == ids(grid)
        assert ids(pickle.loads(pickle.dumps(grid))) == ids(grid)
        return grid

    return of


def changed(grid: Any) -> Any:
    return {key: grid.cells[0].train.changed().get(key) for key in ("d_optimizer", "g_optimizer")}


def test_options_stand_in_the_identity_where_they_are_no_defaults(optimized: Any) -> None:
    plain = optimized(optimizer="lion")
    assert changed(plain) == {"d_optimizer": {"name": "lion"}, "g_optimizer": {"name": "lion"}}
    assert ids(plain) == ids(optimized(optimizer={"name": "lion", "lr": 2e-4, "beta": 0.9, "mode": "a"}))
    assert ids(plain) != ids(optimized())
    other = optimized(optimizer={"name": "lion", "lr": 1, "beta": 0, "mode": "b"})
    assert changed(other)["g_optimizer"] == {"name": "lion", "lr": 1.0, "beta": 0.0, "mode": "b"}
    assert other.cells[0].train.g_optimizer.options() == {"lr": 1.0, "beta": 0.0, "mode": "b"}


def test_each_player_may_have_another_and_say_a_part_of_it(optimized: Any) -> None:
    grid = optimized(optimizer={"name": "lion", "beta": 0.5}, d_optimizer="sgd", g_optimizer={"k": 3})
    assert changed(grid) == {
        "d_optimizer": {"name": "sgd"},
        "g_optimizer": {"name": "lion", "beta": 0.5, "k": 3},
    }


def test_it_may_vary_be_overridden_be_set_and_have_a_schedule(read: Any, table: Any) -> None:
    table["train"] = {"schedules": {"optimizer.lr": {"name": "linear", "to": 0}}}
    table["axes"]["train.optimizer"] = ["adam", {"name": "lion", "beta": 0.5}]
    assert {cell.train.d_optimizer.name for cell in read(table).cells} == {"adam", "lion"}
    del table["axes"]["train.optimizer"]
    table["override"] = [{"when": {"loss": "minimax"}, "train": {"optimizer": {"name": "lion"}}}]
    assert {(cell.loss.name, cell.train.g_optimizer.name) for cell in read(table).cells} == {
        ("minimax", "lion"),
        ("non_saturating", "adam"),
    }
    said = read(table, "train.optimizer={name='lion', lr=0.5}")
    assert {cell.train.g_optimizer.lr for cell in said.cells} == {0.5}


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ({"optimizer": "loin"}, "train.optimizer.name: no optimizer is named 'loin'; did you mean 'lion'?"),
        (
            {"optimizer": {"name": "lion", "bete": 1}},
            "train.optimizer.bete: lion has no option 'bete'; did you mean 'beta'?",
        ),
        ({"optimizer": {"name": "lion", "beta": "x"}}, "train.optimizer.beta: must be a float, given 'x'"),
        ({"optimizer": {"name": "lion", "params": 1}}, "lion has no option 'params'"),
        ({"optimizer": {"name": "lion", "lr": 0}}, "train.optimizer.lr: must be a number above 0"),
        ({"optimizer": "lion", "g_optimizer": {"betas": [0, 0.9]}}, "lion has no option 'betas'"),
        ({"g_optimizer": {"beta": 0.5}}, "train.g_optimizer.beta: adam has no option 'beta'"),
        (
            {"optimizer": "lion", "schedules": {"optimizer.weight_decay": {"name": "linear", "to": 0}}},
            "the optimizer lion has no 'weight_decay' that is a number",
        ),
    ],
)
def test_what_is_wrong_with_it_is_one_line(problems: Any, table: Any, train: Any, problem: str) -> None:
    table["train"] = train
    (found,) = problems(table)
    assert problem in found
