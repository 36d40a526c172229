"""The comparison that a grid asks for: its axis and its baseline."""

from __future__ import annotations

import tomllib

import pytest

from ganbench.grid import Compare


def test_a_baseline_is_a_name_a_label_or_a_value(read, table):
    table["compare"] = {"axis": "penalty", "baseline": "r1"}
    assert read(table).compare.baseline == "r1[weight=0.3]"
    table["compare"] = {"axis": "penalty", "baseline": "r1[weight=0.3]"}
    assert read(table).compare.baseline == "r1[weight=0.3]"
    table["axes"]["train.optimizer.lr"] = [1e-3, 1e-4]
    table["compare"] = {"axis": "train.optimizer.lr", "baseline": 1e-4}
    assert read(table).compare == Compare(axis="train.optimizer.lr", baseline="0.0001")
    table["compare"] = {"axis": "train.optimizer.lr"}
    assert read(table).compare.baseline == "0.001"


def test_several_axes_are_compared_as_one(read, table):
    table["axes"]["train.optimizer.lr"] = [1e-3, 1e-4]
    table["compare"] = {"axis": ["loss", "penalty"]}
    assert read(table).compare == Compare(axis="loss,penalty", baseline="minimax + none")
    for baseline in (["non_saturating", "r1"], "non_saturating + r1[weight=0.3]", "non_saturating,r1"):
        table["compare"] = {"axis": "loss, penalty", "baseline": baseline, "pairs": "all"}
        expected = Compare(axis="loss,penalty", baseline="non_saturating + r1[weight=0.3]", pairs="all")
        assert read(table).compare == expected
    document = tomllib.loads(read(table).to_toml())
    assert document["compare"] == {
        "axis": ["loss", "penalty"],
        "baseline": "non_saturating + r1[weight=0.3]",
        "pairs": "all",
    }
    assert read(document) == read(table)
    table["compare"] = {"axis": ["penalty", "train.optimizer.lr"], "baseline": ["r1", 1e-4]}
    assert read(table).compare.baseline == "r1[weight=0.3] + train.optimizer.lr=0.0001"


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ({"axis": ["loss", "penaltie"]}, "compare.axis: the grid has no axis 'penaltie'; did you mean"),
        ({"axis": ["loss", "loss"]}, "compare.axis: names loss more than once"),
        ({"axis": []}, "compare.axis: must be an axis of the grid or a list of axes, given []"),
        (
            {"axis": ["loss", "penalty"], "baseline": "minimax"},
            "must list a value of each of loss, penalty",
        ),
        (
            {"axis": ["loss", "penalty"], "baseline": ["minimax", "r9"]},
            "no value of axes.penalty matches",
        ),
        ({"pairs": "each"}, "compare.pairs: must be baseline or all, given 'each'"),
    ],
)
def test_what_cannot_be_compared_as_one_is_one_line(problems, table, compare, said):
    table["compare"] = compare
    (line,) = problems(table)
    assert said in line


def test_an_ambiguous_baseline_lists_what_it_could_mean(problems, table):
    table["axes"]["penalty"] = [{"name": "r1", "weight": [1, 2]}]
    table["compare"] = {"axis": "penalty", "baseline": "r1"}
    (line,) = problems(table)
    assert "r1[weight=1.0], r1[weight=2.0]" in line
