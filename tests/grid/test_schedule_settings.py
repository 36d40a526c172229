"""Schedules, half-lives and ramps as a grid writes them: one form for one meaning, and what is refused."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

COSINE = {"name": "cosine", "from": 0.9, "to": 0.99, "until": 0.2}


def changed(grid: Any) -> dict[str, Any]:
    return {
        key: value
        for key, value in grid.cells[0].train.changed().items()
        if key not in ("steps", "d_optimizer", "g_optimizer")
    }


@pytest.mark.parametrize(
    ("train", "identity"),
    [
        ({"schedule": {"name": "cosine"}}, {"schedule": "cosine"}),
        ({"schedule": {"name": "cosine", "final": 0, "warmup": 0.0}}, {"schedule": "cosine"}),
        ({"schedule": {"name": "exponential", "final": 0.01}}, {"schedule": "exponential"}),
        ({"schedule": {"name": "constant"}}, {}),
        ({"schedule": {"name": "linear", "final": 0.5}}, {"schedule": {"name": "linear", "final": 0.5}}),
        (
            {"schedule": {"name": "constant", "warmup": 0.1}},
            {"schedule": {"name": "constant", "warmup": 0.1}},
        ),
        ({"ema": {"half_life": 100, "ramp": 0}}, {"ema": {"half_life": 100.0}}),
        ({"schedules": {}}, {}),
        ({"gradient_clip": 0, "accumulate": 1}, {}),
        ({"gradient_clip": 1}, {"gradient_clip": 1.0}),
        (
            {"schedules": {"ema": {"name": "linear", "from": 0.5, "to": 0.9, "until": 1}}},
            {"schedules": {"ema": {"name": "linear", "from": 0.5, "to": 0.9}}},
        ),
    ],
)
def test_one_meaning_has_one_identity(read: Any, table: Any, train: Any, identity: Any) -> None:
    table["train"] = train
    grid = read(table)
    assert changed(grid) == identity
    assert read(tomllib.loads(grid.to_toml())) == grid


def test_what_is_left_out_is_what_the_settings_say(read: Any, table: Any) -> None:
    table["train"] = {"schedules": {"d_optimizer.lr": {"name": "linear", "to": 0}}}
    short = read(table)
    table["train"]["schedules"]["d_optimizer.lr"]["from"] = 2e-4
    assert [cell.id for cell in read(table).cells] == [cell.id for cell in short.cells]


def test_keys_need_no_quotes_and_a_shared_one_is_each_players(read: Any, table: Any) -> None:
    spellings: list[dict[str, Any]] = [
        {"optimizer.betas.1": COSINE},
        {"optimizer": {"betas": {"1": COSINE}}},
        {"d_optimizer.betas.1": COSINE, "g_optimizer": {"betas.1": COSINE}},
    ]
    ids = set()
    for spelling in spellings:
        table["train"] = {"schedules": spelling}
        ids.add(tuple(cell.id for cell in read(table).cells))
    assert len(ids) == 1


def test_a_schedule_may_be_an_axis(read: Any, table: Any) -> None:
    table["axes"]["train.schedule"] = ["constant", {"name": "cosine", "warmup": 0.1}]
    assert {cell.varied["train.schedule"] for cell in read(table).cells} == {
        "constant",
        "cosine[warmup=0.1]",
    }


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({"schedule": "cosin"}, "train.schedule: must be one of 4 names, given 'cosin'; did you mean"),
        (
            {"schedule": {"name": "cosin"}},
            "train.schedule: name must be one of constant, linear, cosine",
        ),
        ({"schedule": {"final": 1}}, "train.schedule: name is missing, given {'final': 1}"),
        ({"schedule": {"name": "cosine", "finale": 1}}, "train.schedule: there is no key 'finale'; did you"),
        ({"schedule": {"name": "cosine", "final": 2}}, "train.schedule: final must be a share of the rate"),
        ({"schedule": {"name": "cosine", "warmup": True}}, "train.schedule: warmup must be a share of the"),
        ({"schedule": {"name": "constant", "final": 0.5}}, "train.schedule: final: a constant schedule has"),
        ({"schedule": {"name": "exponential", "final": 0}}, "train.schedule: final: an exponential schedule"),
        ({"ema": 1}, "train.ema: must be a number from 0 to below 1, or a table such as {half_life = 500}"),
        ({"ema": {"ramp": 0.1}}, "train.ema: half_life is missing"),
        ({"ema": {"half_life": 0}}, "train.ema: half_life must be a number of steps above 0, given 0"),
        ({"schedules": 3}, "train.schedules: must be a table of schedules"),
        ({"schedules": {"ema": 0.9}}, "train.schedules: ema: must be a table such as"),
        ({"schedules": {"emma": COSINE}}, "train.schedules: emma: nothing of that name has a schedule; did"),
        (
            {"schedules": {"optimizer.lrr": COSINE}},
            "train: schedules: optimizer.lrr: an optimizer has no",
        ),
        ({"schedules": {"ema": {"name": "cosine"}}}, "train.schedules: ema: to is missing"),
        (
            {"schedules": {"optimizer.lr": {"name": "exponential", "to": 0}}},
            "train.schedules: optimizer.lr: an exponential schedule needs values above 0",
        ),
        (
            {"schedules": {"ema": {"name": "exponential", "to": 0.9}}},
            "train: schedules: ema: an exponential schedule needs values above 0; give `from`",
        ),
        (
            {"schedules": {"optimizer.momentum": COSINE}},
            "train: schedules: optimizer.momentum: the optimizer adam has no momentum",
        ),
        (
            {"schedules": {"optimizer.betas.1": {**COSINE, "to": 1.5}}},
            "train: schedules: optimizer.betas.1: adam takes no betas of 1.5; it must be two numbers",
        ),
        (
            {"schedules": {"ema": COSINE}, "ema": {"half_life": 9}},
            "train: schedules: ema needs an ema that is a decay, and it is a half-life",
        ),
        (
            {"schedules": {"ema": {**COSINE, "to": 1.0}}},
            "train: schedules: ema: to must be from 0 to below 1, given 1",
        ),
        (
            {"schedules": {"optimizer.lr": COSINE, "d_optimizer.lr": COSINE}},
            "train: schedules: optimizer.lr and d_optimizer.lr speak of the same; give one of them",
        ),
        (
            {"schedules": {"g_optimizer.lr": COSINE}, "schedule": "linear"},
            "train: schedule and schedules: both change g_optimizer.lr; leave one of them out",
        ),
        ({"gradient_clip": -1}, "train.gradient_clip: must be a number from 0"),
        ({"accumulate": 0}, "train.accumulate: must be a whole number from 1 to 1000, given 0"),
    ],
)
def test_a_wrong_setting_is_named(problems: Any, table: Any, train: Any, expected: str) -> None:
    table["train"] = train
    lines = problems(table)
    assert len(lines) == 1
    assert lines[0].startswith(f"grid: {expected}"), lines
