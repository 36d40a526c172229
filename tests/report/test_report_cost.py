"""Costs on the page: beside the scores of each combination, and scores over time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from fabricated_results import Folder

from ganbench.analysis.read_tables import read_tables
from ganbench.report import load, write_tables
from ganbench.report.cost import cost_text_table
from ganbench.store import Store

MakeFolder = Callable[..., Folder]
COST = {"generator_parameters": 1234, "discriminator_parameters": 99, "peak_memory_mib": 512.5}


def fill(folder: Folder, costs: dict[str, list[dict[str, Any]]]) -> None:
    for loss, cells in costs.items():
        for seed, cost in enumerate(cells):
            rows = [
                {"metric": "fid", "value": 20.0 + seed, "step": 50},
                {"metric": "fid", "value": 9.0 + seed},
            ]
            folder.add(loss=loss, seed=seed, scores=rows, cost=cost, seconds=4.0)
    folder.index()


def test_each_combination_has_its_costs_beside_its_scores(make_folder: MakeFolder) -> None:
    folder = make_folder()
    costs = [{**COST, "steps_per_second": rate} for rate in (10.0, 30.0)]
    fill(folder, {"minimax": costs, "non_saturating": [{}, {}]})
    table = cost_text_table(load(folder.path))
    assert table.shared == "digits, mlp"
    assert [dict(zip(table.head, row, strict=True)) for row in table.rows] == [
        {
            "loss": "minimax",
            "seeds": "2",
            "fid (digits_cnn)": "9.5 ± 0.707",
            "parameters of G": "1,234",
            "parameters of D": "99",
            "time": "4 s",
            "steps per second": "20",
            "memory, MiB": "512",
        },
        {
            "loss": "non_saturating",
            "seeds": "2",
            "fid (digits_cnn)": "9.5 ± 0.707",
            "parameters of G": "-",
            "parameters of D": "-",
            "time": "4 s",
            "steps per second": "-",
            "memory, MiB": "-",
        },
    ]


def test_large_costs_are_whole_numbers(make_folder: MakeFolder) -> None:
    folder = make_folder()
    fill(folder, {"minimax": [{"steps_per_second": 1499.7, "peak_memory_mib": 24310.4}]})
    assert cost_text_table(load(folder.path)).rows[0][-2:] == ["1,500", "24,310"]


def test_costs_survive_in_tables_without_cells(make_folder: MakeFolder) -> None:
    folder = make_folder()
    fill(folder, {"minimax": [{**COST, "steps_per_second": 0.25}, {}]})
    write_tables(Store(folder.path))
    assert ",1234,99,0.25,512.5\n" in (folder.path / "cells.csv").read_text()
    first, second = read_tables(folder.path).cells.to_dict("records")
    assert [first[name] for name in COST] == list(COST.values())
    assert math.isnan(second["steps_per_second"])


@pytest.mark.parametrize("cost", [3, [], {"steps_per_second": [1]}, {"generator_parameters": -1}, {"x": 1}])
def test_damaged_costs_are_unknown(make_folder: MakeFolder, cost: Any) -> None:
    folder = make_folder()
    folder.add(scores={"fid": 1.0}, cost=cost)
    results = load(folder.path)
    assert results.cells["status"].tolist() == ["ok"]
    assert cost_text_table(results).rows == []


@pytest.mark.slow
def test_scores_stand_over_time_where_all_speeds_are_known(make_folder: MakeFolder) -> None:
    known, unknown = make_folder("known"), make_folder("unknown")
    rates = {"minimax": (10.0, 30.0), "non_saturating": (100.0, 100.0)}
    fill(known, {loss: [{"steps_per_second": rate} for rate in pair] for loss, pair in rates.items()})
    fill(unknown, {"minimax": [{"steps_per_second": 1.0}], "non_saturating": [{}]})
    figures = load(known.path).figures()
    axes = figures["digits, mlp: fid (digits_cnn) over time"].axes[0]
    assert axes.get_xlabel().startswith("seconds of training")
    medians = [list(line.get_xdata()) for line in axes.get_lines() if line.get_linewidth() > 1]
    # Steps 50 and 100: at 20 steps per second, the mean of the two seeds, and at 100.
    assert medians == [[2.5, 5.0], [0.5, 1.0]]
    assert not any("over time" in name for name in load(unknown.path).figures())
