from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.report import load
from ganbench.report.page_parts import MAX_COMING, progress


@pytest.mark.slow
def test_nothing_where_every_cell_has_ended(planted: Folder) -> None:
    assert progress(load(planted.path).cells, "loss", {}) is None


def test_the_furthest_comes_first_and_failures_have_ended(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, status="diverged", curves=False)
    for seed in range(1, MAX_COMING + 3):
        folder.add(seed=seed, status="unfinished", step=10 if seed == 5 else 0, curves=False)
    folder.index()
    found = progress(load(folder.path).cells, "loss", {"train": {"steps": 20}})
    assert found is not None
    assert (found.done, found.cells, found.more) == (1, MAX_COMING + 3, 2)
    assert found.groups == {"minimax": (1, MAX_COMING + 3)}
    assert found.coming[0] == "digits, mlp, minimax, seed 5: at step 10 of 20"
    assert len(found.coming) == MAX_COMING


def test_a_cell_of_which_nothing_is_known_is_named_by_its_id(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.ids = ["c0123456789a"]
    folder.index()
    found = progress(load(folder.path).cells, "loss", {"train": "no table"})
    assert found is not None
    assert found.coming == ["c0123456789a: to start"]


def test_how_far_a_cell_goes_is_said_where_it_is_known(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, status="unfinished", step=10, curves=False)
    folder.index()
    cells = load(folder.path).cells
    override = {"when": {"dataset": "digits"}, "train": {"steps": 40}}

    def told(grid: Mapping[str, Any], table: pd.DataFrame = cells) -> str:
        found = progress(table, "loss", grid)
        assert found is not None
        return found.coming[0].rpartition(": ")[2]

    assert (
        told({"train": {"steps": 20}, "override": [override | {"train": {"ema": 0.5}}]}) == "at step 10 of 20"
    )
    assert told({"train": {"steps": 20}, "override": [override]}) == "at step 10"
    assert told({"train": {"steps": 20}}, cells.assign(**{"train.steps": 30})) == "at step 10 of 30"
