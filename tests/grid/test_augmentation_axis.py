"""The axis `augmentation`: an axis as any other, and not there at all where nothing is augmented."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from ganbench.grid import Streams, stream_seed
from ganbench.grid.choice import NONE, Choice
from ganbench.grid.environment import parts_of
from ganbench.grid.seeds import build_seed

FLIP = {"name": "flip", "probability": 0.25}


def with_axis(table: dict[str, Any], *values: Any) -> dict[str, Any]:
    return {**table, "axes": {**table["axes"], "augmentation": list(values)}}


def test_without_one_nothing_of_a_grid_changes(read: Any, table: Any) -> None:
    plain, said = read(table), read(with_axis(table, "none"))
    assert said == plain
    assert said.to_toml() == plain.to_toml()
    assert "augmentation" not in plain.to_toml()
    assert [axis.key for axis in plain.axes] == ["dataset", "architecture", "loss", "penalty"]
    assert all("augmentation" not in cell.varied for cell in plain.cells)
    assert all(Streams.of(cell).augmentation is None for cell in plain.cells)
    assert all(kind != "augmentation" for cell in plain.cells for kind, _ in parts_of(cell))


def test_cells_without_one_keep_their_ids_beside_those_with_one(read: Any, table: Any) -> None:
    plain, both = read(table), read(with_axis(table, "none", "flip", FLIP))
    assert len(both.cells) == 3 * len(plain.cells)
    labels = [cell.augmentation.label for cell in both.cells]
    assert labels[:3] == ["none", "flip", "flip[probability=0.25]"]
    assert [cell.varied for cell in both.cells[:2]] == [{"augmentation": "none"}, {"augmentation": "flip"}]
    assert [cell.id for cell in both.cells if cell.augmentation == NONE] == [cell.id for cell in plain.cells]
    assert len({cell.id for cell in both.cells}) == len(both.cells)
    assert ("augmentation", Choice("flip")) in [*parts_of(both.cells[1])]


def test_it_is_in_a_cells_identity_and_in_a_stream_of_its_own_only(read: Any, table: Any) -> None:
    plain, _, augmented = read(with_axis(table, "none", "flip", FLIP)).cells[:3]
    assert replace(plain, augmentation=augmented.augmentation).id == augmented.id
    one, other = Streams.of(plain), Streams.of(augmented)
    assert replace(other, augmentation=None) == one
    assert other.augmentation == stream_seed(
        augmented.seed,
        "augmentation",
        {"augmentation": {"name": "flip", "options": {"probability": 0.25}}},
    )
    loss = replace(augmented, loss=Choice("wasserstein"), penalty=Choice("r2"))
    assert Streams.of(loss).augmentation == other.augmentation
    assert build_seed(augmented, "augmentation", "flip") == stream_seed(
        augmented.seed, "augmentation_init", {"augmentation": "flip"}
    )


def test_the_stored_grid_reads_the_same(read: Any, table: Any) -> None:
    grid = read(with_axis(table, "none", FLIP))
    again = read(tomllib.loads(grid.to_toml()))
    assert again == grid
    assert [cell.id for cell in again.cells] == [cell.id for cell in grid.cells]


def test_patterns_excludes_and_the_command_line_speak_of_it(read: Any, table: Any) -> None:
    asked = with_axis(table, "none", "flip", FLIP)
    asked["override"] = [{"when": {"augmentation": FLIP}, "train": {"batch_size": 16}}]
    asked["exclude"] = [{"when": {"augmentation": "flip", "loss": "minimax"}}]
    asked["compare"] = {"axis": "augmentation", "baseline": "flip"}
    grid = read(asked)
    assert (grid.compare.axis, grid.compare.baseline) == ("augmentation", "flip")
    sizes = {(cell.augmentation.label, cell.train.batch_size) for cell in grid.cells}
    assert sizes == {("none", 64), ("flip", 64), ("flip[probability=0.25]", 16)}
    left = {(cell.loss.name, cell.augmentation.name) for cell in grid.cells}
    assert left == {("minimax", "none"), ("non_saturating", "none"), ("non_saturating", "flip")}
    set_here = read(table, 'axes.augmentation=["none", "flip"]')
    assert {cell.augmentation.name for cell in set_here.cells} == {"none", "flip"}
    # A pattern may name it where every cell has none.
    table["override"] = [{"when": {"augmentation": "none"}, "train": {"batch_size": 16}}]
    assert {cell.train.batch_size for cell in read(tomllib.loads(read(table).to_toml())).cells} == {16}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["flop"], "axes.augmentation[0]: unknown augmentation 'flop'; did you mean 'flip'?"),
        (["flip", "flip"], "axes.augmentation: has 'flip' twice"),
        ([{"name": "flip", "share": 1}], "augmentation 'flip' has no option 'share'"),
        ([["flip", "none"]], "axes.augmentation[0]: must be a name, or a table"),
        ([], "axes.augmentation: must be a list of at least one value, given []"),
    ],
)
def test_what_is_wrong_with_it_is_said(problems: Any, table: Any, values: Any, problem: str) -> None:
    (line,) = problems(with_axis(table, *values))
    assert problem in line


def test_nothing_is_compared_where_nothing_is_augmented(problems: Any, table: Any) -> None:
    for asked in (table, with_axis(table, "none")):
        (line,) = problems({**asked, "compare": {"axis": "augmentation"}})
        assert line.endswith("compare.axis: the grid augments nothing; give axes.augmentation two values")
