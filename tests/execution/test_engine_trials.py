"""Engines tried on the games of a plan: which cells are tried together, and what is made of their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from finished_cells import finish
from tiny_grid import GRID

from ganbench.engines import ENGINES, EngineChoice, engine_named
from ganbench.execution import Plan, engine_trials, plan_run
from ganbench.execution.engine_trials import EngineTrial, try_engines
from ganbench.execution.grid_run import read_run_grid
from ganbench.grid import Cell
from ganbench.runner import CellParts
from ganbench.runner.engine_speed import EngineSpeed

ROUND, READY = 0.25, 8.0


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Cell]]]:
    """Lets every engine take a quarter of a second for a round; graphs refuse. Lists what was tried."""
    seen: list[tuple[str, list[Cell]]] = []

    def measure(engine: str, seeds: Sequence[CellParts], *, threads: int, seconds: float) -> EngineSpeed:
        assert threads == 1
        seen.append((engine, [parts.cell for parts in seeds]))
        if engine.startswith("graph"):
            return EngineSpeed(engine=engine, refusal="no device")
        return EngineSpeed(
            engine=engine, round_seconds=ROUND, ready_seconds=0.0 if engine == "eager" else READY
        )

    monkeypatch.setattr(engine_trials, "measure_engine", measure)
    return seen


def plan_of(folder: Path, **changes: Any) -> Plan:
    grid = read_run_grid({**GRID, **changes}, folder / "out")
    plan, _ = plan_run(grid, folder / "out", device="cpu")
    return plan


def by_engine(trial: EngineTrial) -> dict[str, tuple[float, float]]:
    return {each.speed.engine: (each.steps_per_second, each.total_seconds) for each in trial.forecasts}


def test_an_ensemble_trains_the_seeds_of_a_group_in_the_time_of_one(
    tmp_path: Path, tried: list[tuple[str, list[Cell]]]
) -> None:
    axes = {**GRID["axes"], "loss": ["minimax", "non_saturating"]}
    told: list[str] = []
    plan = plan_of(tmp_path, axes=axes, seeds=7)
    (trial,) = try_engines(plan, lambda cell, engine: told.append(engine))
    assert (len(trial.cells), trial.engine, told) == (14, "eager", list(ENGINES))
    found = by_engine(trial)
    # 14 cells of 20 steps each; two losses to compile; two groups of each loss, of seeds 0 to 4 and 5 and 6.
    assert found["eager"] == (4.0, 14 * 20 * ROUND)
    assert found["compiled"] == (4.0, 2 * READY + 14 * 20 * ROUND)
    assert found["ensemble"] == (20.0, 2 * READY + 4 * 20 * ROUND)
    assert found["graph"] == (0.0, math.inf)
    for engine, cells in tried:
        assert {cell.loss.label for cell in cells} == {"minimax"}
        assert [cell.seed for cell in cells] == list(range(5 if engine_named(engine).width > 1 else 1))


def test_each_game_and_an_engine_of_another_width_are_tried(
    tmp_path: Path, tried: list[tuple[str, list[Cell]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = EngineChoice(name="ensemble-3")
    monkeypatch.setattr("ganbench.runner.build.choose_engine", lambda *_, **__: chosen)
    axes = {**GRID["axes"], "train.batch_size": [16, 32], "penalty": ["none", "r1"]}
    trials = list(try_engines(plan_of(tmp_path, axes=axes, seeds=4), lambda cell, engine: None))
    assert [(len(trial.cells), trial.engine) for trial in trials] == [(4, "ensemble-3")] * 4
    assert {(trial.cells[0].penalty.label, trial.cells[0].train.batch_size) for trial in trials} == {
        (penalty, size) for penalty in ("none", "r1") for size in (16, 32)
    }
    # Seeds 0 to 2 together, and 3 alone.
    assert by_engine(trials[0])["ensemble-3"] == (12.0, READY + 2 * 20 * ROUND)


def test_what_is_done_is_not_tried(tmp_path: Path, tried: list[tuple[str, list[Cell]]]) -> None:
    finish(GRID, tmp_path / "out")
    assert not list(try_engines(plan_of(tmp_path), lambda cell, engine: None))
    assert not tried
