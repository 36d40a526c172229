from __future__ import annotations

import tomllib

import pytest

from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.grid import read_grid


def document(**train):
    return {
        "name": "freeze",
        "seeds": 1,
        "axes": {
            "dataset": ["gaussian_ring"],
            "architecture": ["mlp"],
            "loss": ["minimax", "non_saturating"],
        },
        "train": {"steps": 20, **train},
    }


def read(given):
    return read_grid(given, load_catalog())


def test_the_settings_are_part_of_the_identity_only_where_they_are_said():
    plain = read(document()).cells[0]
    frozen = read(document(freeze_generator_at=5)).cells[0]
    opened = read(document(freeze_generator_at=5, loss_before_freeze="non_saturating")).cells[0]
    assert len({plain.id, frozen.id, opened.id}) == 3
    assert "freeze_generator_at" not in plain.train.changed()


def test_what_is_written_out_reads_as_the_same_grid():
    grid = read(document(freeze_generator_at=5, loss_before_freeze="non_saturating"))
    again = read(tomllib.loads(grid.to_toml()))
    assert again == grid
    assert [cell.id for cell in again.cells] == [cell.id for cell in grid.cells]
    assert tomllib.loads(grid.to_toml())["train"]["loss_before_freeze"] == "non_saturating"


def test_it_can_be_an_axis():
    given = document()
    given["axes"]["train.freeze_generator_at"] = [0, 10]
    assert [cell.train.freeze_generator_at for cell in read(given).cells] == [0, 10, 0, 10]


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"freeze_generator_at": 20}, "must be below steps = 20, given 20"),
        ({"freeze_generator_at": -1}, "train.freeze_generator_at: must be a whole number of steps"),
        ({"freeze_generator_at": "x"}, "train.freeze_generator_at: must be a whole number of steps"),
        ({"freeze_generator_at": 5, "loss_before_freeze": "minmax"}, "'minimax'"),
        ({"loss_before_freeze": "minimax"}, "needs freeze_generator_at above 0"),
        ({"freeze_generator_at": 0, "loss_before_freeze": "minimax"}, "needs freeze_generator_at above 0"),
    ],
)
def test_a_freeze_that_cannot_be_is_refused_in_a_line(train, words):
    with pytest.raises(GridError, match=words):
        read(document(**train))
