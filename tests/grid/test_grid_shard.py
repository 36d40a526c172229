from __future__ import annotations

from typing import Any

import pytest

from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.grid import Grid, read_grid
from ganbench.grid.shard import Shard

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 3,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": ["mlp"],
        "loss": ["minimax", "non_saturating"],
        "penalty": ["none", "r1"],
    },
    "train": {"steps": 20},
}


@pytest.fixture(scope="module")
def grid() -> Grid:
    return read_grid(GRID, load_catalog())


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_every_cell_is_in_exactly_one_shard(grid: Grid, count: int) -> None:
    parts = [grid.part(Shard(index, count)) for index in range(1, count + 1)]
    dealt = [cell.id for part in parts for cell in part.cells]
    assert sorted(dealt) == sorted(cell.id for cell in grid.cells)
    assert {len(part.cells) for part in parts} <= {12 // count, -(-12 // count)}


def test_a_shard_keeps_the_order_and_the_document_of_its_grid(grid: Grid) -> None:
    part = grid.part(Shard(2, 3))
    assert part.to_toml() == grid.to_toml()
    assert [cell for cell in grid.cells if cell in part.cells] == list(part.cells)
    assert {cell.id for cell in part.cells} == set(sorted(cell.id for cell in grid.cells)[1::3])


@pytest.mark.parametrize("given", ["3/16", (3, 16), [3, 16], Shard(3, 16)])
def test_a_shard_is_read_as_it_is_written(given: Any) -> None:
    assert Shard.read(given) == Shard(3, 16)
    assert str(Shard.read(given)) == "3/16"


@pytest.mark.parametrize("given", ["0/4", "5/4", (0, 4), (-1, 4), "0/0"])
def test_a_shard_out_of_range_is_refused(given: Any) -> None:
    with pytest.raises(GridError, match=r"^--shard: must be from 1/N to N/N, given"):
        Shard.read(given, "--shard")


@pytest.mark.parametrize("given", ["x", "", "3", "3/", "1/2/3", "1 / 2", "٣/٤", 3, (1,), (1.0, 2), (True, 2)])
def test_what_is_no_shard_is_refused(given: Any) -> None:
    with pytest.raises(GridError, match=r"^shard: must be I/N"):
        Shard.read(given)


def test_more_shards_than_cells_are_refused(grid: Grid) -> None:
    with pytest.raises(GridError, match="tiny has 12 cells"):
        grid.part(Shard(1, 13))


def test_a_part_is_not_dealt_again(grid: Grid) -> None:
    part = grid.part(Shard(2, 3))
    assert part.part(Shard(2, 3)) is part
    with pytest.raises(GridError, match="is shard 2 of 3 already, not shard 1 of 3"):
        part.part(Shard(1, 3))
