"""A penalty that is a list is the sum of its penalties; `every` adds one at some steps only."""

from __future__ import annotations

import pickle
import tomllib
from typing import Any

import pytest


def penalties(grid: Any) -> list[str]:
    return list(dict.fromkeys(cell.penalty.label for cell in grid.cells))


def ids(grid: Any) -> list[str]:
    return [cell.id for cell in grid.cells]


@pytest.fixture
def sums(read: Any, table: Any) -> Any:
    def of(*values: Any) -> Any:
        table["axes"]["penalty"] = list(values)
        return read(table)

    return of


def test_a_sum_is_free_of_order_and_has_one_label(sums: Any) -> None:
    one, other = sums(["r1", {"name": "r2", "weight": 3}]), sums([{"name": "r2", "weight": 3}, "r1"])
    assert penalties(one) == penalties(other) == ["r1+r2[weight=3.0]"]
    assert ids(one) == ids(other)
    assert one.cells[0].penalty == other.cells[0].penalty
    assert [part.label for part in one.cells[0].penalty.parts] == ["r1", "r2[weight=3.0]"]
    assert ids(one) != ids(sums("r1"))
    assert ids(one) != ids(sums(["r1", "r2"]))


def test_a_list_of_one_is_that_penalty(sums: Any) -> None:
    assert ids(sums([{"name": "r1", "weight": 3}])) == ids(sums({"name": "r1", "weight": 3}))


def test_options_inside_multiply(sums: Any) -> None:
    grid = sums([{"name": "r1", "weight": [1, 2]}, {"name": "r2", "weight": [3, 4]}])
    assert len(penalties(grid)) == 4
    assert "r1[weight=2.0]+r2[weight=3.0]" in penalties(grid)


def test_the_stored_grid_reads_the_same_and_a_cell_can_be_sent(sums: Any, read: Any) -> None:
    grid = sums("none", ["r2", {"name": "r1", "weight": 3}])
    again = read(tomllib.loads(grid.to_toml()))
    assert again == grid
    assert ids(again) == ids(grid)
    sent = pickle.loads(pickle.dumps(grid.cells[-1]))
    assert sent.penalty.parts == grid.cells[-1].penalty.parts
    assert sent.id == grid.cells[-1].id


@pytest.mark.parametrize(
    ("wanted", "matched"),
    [
        ("r1", {"r1"}),
        ("r1+r2", {"r1+r2", "r1+r2[weight=3.0]"}),
        ("r1+r2[weight=3.0]", {"r1+r2[weight=3.0]"}),
        ([["r1", "r2"]], {"r1+r2", "r1+r2[weight=3.0]"}),
        ([["r2", "r1"], "r1"], {"r1", "r1+r2", "r1+r2[weight=3.0]"}),
        ([["r1", {"name": "r2", "weight": 3}]], {"r1+r2[weight=3.0]"}),
        (["r1", "r2"], {"r1", "r2"}),
    ],
)
def test_when_matches_a_whole_value(table: Any, read: Any, wanted: Any, matched: set[str]) -> None:
    table["axes"]["penalty"] = ["r1", "r2", ["r1", "r2"], ["r1", {"name": "r2", "weight": 3}]]
    table["override"] = [{"when": {"penalty": wanted}, "train": {"steps": 7}}]
    assert {cell.penalty.label for cell in read(table).cells if cell.train.steps == 7} == matched


def test_every_is_an_option_of_each_penalty_that_has_none_of_its_own(sums: Any) -> None:
    grid = sums({"name": "r2", "every": [1, 4]}, ["r2", {"name": "r1", "every": 16}])
    assert penalties(grid) == ["r2", "r2[every=4]", "r1[every=16]+r2"]
    assert ids(sums({"name": "r2", "every": 1})) == ids(sums("r2"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "axes.penalty[0]: must be a penalty or a list of penalties to be added, given []"),
        (["r1", "none"], "axes.penalty[0][1]: 'none' adds nothing to a sum; leave it out"),
        (["r1", ["r2"]], "axes.penalty[0]: must be a list of names or tables, given ['r1', ['r2']]"),
        (["r1", "r9"], "axes.penalty[0][1]: unknown penalty 'r9'; valid: none, r1, r2"),
        (["r1", "r1"], "axes.penalty[0]: adds 'r1' twice; give it a larger weight instead"),
        (["r1", {"name": "r1", "weight": 10.0}], "axes.penalty[0]: adds 'r1' twice"),
        (["r2", {"name": "r1", "wait": 1}], "axes.penalty[0][1].wait: penalty 'r1' has no option 'wait'"),
        (["r1"] * 7, "axes.penalty[0]: must add at most 6 penalties, given 7"),
        ({"name": "r2", "every": 0}, "axes.penalty[0].every: must be"),
        ({"name": "r2", "every": 1.5}, "axes.penalty[0].every: must be"),
    ],
)
def test_a_wrong_sum_is_named(problems: Any, table: Any, value: Any, expected: str) -> None:
    table["axes"]["penalty"] = [value]
    lines = problems(table)
    assert any(line.startswith(f"grid: {expected}") for line in lines), lines


def test_the_same_sum_twice_is_named(problems: Any, table: Any) -> None:
    table["axes"]["penalty"] = [["r1", "r2"], ["r2", "r1"]]
    assert problems(table) == ["grid: axes.penalty: has 'r1+r2' twice"]


def test_no_other_axis_takes_a_list(problems: Any, table: Any) -> None:
    table["axes"]["loss"] = [["minimax", "wasserstein"]]
    assert problems(table)[0].startswith("grid: axes.loss[0]: must be a name, or a table")
