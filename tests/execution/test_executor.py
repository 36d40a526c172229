"""An executor of the test's own: the protocol is enough for it, and nothing of a result depends on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess
from parts_here import forget, shared
from studies import outcome
from tiny_grid import GRID

import ganbench
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.execution import (
    EXECUTORS,
    Executor,
    LocalExecutor,
    Place,
    Rerun,
    plan_run,
    plan_verification,
    verify,
)
from ganbench.grid import read_grid
from ganbench.runner import Task, run_cell


class Elsewhere(InProcess):
    """Says that its cells run on a device of another model than this machine has."""

    def places(self) -> list[Place]:
        return [Place(device="cpu", model="another CPU")]


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_another_executor_gives_the_same_bytes_and_each_verifies_the_other(tmp_path: Path) -> None:
    own: Executor = InProcess()
    own_out, local_out = tmp_path / "own", tmp_path / "local"
    grid = {**GRID, "seeds": 1}
    ganbench.run(grid, own_out, executor=own)
    local: Executor = LocalExecutor("cpu", jobs=1)
    ganbench.run(grid, local_out, executor=local)
    assert outcome(own_out) == outcome(local_out)
    assert len(outcome(own_out)) > 4
    scores = [(out / "scores.csv").read_bytes() for out in (own_out, local_out)]
    assert scores[0] == scores[1]
    for out, executor in ((local_out, own), (own_out, local)):
        verified = list(verify(plan_verification(out), tolerance=0, executor=executor))
        assert [(cell.differences, cell.changes, cell.compared) for cell in verified] == [((), (), 2)]
    assert len(own.ran) == 2  # type: ignore[attr-defined]


@pytest.mark.slow
def test_cells_are_planned_for_the_model_where_they_will_run(tmp_path: Path) -> None:
    planned, _ = plan_run(read_grid(GRID, load_catalog()), tmp_path / "out", executor=Elsewhere())
    assert {entry.environment.device for entry in planned.cells} == {"another CPU"}
    # A worker proves where it is, whatever its executor says.
    results = ganbench.run(GRID, tmp_path / "out", executor=Elsewhere())
    assert set(results.cells["status"]) == {"error"}
    assert results.cells["reason"].str.contains("not the planned one: device another CPU -> ").all()


class Mixed(InProcess):
    """Has devices of two models, of which new cells are planned for the first."""

    models = ("first model", "second model")

    def places(self) -> list[Place]:
        return [Place(device="cpu", model=model) for model in type(self).models]


@pytest.mark.slow
def test_a_cell_goes_back_to_the_device_model_that_it_began_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, out = read_grid(GRID, load_catalog()), tmp_path / "out"

    def planned(models: tuple[str, ...], rerun: Rerun = "no") -> list[tuple[str, str]]:
        monkeypatch.setattr(Mixed, "models", models)
        plan, _ = plan_run(grid, out, executor=Mixed(), rerun=rerun)
        return [(entry.action, entry.environment.device) for entry in plan.cells]

    assert planned(("A", "B")) == [("train", "A"), ("train", "A")]
    # One was begun on B, and one finished there: both stay there where B is allowed, whatever comes first.
    monkeypatch.setattr("ganbench.grid.environment.device_model", lambda _: "B")
    plan, store = plan_run(grid, out, executor=Mixed())
    store.make()
    for entry, stop in zip(plan.cells, (lambda: False, lambda: True), strict=True):
        environment = replace(entry.environment, device="B")
        task = Task(cell=entry.cell, folder=str(out), device="cpu", environment=environment)
        ended = run_cell(task, shared(), stop)
        assert ended.status == ("unfinished" if stop() else "ok"), ended.reason
    store.write_grid(grid.to_toml())
    assert planned(("A", "B")) == [("keep", "B"), ("train", "B")]
    assert planned(("B",)) == [("keep", "B"), ("train", "B")]
    with pytest.raises(GridError) as caught:
        planned(("A",))
    assert [problem.count("device B -> A") for problem in caught.value.problems] == [1, 1]
    assert planned(("A",), "keep") == [("keep", "A"), ("train", "A")]


def test_what_a_cell_needs_of_a_cluster_is_left_aside_without_one(tmp_path: Path) -> None:
    needy = {**GRID, "override": [{"when": {"loss": "non_saturating"}, "cluster": {"num_gpus": 2}}]}
    noted = "cluster.num_gpus and cluster.mem_gb are left aside: only --executor ray and slurm use them"
    plan, _ = plan_run(read_grid(needy, load_catalog()), tmp_path / "out", device="cpu")
    assert noted in plan.notes
    plan, _ = plan_run(read_grid(GRID, load_catalog()), tmp_path / "out", device="cpu")
    assert noted not in plan.notes


@pytest.mark.slow
def test_data_paths_reach_a_worker_whose_own_variables_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        for index in range(20):
            picture = tmp_path / name / "pictures" / f"{index}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            save_grey(picture, index if name == "here" else 100 + index)

    class OtherVariables(InProcess):
        """Its workers start with a folder of data that is not the caller's."""

        def run(self, tasks: Any, on_event: Any) -> Any:
            monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "there"))
            forget()
            return super().run(tasks, on_event)

    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "here"))
    pictures = {**GRID, "axes": {**GRID["axes"], "dataset": [{"name": "image_folder", "path": "pictures"}]}}
    pictures["score"] = {"metrics": []}
    results = ganbench.run(pictures, tmp_path / "out", executor=OtherVariables())
    assert list(results.cells["status"]) == ["ok"] * 2


def save_grey(path: Path, shade: int) -> None:
    from PIL import Image

    Image.new("L", (8, 8), shade).save(path)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"executor": object()}, "executor: must have the methods places, run, stop, kill; lacks places,"),
        ({"executor": InProcess(), "jobs": 2}, "jobs: leave it out beside an executor"),
        ({"executor": InProcess(), "device": "cpu"}, "device: leave it out beside an executor"),
        ({"executor": InProcess(), "max_seconds_per_cell": 5}, "max_seconds_per_cell: leave it out"),
    ],
)
def test_what_an_executor_decides_is_not_said_beside_it(
    options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, tmp_path / "out", **options)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    assert not (tmp_path / "out").exists()


def test_an_executor_that_was_told_to_stop_is_not_given_another_run(tmp_path: Path) -> None:
    executor = InProcess()
    executor.stop()
    with pytest.raises(GridError, match="executor: was told to stop, and begins nothing more; give a new"):
        ganbench.run(GRID, tmp_path / "out", executor=executor)


def test_an_executor_without_a_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InProcess, "places", lambda _: [])
    with pytest.raises(GridError, match="executor: has no place where a cell can run"):
        ganbench.run(GRID, tmp_path / "out", executor=InProcess())


def test_executors_are_made_by_their_names() -> None:
    assert [place.device for place in EXECUTORS["local"]("cpu", jobs=2).places()] == ["cpu", "cpu"]
