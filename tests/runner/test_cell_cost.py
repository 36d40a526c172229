"""What a cell costs stands in its record, and goes on with its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from finished_cells import finish
from parts_here import shared
from tiny_grid import GRID as TWO_CELLS
from torch import nn

from ganbench import Noise, Players
from ganbench.catalog import load_catalog
from ganbench.grid import environment_of, read_grid
from ganbench.report import load
from ganbench.runner import Task, run_cell
from ganbench.runner.cell_cost import CellCost
from ganbench.store import Store

GRID: dict[str, Any] = {**TWO_CELLS, "seeds": 1, "train": {"steps": 6, "batch_size": 8}, "score": {}}
PLAYERS = Players(generator=nn.Linear(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))


@pytest.mark.parametrize("stops", [[], [2]])
def test_a_finished_cell_says_what_it_cost(tmp_path: Path, stops: list[int]) -> None:
    store = finish(GRID, tmp_path / "out", stops=stops)
    (row,) = load(tmp_path / "out").cells.to_dict("records")
    # 4 · 8 + 8 and 8 · 2 + 2; of D, 2 · 8 + 8 and 8 + 1.
    assert (row["generator_parameters"], row["discriminator_parameters"]) == (58, 33)
    assert row["steps_per_second"] > 0
    assert row["peak_memory_mib"] > 100
    assert store.cell(row["cell"])["cost"]["steps_per_second"] == row["steps_per_second"]


def test_steps_and_seconds_of_several_runs_are_added() -> None:
    first = CellCost(torch.device("cpu"))
    first.add(30, 2.0)
    second = CellCost(torch.device("cpu"))
    second.restore({**first.state(), "peak_mib": 1e6})
    second.add(10, 2.0)
    record = second.as_record(PLAYERS)
    assert record["steps_per_second"] == 10.0
    assert record["peak_memory_mib"] == 1e6
    assert record["generator_parameters"] == 10


@pytest.mark.parametrize(
    "state", [None, [], {}, {"steps": -1, "seconds": 1.0, "peak_mib": 1.0}, {"steps": "x"}]
)
def test_a_checkpoint_without_costs_is_gone_on_from(state: object) -> None:
    cost = CellCost(torch.device("cpu"))
    cost.restore(state)
    assert "steps_per_second" not in cost.as_record(PLAYERS)
    assert cost.state()["steps"] == 0


def test_where_no_memory_is_told_it_stays_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("ganbench.runner.cell_cost._CLEAR", tmp_path / "none" / "clear_refs")
    assert "peak_memory_mib" not in CellCost(torch.device("cpu")).as_record(PLAYERS)


def test_a_gpu_that_is_not_there_ends_its_cell_and_nothing_else(tmp_path: Path) -> None:
    catalog = load_catalog()
    (cell,) = read_grid(GRID, catalog).cells
    Store(tmp_path).make()
    here = environment_of(cell, catalog, device="cpu", engine="eager", threads=1)
    result = run_cell(Task(cell=cell, folder=str(tmp_path), device="cuda:99", environment=here), shared())
    assert (result.status, result.step) == ("error", 0)
    assert result.reason


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_memory_of_a_gpu_is_that_of_tensors(device: str) -> None:
    cost = CellCost(torch.device(device))
    torch.empty(2**26, device=device)
    assert 256 <= cost.as_record(PLAYERS)["peak_memory_mib"] < 2**14
