from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ganbench
from ganbench.catalog import load_catalog
from ganbench.cli.progress import plan_notes
from ganbench.engines import EngineChoice
from ganbench.errors import GridError, StoreError
from ganbench.execution import Plan, plan_run
from ganbench.grid import read_grid
from ganbench.runner import CellParts
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 2,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax", "non_saturating"],
    },
    "train": {"steps": 20, "batch_size": 16},
    "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 64, "every": 0},
}


class Plans:
    """Remembers what was planned; told of everything else too."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.notes: list[str] = []

    def planned(self, plan: Plan) -> None:
        self.plan = plan

    def event(self, event: Mapping[str, Any]) -> None:
        self.notes += [event["note"]] if "note" in event else []

    def finished(self, cell: object, result: object) -> None:
        pass


def grid(**changes: Any) -> dict[str, Any]:
    return {**GRID, **changes}


def actions(given: Mapping[str, Any], out: Path, **options: Any) -> list[str]:
    plan, _ = plan_run(read_grid(given, load_catalog()), out, **options)
    return [planned.action for planned in plan.cells]


@pytest.fixture(scope="module")
def finished(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests take copies."""
    out = tmp_path_factory.mktemp("finished") / "out"
    results = ganbench.run(GRID, out, jobs=1)
    assert list(results.cells["status"]) == ["ok"] * 4
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def rewrite(out: Path, cell: str, **changes: Any) -> None:
    store = Store(out)
    store.write_cell(cell, {**store.cell(cell), **changes})


def ids(out: Path) -> list[str]:
    return Store(out).cell_ids()


@pytest.mark.slow
def test_what_is_done_is_kept(out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*")}
    assert actions(GRID, out) == ["keep"] * 4
    plans = Plans()
    ganbench.run(GRID, out, listener=plans)
    assert plans.plan is not None
    assert plans.plan.count("keep") == 4
    assert {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*")} == before


def test_failures_are_tried_again_and_results_are_not(out: Path) -> None:
    for cell, status in zip(ids(out), ("error", "oom", "diverged", "skipped"), strict=True):
        rewrite(out, cell, status=status)
    assert actions(GRID, out) == ["train", "train", "keep", "keep"]
    # What was skipped by the run itself is asked again where something has changed.
    rewrite(out, ids(out)[3], environment={"hash": "another"})
    assert actions(GRID, out) == ["train", "train", "keep", "train"]
    rewrite(out, ids(out)[2], status="unfinished")
    assert actions(GRID, out)[2] == "train"


def test_stale_cells_stop_the_run_until_something_is_said(out: Path) -> None:
    first, second, third, _ = ids(out)
    environment = Store(out).cell(first)["environment"]
    now = environment["versions"]["torch"]
    versions = {**environment["versions"], "torch": "2.14.1"}
    for cell in (first, second):
        rewrite(out, cell, environment={**environment, "hash": "old", "versions": versions})
    rewrite(out, third, environment={"hash": "odd"}, status="diverged")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, out)
    (problem,) = caught.value.problems
    assert f"torch 2.14.1 -> {now} (2 cells)" in problem
    assert "its recorded environment cannot be read (1 cell)" in problem
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")}.keys() >= before.keys()
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path.is_file())
    assert actions(GRID, out, rerun="stale") == ["train", "train", "train", "keep"]
    assert actions(GRID, out, rerun="all") == ["train"] * 4
    assert actions(GRID, out, rerun="keep") == ["keep"] * 4
    assert plan_run(read_grid(GRID, load_catalog()), out, rerun="keep")[0].stale == 3


def test_the_folder_of_another_grid_is_refused(out: Path) -> None:
    with pytest.raises(StoreError, match="holds the results of grid 'tiny', not of 'other'"):
        ganbench.run(grid(name="other"), out)
    (out / "grid.toml").write_text("name = ")
    with pytest.raises(StoreError, match=r"grid\.toml: damaged"):
        ganbench.run(GRID, out)
    (out / "file").write_text("")
    with pytest.raises(StoreError, match="is not a folder"):
        ganbench.run(GRID, out / "file")


def test_removed_values_leave_the_tables_and_stay_on_disk(out: Path) -> None:
    plans = Plans()
    fewer = grid(axes={**GRID["axes"], "loss": ["minimax"]})
    results = ganbench.run(fewer, out, listener=plans)
    assert plans.plan is not None
    assert len(plans.plan.orphaned) == 2
    assert list(results.cells["loss"]) == ["minimax"] * 2
    assert set(results.scores["loss"]) == {"minimax"}
    assert len(Store(out).cells_on_disk()) == 4
    assert actions(GRID, out) == ["keep"] * 4


def test_cells_that_the_folder_has_with_fewer_steps_are_told(out: Path) -> None:
    def planned(steps: Any) -> Plan:
        plan, _ = plan_run(read_grid(grid(train={**GRID["train"], "steps": steps}), load_catalog()), out)
        return plan

    few = GRID["train"]["steps"]
    longer = planned(few + 1)
    assert [each.action for each in longer.cells] == ["train"] * 4
    assert longer.shorter == (few,) * 4
    (note,) = [each for each in plan_notes(longer) if "step 0" in each]
    assert note.startswith(
        f"note: 4 cells to begin at step 0, which the folder has with {few} steps: a finished"
    )
    assert planned(few - 1).shorter == ()
    assert planned(few).shorter == ()
    rewrite(out, ids(out)[0], status="diverged")
    assert planned(few + 1).shorter == (few,) * 3
    another = grid(axes={**GRID["axes"], "loss": ["hinge"]}, train={**GRID["train"], "steps": few + 1})
    assert plan_run(read_grid(another, load_catalog()), out)[0].shorter == ()


@pytest.mark.slow
def test_another_metric_trains_nothing_and_what_is_damaged_is_made_again(out: Path, finished: Path) -> None:
    first, second, third, fourth = ids(out)
    more = grid(score={**GRID["score"], "metrics": ["fid", "is"]})
    assert actions(more, out) == ["score"] * 4
    (out / "cells" / first / "cell.json").write_text("{")
    (out / "cells" / second / "scores.csv").write_text("damaged")
    weights = out / "cells" / third / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (out / "cells" / fourth / ".cell.json.1.ab.tmp").write_text("half")
    untouched = out / "cells" / fourth / "generator.safetensors"
    before = untouched.stat().st_mtime_ns
    plans = Plans()
    results = ganbench.run(more, out, jobs=1, listener=plans)
    assert plans.plan is not None
    assert [planned.action for planned in plans.plan.cells] == ["train", "train", "score", "score"]
    assert [name in note for name, note in zip((first, second), plans.plan.damaged, strict=True)] == [
        True
    ] * 2
    (note,) = plans.notes
    assert third in note
    assert note.endswith("the cell is trained again")
    assert list(results.cells["status"]) == ["ok"] * 4
    assert untouched.stat().st_mtime_ns == before
    assert not list(out.rglob("*.tmp"))
    assert set(results.scores["metric"]) >= {"fid", "is"}
    for cell in ids(out):
        name = Path("cells") / cell / "generator.safetensors"
        assert (out / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.slow
def test_a_leftover_checkpoint_of_a_finished_cell_goes(out: Path) -> None:
    (out / "cells" / ids(out)[0] / "checkpoint.safetensors").write_bytes(b"left behind")
    ganbench.run(GRID, out)
    assert not list(out.rglob("checkpoint*"))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made") as caught:
        ganbench.run(GRID, tmp_path / "file" / "out")
    assert len(caught.value.problems) == 1


def test_data_that_are_not_there_are_asked_for_once_and_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(urls: object) -> None:
        asked.append(urls)
        raise OSError("no way to the server")

    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    monkeypatch.setattr("ganbench.zoo.datasets.published._require_answer", answer)
    for name in ("cifar10-kurach", "cifar10-mimicry"):
        asked.clear()
        with pytest.raises(GridError) as caught:
            plan_run(read_grid(name, load_catalog()), tmp_path / "out", device="cpu")
        (problem,) = caught.value.problems
        assert problem.startswith(f"{name}: dataset 'cifar10' is not in {tmp_path} ")
        assert "cifar-10-python.tar.gz" in problem
        assert len(asked) == 1
    assert not (tmp_path / "out").exists()


def test_the_record_says_what_the_grid_says(out: Path) -> None:
    record = json.loads((out / "cells" / ids(out)[0] / "cell.json").read_text())
    assert record["axes"]["dataset"] == "digits"
    assert record["determinism"]["threads"] == 1
    assert record["determinism"]["cublas_workspace"]


def test_a_folder_of_pictures_that_changed_between_two_plans_is_looked_at_again(tmp_path: Path) -> None:
    def picture(name: str) -> None:
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("L", (8, 8), len(name)).save(tmp_path / "pictures" / name)

    folder = {"name": "image_folder", "path": str(tmp_path / "pictures")}
    grid = read_grid(GRID | {"axes": GRID["axes"] | {"dataset": [folder]}, "score": {}}, load_catalog())
    seen = []
    for name in ("a.png", "bcd.png"):
        for index in range(24):
            picture(f"{index}{name}")
        plan, _ = plan_run(grid, tmp_path / "out")
        seen.append(plan.shared.dataset(grid.cells[0].dataset).fingerprint)
    assert seen[0] != seen[1]


def test_engines_that_refuse_are_told_for_all_cells_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(parts: CellParts) -> EngineChoice:
        raise GridError(
            f"train.engine: 'eager' cannot train this cell on {parts.device}: {parts.cell.loss.name}"
        )

    monkeypatch.setattr("ganbench.execution.plan.settle_engine", refusing)
    axes = {**grid()["axes"], "loss": ["minimax", "non_saturating"]}
    with pytest.raises(GridError) as caught:
        plan_run(read_grid(grid(axes=axes, score={}), load_catalog()), tmp_path / "refused")
    assert [problem.rpartition(": ")[2] for problem in caught.value.problems] == ["minimax", "non_saturating"]
    assert not (tmp_path / "refused").exists()
