from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from parts_here import shared
from rich.console import Console

from ganbench.catalog import load_catalog
from ganbench.cli.progress import RunProgress, plan_notes
from ganbench.execution import Place, Plan, PlannedCell
from ganbench.grid import environment_of, read_grid
from ganbench.runner import CellResult

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["minimax"]},
}


@pytest.fixture(scope="module")
def planned() -> PlannedCell:
    (cell,) = read_grid(GRID, load_catalog()).cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    return PlannedCell(cell=cell, action="train", environment=environment)


def told(planned: PlannedCell, quiet: bool = False, **result: Any) -> str:
    target = io.StringIO()
    progress = RunProgress(Console(file=target, width=300, markup=False), quiet)
    progress.finished(planned, CellResult(cell=planned.cell.id, **result))
    return target.getvalue()


def test_a_score_is_never_told_without_its_extractor(planned: PlannedCell) -> None:
    scores = {"digits_cnn (bfloat16)": {"fid": 6.48352, "is": 4.17}, "": {"jsd": 0.25}}
    line = told(planned, status="ok", seconds=2.0, scores=scores)
    assert line.endswith(
        "digits mlp minimax seed 0: ok  digits_cnn (bfloat16): fid 6.484, is 4.17  jsd 0.25  2 s\n"
    )


def test_names_from_plugins_are_shown_as_they_are(planned: PlannedCell) -> None:
    line = told(planned, status="error", reason="\x1b[2J[red]", scores={"[bold]": {"\x07m": 1.0}})
    assert "error (\ufffd[2J[red])  [bold]: \ufffdm 1" in line


def test_quiet_tells_of_failures_only(planned: PlannedCell) -> None:
    assert told(planned, quiet=True, status="ok", scores={}) == ""
    assert "oom (out of memory)" in told(planned, quiet=True, status="oom", reason="out of memory", scores={})


def test_why_another_engine_is_not_taken_is_told_once_with_the_number_of_cells(planned: PlannedCell) -> None:
    refused = replace(planned, refusals={"graph": "a scheduled beta"})
    plan = Plan(
        grid=read_grid(GRID, load_catalog()),
        cells=(refused, planned, refused),
        stale=0,
        orphaned=(),
        place=Place(device="cuda", model="A GPU"),
        shared=shared(),
    )
    assert plan_notes(plan) == ["2 cells not on engine 'graph': a scheduled beta"]
