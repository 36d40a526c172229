"""A resolved grid, written and read again, is the same grid."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.catalog import load_catalog
from ganbench.grid import bundled_grids, read_grid

numbers = st.floats(1e-6, 1, exclude_max=True) | st.integers(1, 5)
fractions = st.floats(0, 1, exclude_max=True)
few = {"min_size": 1, "max_size": 3}


def tables(optional: dict[str, Any], **required: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


adam = tables(
    {"lr": numbers, "betas": st.tuples(fractions, fractions).map(list), "amsgrad": st.booleans()},
    name=st.sampled_from(["adam", "adamw"]),
)
sgd = tables({"lr": numbers, "momentum": fractions, "weight_decay": numbers}, name=st.just("sgd"))
unnamed = tables({"lr": numbers, "weight_decay": numbers})
optimizers = adam | sgd | unnamed
train = tables(
    {
        "steps": st.integers(1, 10**9),
        "batch_size": st.integers(1, 10**6),
        "order": st.sampled_from(["d_then_g", "g_then_d", "simultaneous"]),
        "schedule": st.sampled_from(["constant", "linear", "cosine", "exponential"]),
        "ema": fractions,
        "precision": st.sampled_from(["float32", "bfloat16", "float64"]),
        "checkpoint_seconds": numbers,
        "optimizer": optimizers,
        "d_optimizer": optimizers,
        "g_optimizer": optimizers,
    }
)
score = tables(
    {
        "samples": st.integers(20, 100),
        "every": st.integers(0, 10),
        "initial": st.booleans(),
        "metrics": st.lists(
            st.sampled_from(["fid", "is", {"name": "coverage", "k": 3}]), unique_by=str, max_size=3
        ),
        "reference": st.sampled_from(["train", "test"]),
    },
    extractor=st.sampled_from(["tiny", {"name": "wide", "size": 64}]),
)
architectures = st.lists(
    st.sampled_from(
        [
            "mlp",
            {"name": "mlp", "layers": [8, 8]},
            {"name": "mlp", "layers": [[1], [2, 2]]},
            {"name": "dcgan", "channels": [32, 64], "norm": "none"},
            {"name": "dcgan", "spectral": True},
        ]
    ),
    unique_by=str,
    **few,
)
penalties = st.lists(
    st.sampled_from(["none", "r1"])
    | st.fixed_dictionaries({"name": st.just("r1"), "weight": st.floats(20, 30)}),
    unique_by=lambda value: value if isinstance(value, str) else value["weight"],
    **few,
)
axes = tables(
    {
        "penalty": penalties,
        "train.batch_size": st.lists(st.integers(1, 50), unique=True, **few),
        "score.reference": st.just(["train", "test"]),
        "train.diagnostics_every": st.lists(st.integers(1, 50), unique=True, **few),
    },
    dataset=st.just(["blobs", {"name": "blobs", "std": 0.5}]),
    architecture=architectures,
    loss=st.lists(
        st.sampled_from(["minimax", "non_saturating", "wasserstein"]), unique=True, min_size=1, max_size=3
    ),
)


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    table = {
        "name": draw(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)),
        "seeds": draw(st.integers(1, 3) | st.lists(st.integers(0, 2**31 - 1), unique=True, **few)),
        "axes": draw(axes),
        "train": draw(train),
        "score": draw(score),
    }
    if "score.reference" in table["axes"]:
        table["score"].pop("reference", None)
    overrides = []
    for loss in draw(st.lists(st.sampled_from(table["axes"]["loss"]), max_size=2)):
        changed = {key: value for key, value in draw(train).items() if f"train.{key}" not in table["axes"]}
        changed.pop("batch_size", None)
        overrides.append({"when": {"loss": loss}, "train": changed})
    if overrides:
        table["override"] = overrides
    if draw(st.booleans()):
        table["compare"] = {"axis": draw(st.sampled_from(["dataset", "architecture"]))}
    return table


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(table=grids())
def test_reading_what_was_written_gives_an_equal_grid(catalog, table):
    grid = read_grid(table, catalog)
    text = grid.to_toml()
    again = read_grid(tomllib.loads(text), catalog)
    assert again == grid
    assert [cell.id for cell in again.cells] == [cell.id for cell in grid.cells]
    assert again.to_toml() == text


def test_defaults_are_written_out(read, table):
    written = tomllib.loads(read(table).to_toml())
    assert written["train"]["schedule"] == "constant"
    assert written["train"]["optimizer"] == {
        "name": "adam",
        "lr": 1e-3,
        "betas": [0.5, 0.999],
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsgrad": False,
    }
    assert written["score"]["samples"] == 2000
    assert written["axes"]["penalty"] == ["none", {"name": "r1", "weight": 0.3}]
    assert written["compare"] == {"axis": "loss", "baseline": "minimax"}


def test_an_equal_grid_is_one_of_equal_cells_whatever_the_file_looked_like(read, table):
    before = read(table)
    table["axes"]["loss"] = [{"name": "minimax"}, {"name": "non_saturating"}]
    table["compare"] = {"baseline": "minimax"}
    assert read(table) == before
    table["train"]["steps"] += 1
    assert read(table) != before


@pytest.mark.parametrize("name", sorted(bundled_grids()))
def test_bundled_grids_read_with_the_built_in_catalog(name):
    grid = read_grid(name, load_catalog())
    assert grid.name == name
    assert all(cell.score.metrics for cell in grid.cells)
    assert read_grid(tomllib.loads(grid.to_toml()), load_catalog()) == grid


@pytest.mark.parametrize("name", ["digits", "fashion-mnist"])
def test_the_grids_of_pictures_compare_the_two_objectives_from_the_start(name):
    grid = read_grid(name, load_catalog())
    assert {cell.loss.name for cell in grid.cells} == {"minimax", "non_saturating"}
    assert all(cell.score.initial and cell.score.extractor and cell.score.metrics for cell in grid.cells)
