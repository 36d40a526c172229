"""`train.update` as a grid writes it: a name or a table, in no identity while it is the usual rule."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest


def ids(grid: Any) -> list[str]:
    return [cell.id for cell in grid.cells]


def test_the_usual_rule_is_in_no_identity(read: Any, table: Any) -> None:
    plain = read(table)
    for said in ("alternating", {"name": "alternating"}):
        table["train"]["update"] = said
        assert ids(read(table)) == ids(plain)
        assert "update" not in read(table).cells[0].train.changed()
    assert tomllib.loads(plain.to_toml())["train"]["update"] == "alternating"


def test_options_stand_in_the_identity_where_they_are_no_defaults(read: Any, table: Any) -> None:
    def of(update: Any) -> Any:
        table["train"]["update"] = update
        grid = read(table)
        assert read(tomllib.loads(grid.to_toml())) == grid
        return grid

    plain = of("joint")
    assert ids(plain) == ids(of({"name": "joint", "weight": 10}))
    heavy = of({"name": "joint", "weight": 20})
    assert heavy.cells[0].train.changed()["update"] == {"name": "joint", "options": {"weight": 20.0}}
    assert not {*ids(heavy)} & {*ids(plain)}
    assert not {*ids(plain)} & {*ids(of("alternating"))}


def test_it_may_vary_be_overridden_and_be_set(read: Any, table: Any) -> None:
    table["axes"]["train.update"] = ["alternating", {"name": "joint", "weight": 2}]
    varied = read(table)
    assert {cell.varied["train.update"] for cell in varied.cells} == {"alternating", "joint[weight=2.0]"}
    assert read(tomllib.loads(varied.to_toml())) == varied

    del table["axes"]["train.update"]
    table["override"] = [{"when": {"loss": "minimax"}, "train": {"update": "joint"}}]
    assert {(cell.loss.name, cell.train.update.label) for cell in read(table).cells} == {
        ("minimax", "joint"),
        ("non_saturating", "alternating"),
    }
    for given in ("train.update=joint", "train.update={name='joint', weight=3.0}"):
        assert {cell.train.update.name for cell in read(table, given).cells} == {"joint"}


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ({"update": "jiont"}, "train.update: unknown update 'jiont'; did you mean 'joint'?"),
        (
            {"update": {"name": "joint", "wieght": 1}},
            "train.update.wieght: update 'joint' has no option 'wieght'; did you mean 'weight'?",
        ),
        ({"update": {"name": "joint", "weight": -1}}, "train.update.weight: must be at least 0, given -1"),
        ({"update": {"name": "joint", "order": "x"}}, "update 'joint' has no option 'order'"),
        ({"update": {"name": "alternating", "d_steps": 2}}, "update 'alternating' has no option 'd_steps'"),
        ({"update": {"name": "joint", "weight": [1, 2]}}, "train.update: must be one update"),
        ({"update": 3}, "train.update: must be a name, or a table"),
        (
            {"update": "joint", "d_steps": 2},
            "train.d_steps: must be 1, given 2: the update rule 'joint' takes both players' gradients at one",
        ),
        (
            {"update": "joint", "order": "g_then_d"},
            "train.order: cannot be 'g_then_d': the update rule 'joint' takes both players' gradients at one",
        ),
    ],
)
def test_what_is_wrong_with_it_is_one_line(problems: Any, table: Any, train: Any, problem: str) -> None:
    table["train"] = train
    (found,) = problems(table)
    assert problem in found
