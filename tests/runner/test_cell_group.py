"""Seeds that are trained together: each leaves what it leaves alone, however the group is put together.

The rounds are played operation by operation here; tests/engines has the compiled ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from finished_cells import equal_files
from parts_here import shared

from ganbench.catalog import load_catalog
from ganbench.engines import engine_named
from ganbench.engines.ensemble import EnsembleEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.execution import plan_run
from ganbench.execution.task_groups import grouped, notes_on_groups
from ganbench.grid import read_grid
from ganbench.runner import CellResult, Task, run_cell, run_cells, stopwatch
from ganbench.runner.events import CellBegun, CellProgress, CellScored, Event
from ganbench.store import Store
from ganbench.training import Diverged, Trainer, lockstep

MLP = {"name": "mlp", "generator_widths": [6], "discriminator_widths": [6], "noise": 2}


@pytest.fixture(autouse=True)
def played_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EnsembleEngine, "function", ReplayingEngine.function)


def document(seeds: Sequence[int], **train: Any) -> dict[str, Any]:
    return {
        "name": "group",
        "seeds": list(seeds),
        "axes": {"dataset": ["gaussian_ring"], "architecture": [MLP], "loss": ["non_saturating"]},
        "train": {"steps": 24, "batch_size": 8, "diagnostics_every": 1, "engine": "ensemble-4", **train},
        "score": {"metrics": ["high_quality"], "samples": 100, "every": 10},
    }


def tasks_in(folder: Path, seeds: Sequence[int], **train: Any) -> list[Task]:
    grid = read_grid(document(seeds, **train), load_catalog())
    plan, store = plan_run(grid, folder, device="cpu")
    store.make()
    store.write_grid(plan.grid.to_toml())
    return [
        Task(cell=planned.cell, folder=str(folder), device="cpu", environment=planned.environment)
        for planned in plan.cells
    ]


def run_together(
    tasks: Sequence[Task],
    stop: Callable[[], bool] = lambda: False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> list[CellResult]:
    return list(run_cells(tasks, shared(), stop, on_event))


@pytest.mark.slow
def test_together_alone_fewer_and_in_another_order_leave_the_same_bytes(tmp_path: Path) -> None:
    whole = tasks_in(tmp_path / "whole", range(4))
    events: list[Event] = []
    results = run_together(whole, on_event=events.append)
    assert [(result.status, result.step) for result in results] == [("ok", 24)] * 4
    assert {type(event) for event in events} == {CellBegun, CellProgress, CellScored}
    assert {event.cell for event in events} == {task.cell.id for task in whole}
    apart = tasks_in(tmp_path / "apart", range(4))
    assert run_cell(apart[2], shared()).status == "ok"
    assert [result.status for result in run_together([apart[3], apart[0]])] == ["ok", "ok"]
    assert run_cell(apart[1], shared()).status == "ok"
    assert equal_files(Store(tmp_path / "whole"), Store(tmp_path / "apart"))


@pytest.mark.slow
def test_stopped_at_different_steps_they_end_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    whole = tasks_in(tmp_path / "whole", range(3))
    run_together(whole)
    parted = tasks_in(tmp_path / "parted", range(3), checkpoint_seconds=1e-9)
    asked = iter(range(1000))
    assert run_cell(parted[1], shared(), lambda: next(asked) >= 14).status == "unfinished"
    asked = iter(range(1000))
    ends = run_together(parted[:2], lambda: next(asked) >= 10)
    assert {end.status for end in ends} == {"unfinished"}
    steps = {end.cell: end.step for end in ends}
    assert steps[parted[0].cell.id] < steps[parted[1].cell.id]
    assert [(end.status, end.reason) for end in run_together(parted)] == [("ok", "")] * 3
    assert equal_files(Store(tmp_path / "whole"), Store(tmp_path / "parted"))


@pytest.mark.slow
def test_one_that_diverges_ends_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = tasks_in(tmp_path / "alone", range(3))
    run_together(alone)
    look = Trainer.look

    def diverging(self: Trainer, *, weights: bool) -> None:
        if self.coming_run().seed == 1 and self.step >= 10:
            raise Diverged(7, "loss_g")
        look(self, weights=weights)

    monkeypatch.setattr(Trainer, "look", diverging)
    tasks = tasks_in(tmp_path / "out", range(3))
    ends = {end.cell: end for end in run_together(tasks)}
    assert [ends[task.cell.id].status for task in tasks] == ["ok", "diverged", "ok"]
    assert ends[tasks[1].cell.id].reason == "loss_g is not finite at step 7"
    for task in (tasks[0], tasks[2]):
        one, other = (
            Store(tmp_path / name).folder(task.cell.id) / "generator.safetensors" for name in ("alone", "out")
        )
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_what_a_round_raises_ends_all_that_played_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: object, recorded: object, inputs: object) -> object:
        raise RuntimeError("no compiler today")

    monkeypatch.setattr(EnsembleEngine, "function", failing)
    ends = run_together(tasks_in(tmp_path, range(2)))
    assert [end.status for end in ends] == ["error"] * 2
    assert all("no compiler today" in end.reason for end in ends)


@pytest.mark.slow
def test_time_is_shared_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def taking(seconds: float, method: str) -> None:
        call = getattr(EnsembleEngine, method)

        def slow(*given: Any) -> None:
            nonlocal now
            now += seconds
            call(*given)

        monkeypatch.setattr(EnsembleEngine, method, slow)

    taking(1.0, "advance")
    taking(8.0, "prepare")
    for module in (lockstep, stopwatch):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    ends = run_together(tasks_in(tmp_path, range(4)))
    # 24 rounds, and a preparation before each of the three parts between scores.
    assert now == 24 * 1.0 + 3 * 8.0
    assert [end.seconds for end in ends] == [now / 4] * 4
    for end in ends:
        record = Store(tmp_path).cell(end.cell)
        assert record["cost"]["steps_per_second"] == 24 / (24 / 4)
        assert record["engine"] == "ensemble-4"


@pytest.mark.slow
def test_groups_are_of_seeds_whose_cells_are_alike(tmp_path: Path) -> None:
    tasks = tasks_in(tmp_path, [0, 5, 1, 3, 4, 9])
    groups = grouped(tasks)
    assert [[task.cell.seed for task in group] for group in groups] == [[0, 1, 3], [5, 4], [9]]
    # Scores alone are added one by one; eager cells are trained one by one.
    assert len(grouped([replace(task, rescore=True) for task in tasks])) == 6
    assert len(grouped(tasks_in(tmp_path / "eager", range(3), engine="eager"))) == 3


@pytest.mark.slow
def test_seeds_with_the_same_place_are_not_trained_together(tmp_path: Path) -> None:
    ends = run_together(tasks_in(tmp_path, [1, 5]))
    assert [end.status for end in ends] == ["error"] * 2
    assert "seeds [1, 5] have no places of their own among 4" in ends[0].reason
    assert engine_named("ensemble").width == 5


@pytest.mark.slow
def test_the_plan_says_what_work_is_lost_on_empty_places(tmp_path: Path) -> None:
    def notes(seeds: int, *, together: bool = True) -> list[str]:
        tasks = tasks_in(tmp_path / f"{seeds}-{together}", range(seeds))
        return notes_on_groups([(task.cell, task.environment) for task in tasks], together=together)

    assert notes(4) == notes(7) == []
    assert notes(3) == [
        "train.engine 'ensemble-4': at least 1 of 4 places in each group of seeds stay empty, which take as "
        "long as the others; ensemble-3 has none"
    ]
    assert notes(4, together=False) == [
        "train.engine 'ensemble-4': with this executor each cell is trained alone, and takes as long as 4 "
        "together; only worker processes of one machine train seeds together"
    ]
    (note,) = plan_run(read_grid(document(range(1)), load_catalog()), tmp_path / "one", device="cpu")[0].notes
    assert "3 of 4 places" in note
    assert note.endswith("; compiled has none")
