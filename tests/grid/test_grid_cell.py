"""Who a cell is: what its id depends on, and what it does not."""

from __future__ import annotations

import copy
import pickle
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.grid import read_grid

ONE: dict[str, Any] = {
    "name": "one",
    "seeds": [3],
    "axes": {"dataset": ["blobs"], "architecture": ["mlp"], "loss": ["minimax"], "penalty": ["none"]},
}


def one(catalog, *, axes=None, **sections):
    table = copy.deepcopy(ONE)
    table["axes"] |= axes or {}
    table |= sections
    (cell,) = read_grid(table, catalog).cells
    return cell


def test_the_ids_of_known_cells_stay(catalog):
    # A baseline made with any earlier version pairs by these: a change here breaks every stored result.
    assert one(catalog).id == "c8cce2a9c2c7"
    rich = one(
        catalog,
        axes={"architecture": [{"name": "dcgan", "channels": 32}], "penalty": [{"name": "r1", "weight": 1}]},
        train={"steps": 5, "optimizer": {"lr": 1e-3}, "d_optimizer": {"name": "sgd"}},
    )
    assert rich.id == "c27a9fb4d9ce"
    assert one(catalog, axes={"augmentation": ["flip"]}).id == "cc01e6577bbc"


CHANGES = [
    {"steps": 3001},
    {"batch_size": 65},
    {"d_steps": 2},
    {"order": "g_then_d"},
    {"order": "simultaneous"},
    {"schedule": "linear"},
    {"ema": 0.5},
    {"diagnostics_every": 11},
    {"precision": "float64"},
    {"engine": "eager"},
    {"optimizer": {"lr": 1e-3}},
    {"optimizer": {"betas": [0.5, 0.9]}},
    {"optimizer": {"eps": 1e-7}},
    {"optimizer": {"weight_decay": 0.1}},
    {"optimizer": {"amsgrad": True}},
    {"optimizer": {"name": "sgd"}},
    {"optimizer": {"name": "rmsprop"}},
    {"optimizer": {"name": "adamw"}},
    {"d_optimizer": {"lr": 1e-3}},
    {"g_optimizer": {"lr": 1e-3}},
    {"d_optimizer": {"name": "sgd"}},
    {"d_optimizer": {"name": "sgd", "momentum": 0.5}},
    {"g_optimizer": {"name": "sgd"}},
]


@pytest.mark.parametrize("train", CHANGES, ids=str)
def test_every_change_of_training_changes_the_id(catalog, train):
    assert one(catalog, train=train).id != one(catalog).id


def test_no_two_changes_of_training_give_one_id(catalog):
    assert len({one(catalog, train=train).id for train in CHANGES}) == len(CHANGES)


@pytest.mark.parametrize(
    "axes",
    [
        {"dataset": ["photos"]},
        {"dataset": [{"name": "blobs", "std": 0.2}]},
        {"architecture": ["dcgan"]},
        {"architecture": [{"name": "mlp", "width": 63}]},
        {"architecture": [{"name": "mlp", "layers": [32]}]},
        {"loss": ["non_saturating"]},
        {"penalty": ["r1"]},
        {"score.samples": [2000]},
        {"score.samples": [2001]},
    ],
    ids=str,
)
def test_every_change_of_an_axis_changes_the_id(catalog, axes):
    assert one(catalog, axes=axes).id != one(catalog).id


def test_the_seed_changes_the_id(catalog):
    assert one(catalog, seeds=[4]).id != one(catalog).id


@pytest.mark.parametrize(
    "sections",
    [
        {"train": {"checkpoint_seconds": 5}},
        {"train": {"steps": 3000, "optimizer": {"name": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}}},
        {"train": {"optimizer": {"lr": 9}, "d_optimizer": {"lr": 2e-4}, "g_optimizer": {"lr": 2e-4}}},
        {"train": {"ema": 0}},
        {"score": {"metrics": ["fid"], "extractor": "tiny", "samples": 9, "every": 7, "initial": True}},
        {"compare": {"axis": "penalty"}},
        {"name": "another"},
        {"axes": {"dataset": [{"name": "blobs", "std": 0.1}], "loss": [{"name": "minimax"}]}},
        {"axes": {"architecture": [{"name": "mlp", "layers": [32, 32], "width": 64}]}},
    ],
    ids=str,
)
def test_what_trains_the_same_has_the_same_id(catalog, sections):
    axes = sections.pop("axes", None)
    assert one(catalog, axes=axes, **sections).id == one(catalog).id


def test_integers_and_equal_numbers_are_the_same_where_a_number_is_asked_for(catalog):
    penalty = [{"name": "r1", "weight": 1}], [{"name": "r1", "weight": 1.0}]
    assert len({one(catalog, axes={"penalty": values}).id for values in penalty}) == 1
    assert len({one(catalog, train={"optimizer": {"lr": lr}}).id for lr in (1, 1.0)}) == 1
    assert (
        one(catalog, train={"optimizer": {"betas": [0, 0.9]}}).id
        == one(catalog, train={"optimizer": {"betas": [0.0, 0.9]}}).id
    )


def test_it_does_not_matter_where_a_setting_comes_from(catalog):
    by_section = one(catalog, train={"optimizer": {"lr": 0.5}, "steps": 7})
    by_axis = one(catalog, axes={"train.optimizer.lr": [0.5], "train.steps": [7]})
    by_players = one(catalog, train={"d_optimizer": {"lr": 0.5}, "g_optimizer": {"lr": 0.5}, "steps": 7})
    by_table = one(catalog, axes={"train.optimizer": [{"lr": 0.5}]}, train={"steps": 7})
    by_override = one(
        catalog, override=[{"when": {"loss": "minimax"}, "train": {"optimizer": {"lr": 0.5}, "steps": 7}}]
    )
    (by_set,) = read_grid(ONE, catalog, ["train.optimizer.lr=0.5", "train.steps=7"]).cells
    assert len({cell.id for cell in (by_section, by_axis, by_players, by_table, by_override, by_set)}) == 1


names = {
    "dataset": ["blobs", {"name": "blobs", "std": 0.5}, "photos"],
    "architecture": ["mlp", "dcgan", {"name": "dcgan", "channels": 3}],
    "loss": ["minimax", "non_saturating", "wasserstein"],
    "penalty": ["none", "r1", {"name": "r1", "weight": 2}],
    "train.optimizer.lr": [0.1, 0.2],
    "train.order": ["g_then_d", "d_then_g"],
}


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(shuffle=st.randoms(use_true_random=False), data=st.data())
def test_neither_order_nor_company_matters(catalog, shuffle: random.Random, data):
    def subset(values):
        return data.draw(st.lists(st.sampled_from(values), min_size=1, unique_by=str))

    small = copy.deepcopy(ONE)
    small["axes"] = {axis: subset(values) for axis, values in names.items()}
    small["seeds"] = subset([0, 1, 5, 2**31 - 1])
    large = copy.deepcopy(ONE)
    keys = list(names)
    shuffle.shuffle(keys)
    large["axes"] = {key: shuffle.sample(names[key], len(names[key])) for key in keys}
    large["seeds"] = [5, 2**31 - 1, 0, 1]
    large["compare"] = {"axis": "penalty"}
    large["score"] = {"metrics": ["coverage"], "samples": 50}

    def key(cell):
        return (*cell.axes.values(), *(cell.varied[name] for name in sorted(cell.varied)), cell.seed)

    found = {key(cell): cell.id for cell in read_grid(large, catalog).cells}
    assert len(set(found.values())) == len(found)
    for cell in read_grid(small, catalog).cells:
        assert found[key(cell)] == cell.id


def test_an_id_is_a_c_and_eleven_hexadecimal_digits_and_survives_pickling(read, table):
    for cell in read(table).cells:
        assert re.fullmatch(r"c[0-9a-f]{11}", cell.id)
        again = pickle.loads(pickle.dumps(cell))
        assert again == cell
        assert again.id == cell.id
