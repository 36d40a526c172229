"""Whatever a grid is made of, reading it gives a Grid or lines that say what is wrong, nothing else."""

from __future__ import annotations

import copy
import datetime
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganbench.errors import GridError
from ganbench.grid import Grid, read_grid
from ganbench.grid.schema import SETTINGS

FULL: dict[str, Any] = {
    "name": "full",
    "seeds": [3, 1],
    "combine": "product",
    "zip": [["loss", "penalty"]],
    "sample": 20,
    "axes": {
        "dataset": ["blobs", {"name": "blobs", "std": [0.5, 1]}],
        "architecture": ["mlp", {"name": "dcgan", "channels": [32, 64], "norm": "none"}],
        "loss": ["minimax", "wasserstein"],
        "penalty": ["none", {"name": "r1", "weight": 0.3}],
        "train.optimizer.lr": [1e-4, 2e-4],
        "score.extractor": ["tiny", {"name": "wide", "size": 3}],
    },
    "train": {
        "steps": 5,
        "optimizer": {"name": "sgd", "momentum": 0.5},
        "d_optimizer": {"nesterov": True},
        "ema": 0.5,
    },
    "score": {"metrics": ["fid", {"name": "coverage", "k": 3}], "samples": 10},
    "override": [
        {
            "when": {"loss": "minimax", "train.optimizer.lr": 1e-4},
            "train": {"steps": 3},
            "score": {"every": 2},
        },
        {
            "when": {"architecture": {"name": "dcgan", "channels": 32}},
            "train": {"g_optimizer": {"name": "adam"}},
        },
    ],
    "compare": {"axis": "penalty", "baseline": "r1"},
}

words = st.sampled_from(
    [
        *SETTINGS,
        *FULL,
        *FULL["axes"],
        *(setting.rpartition(".")[2] for setting in SETTINGS),
        *(
            "when",
            "name",
            "axis",
            "baseline",
            "mlp",
            "dcgan",
            "r1",
            "none",
            "minimax",
            "tiny",
            "fid",
            "coverage",
        ),
        *(
            "product",
            "one_at_a_time",
            "sgd",
            "adam",
            "channels",
            "weight",
            "dcgan[channels=32]",
            "0.0001",
            "graph",
            "train",
            "score",
            "",
            ".",
        ),
    ]
)
scalars = st.one_of(
    words,
    st.booleans(),
    st.integers(-3, 40),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.just(datetime.date(2014, 6, 10)),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    here = (
        list(node.items() if isinstance(node, dict) else enumerate(node))
        if isinstance(node, dict | list)
        else []
    )
    return [(node, key) for key, _ in here] + [place for _, child in here for place in places(child)]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    table = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(places(table) or [(table, "name")]))
        action = draw(st.sampled_from(["replace", "replace", "drop", "rename", "insert", "swap"]))
        if action == "replace":
            container[key] = draw(values)
        elif action == "drop":
            del container[key]
        elif action == "swap":
            other, there = draw(st.sampled_from(places(table)))
            container[key] = copy.deepcopy(other[there])
        elif isinstance(container, dict):
            moved = container.pop(key) if action == "rename" else draw(values)
            container[draw(words | st.text(max_size=4))] = moved
        else:
            container.insert(key, draw(values))
    return table


def outcome(source: Any, catalog: Any, overrides: tuple[str, ...] = ()) -> Grid | None:
    try:
        grid = read_grid(source, catalog, overrides)
    except GridError as error:
        lines = error.problems
    else:
        assert grid.cells
        return grid
    assert lines
    for line in lines:
        assert line
        assert line.isprintable(), line
        assert len(line) < 2000, line
    return None


def test_the_grid_that_is_mutated_is_right(catalog):
    assert outcome(FULL, catalog) is not None


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=mutated())
def test_mutated_grids(catalog, table):
    grid = outcome(table, catalog)
    if grid is not None:
        assert read_grid(tomllib.loads(grid.to_toml()), catalog) == grid


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(table=st.dictionaries(words, values, max_size=6))
def test_random_tables(catalog, table):
    outcome(table, catalog)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(key=words, value=values)
def test_random_values_in_every_setting(catalog, key, value):
    for where in ("train", "score"):
        outcome({**FULL, where: {**FULL[where], key.removeprefix(f"{where}."): value}}, catalog)
    outcome({**FULL, "axes": {**FULL["axes"], key: value}}, catalog)
    outcome({**FULL, "axes": {**FULL["axes"], key: [value]}}, catalog)
    outcome({**FULL, "override": [{"when": {key: value}, "train": {"steps": 1}}]}, catalog)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(key=words | st.text(max_size=8), value=st.text(max_size=12) | values.map(str))
def test_random_assignments(catalog, key, value):
    outcome(FULL, catalog, (f"{key}={value}", value, f"axes.{key}={value}"))


@pytest.mark.parametrize("number", range(30))
def test_damaged_files(catalog, tmp_path: Path, number):
    chance = random.Random(number)
    content = bytearray(tomli_w.dumps(FULL).encode())
    path = tmp_path / "grid.toml"
    for _ in range(10):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(damaged))
            action = chance.randrange(4)
            if action == 0:
                damaged[at] = chance.randrange(256)
            elif action == 1:
                del damaged[at : at + chance.randint(1, 30)]
            elif action == 2:
                damaged[at:at] = damaged[chance.randrange(len(damaged)) :][: chance.randint(1, 40)]
            else:
                damaged[at:at] = chance.choice(
                    [b"[", b"]", b"\n", b'"', b"= ", b"{", b"nan", b"\x00", b"9" * 25]
                )
        path.write_bytes(damaged)
        outcome(path, catalog)


@settings(max_examples=200, deadline=None)
@given(name=st.text(max_size=20))
def test_random_paths(catalog, name):
    outcome(name, catalog)
