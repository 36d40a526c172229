from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from in_process import InProcess
from parts_here import shared

from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.execution import plan_run
from ganbench.execution.verification import plan_verification, verify
from ganbench.grid import environment_of, read_grid
from ganbench.grid.seeds import best_seed, score_seed
from ganbench.report import write_tables
from ganbench.report.table_views import optimism_notes
from ganbench.runner import CellResult, Task, run_cell
from ganbench.runner.build import CellParts
from ganbench.runner.events import CellNote, Event
from ganbench.runner.sampling import generate_samples
from ganbench.store import Store
from ganbench.store.cell_copy import copy_cell

# Learns so fast that the last scoring is not the best one.
GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 60, "batch_size": 16, "checkpoint_seconds": 1e-9, "optimizer": {"lr": 0.05}},
    "score": {"metrics": ["fid", "is"], "extractor": "digits_cnn", "samples": 64, "every": 20},
}
BEST = "generator-best.safetensors"


def task_in(folder: Path, *settings: str, rescore: bool = False) -> Task:
    (cell,) = read_grid(GRID, load_catalog(), list(settings)).cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    Store(folder).make()
    return Task(cell=cell, folder=str(folder), device="cpu", environment=environment, rescore=rescore)


def run(task: Task, asked: int | None = None) -> tuple[CellResult, list[str]]:
    notes: list[str] = []
    count = 0

    def stop() -> bool:
        nonlocal count
        count += 1
        return asked is not None and count > asked

    def listen(event: Event) -> None:
        notes.extend([event.note] if isinstance(event, CellNote) else [])

    return run_cell(task, shared(), stop, listen), notes


def files(task: Task) -> dict[str, bytes]:
    folder = Store(task.folder).folder(task.cell.id)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "cell.json"}


def scores(task: Task) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in Store(task.folder).scores(task.cell.id):
        found.setdefault(row["metric"], []).append(row["value"])
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Task:
    torch.set_num_threads(1)
    task = task_in(tmp_path_factory.mktemp("whole"), "score.keep_best='fid'")
    result, notes = run(task)
    assert (result.status, notes) == ("ok", [])
    return task


@pytest.mark.slow
def test_the_best_is_kept_beside_the_final_one(whole: Task, tmp_path: Path) -> None:
    found = scores(whole)
    assert found["fid"][0] == min(found["fid"])
    assert found["fid_best_step"] == [20]
    assert found["fid_best_chosen"] == found["fid"][:1]
    shorter = task_in(tmp_path, "train.steps=20")
    run(shorter)
    assert files(whole)[BEST] == files(shorter)["generator.safetensors"]
    record = Store(whole.folder).cell(whole.cell.id)
    assert record["best"] == {
        "score": "fid",
        "step": 20,
        "value": found["fid"][0],
        "weights": Store(whole.folder).weights(whole.cell.id, best=True),
    }


@pytest.mark.slow
def test_the_best_is_scored_anew_on_samples_of_its_own(whole: Task) -> None:
    store, parts = Store(whole.folder), CellParts(whole.cell, shared(), "cpu")
    generator, scorer = parts.players.generator, parts.scorer
    assert scorer is not None
    generator.load_state_dict(store.generator(whole.cell.id, best=True))

    def scored(seed: int) -> float:
        signature = parts.dataset.signature
        device = torch.device("cpu")
        made = generate_samples(generator, parts.players, signature, parts.reference, 64, seed, device)
        return scorer.score(made, {"fid"}, seed=seed)[0].value

    found = scores(whole)
    assert found["fid_best"] == [scored(best_seed(whole.cell))]
    assert found["fid_best_chosen"] == [scored(score_seed(whole.cell))]
    assert found["fid_best"] != found["fid_best_chosen"]


@pytest.mark.slow
def test_nothing_else_changes(whole: Task, tmp_path: Path) -> None:
    without = task_in(tmp_path)
    run(without)
    assert without.cell.id == whole.cell.id
    mine, others = files(whole), files(without)
    assert others.keys() == mine.keys() - {BEST}
    assert all(content == mine[name] for name, content in others.items() if name != "scores.csv")
    rows = Store(whole.folder).scores(whole.cell.id)
    kept = [row for row in rows if not row["metric"].startswith("fid_best")]
    assert kept == Store(without.folder).scores(without.cell.id)
    assert "best" not in Store(without.folder).cell(without.cell.id)
    directions = {row["metric"]: row["direction"] for row in rows if row not in kept}
    assert directions == {"fid_best": "lower", "fid_best_chosen": "", "fid_best_step": ""}
    fid = next(row["protocol"] for row in rows if row["metric"] == "fid")
    assert {row["protocol"] for row in rows if row not in kept}.isdisjoint({fid})


@pytest.mark.slow
def test_more_may_be_better_and_repeats_stay(tmp_path: Path) -> None:
    task = task_in(tmp_path, "score.keep_best='is'", "score.repeats=2")
    run(task)
    found = scores(task)
    by_step = found["is"][:3]
    assert by_step.index(max(by_step)) == 1
    assert (found["is_best_step"], found["is_best_chosen"]) == ([40], [max(by_step)])
    assert len(found["is"]) == 4
    assert len(found["is_best"]) == 1


@pytest.mark.slow
def test_stopped_anywhere_it_ends_with_the_same_bits(whole: Task, tmp_path: Path) -> None:
    for asked in (3, 25, 47):
        task = task_in(tmp_path / str(asked), "score.keep_best='fid'")
        assert run(task, asked)[0].status == "unfinished"
        run(task, 9)
        result, notes = run(task)
        assert (result.status, notes) == ("ok", [])
        assert files(task) == files(whole)


@pytest.mark.slow
def test_an_earlier_checkpoint_knows_what_was_best_by_then(whole: Task, tmp_path: Path) -> None:
    task = task_in(tmp_path, "score.keep_best='fid'")
    store = Store(task.folder)
    run(task, 30)
    latest, _ = store.checkpoints(task.cell.id)
    latest.write_bytes(latest.read_bytes()[:-1])
    # As if a later scoring had been better, in a run whose last checkpoint is lost.
    best = store.folder(task.cell.id) / BEST
    best.write_bytes(b"of a later step")
    result, notes = run(task)
    assert result.status == "ok"
    assert len(notes) == 1
    assert files(task) == files(whole)


@pytest.mark.slow
def test_a_checkpoint_without_the_best_is_not_gone_on_from(whole: Task, tmp_path: Path) -> None:
    run(task_in(tmp_path), 30)
    task = task_in(tmp_path, "score.keep_best='fid'")
    result, notes = run(task)
    assert result.status == "ok"
    assert len(notes) == 2
    assert all("did not keep the best generator" in note for note in notes)
    assert files(task) == files(whole)


@pytest.mark.slow
def test_a_finished_cell_is_trained_again_for_its_best(whole: Task, tmp_path: Path) -> None:
    run(task_in(tmp_path))
    store = Store(tmp_path)
    asked = {**GRID, "score": {**GRID["score"], "keep_best": "fid"}}
    grid = read_grid(asked, load_catalog())
    store.write_grid(grid.to_toml())
    assert [each.action for each in plan_run(grid, tmp_path, device="cpu")[0].cells] == ["score"]
    task = task_in(tmp_path, "score.keep_best='fid'", rescore=True)
    result, notes = run(task)
    assert result.status == "ok"
    assert [note.endswith("the cell is trained again") for note in notes] == [True]
    assert files(task) == files(whole)
    assert [each.action for each in plan_run(grid, tmp_path, device="cpu")[0].cells] == ["keep"]


@pytest.mark.slow
def test_tables_show_both_and_verify_names_other_weights(whole: Task, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.make()
    copy_cell(whole.cell.id, Store(whole.folder), store, finished=True)
    store.write_grid(read_grid(GRID, load_catalog(), ["score.keep_best='fid'"]).to_toml())
    results = write_tables(store, [whole.cell.id])
    final = results.final.set_index("metric")["mean"]
    found = scores(whole)
    assert final["fid"] == found["fid"][-1]
    assert final["fid_best"] == found["fid_best"][0]
    assert final["fid_best_chosen"] == found["fid_best_chosen"][0]
    (note,) = optimism_notes(results.final)
    assert f"{final['fid_best']:.4g} on average on samples that the best" in note
    assert f"{final['fid_best_chosen']:.4g} on those that they were chosen by" in note

    def differences() -> tuple[str, ...]:
        plan = plan_verification(store.path, device="cpu")
        (verdict,) = verify(plan, tolerance=0, executor=InProcess())
        assert verdict.changes == ()
        return verdict.differences

    assert differences() == ()
    state = store.generator(whole.cell.id, best=True)
    store.write_generator(whole.cell.id, {name: tensor + 1 for name, tensor in state.items()}, best=True)
    assert differences() == ("the stored best weights are not those that its record names",)


@pytest.mark.slow
def test_a_copied_cell_has_it_and_a_removed_one_leaves_none(whole: Task, tmp_path: Path) -> None:
    target = Store(tmp_path / "copy")
    target.make()
    copy_cell(whole.cell.id, Store(whole.folder), target, finished=True)
    assert target.weights(whole.cell.id, best=True) == target.cell(whole.cell.id)["best"]["weights"]
    target.drop_cell(whole.cell.id)
    assert not target.folder(whole.cell.id).exists()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            ["score.keep_best='fdi'"],
            "must be a score of score.metrics that has a direction, given 'fdi'; did you mean 'fid'?",
        ),
        (["score.keep_best='is_std'"], "given 'is_std'; valid: fid, is"),
        (["score.keep_best='fid'", "score.metrics=[]"], "given 'fid'; there is none"),
        (["score.keep_best='fid'", "score.every=0"], "and score.every is 0; set it above 0"),
        (["score.keep_best=true"], "must be the name of a score"),
    ],
)
def test_what_cannot_be_kept_is_one_line(settings: list[str], problem: str) -> None:
    with pytest.raises(GridError) as caught:
        read_grid(GRID, load_catalog(), settings)
    (line,) = caught.value.problems
    assert "score.keep_best" in line
    assert problem in line


ASKING = """
from ganbench import MetricSpec, hookimpl

class Fooled:
    needs = "samples"
    minimum = 2
    def __call__(self, generated, reference, dataset, discriminator):
        return {"fooled": float(discriminator(generated.x.float() / 255).mean())}

@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="fooled", build=Fooled, directions={"fooled": "lower"}, summary="f")
"""


def test_a_metric_that_asks_the_discriminator_chooses_no_best(tmp_path: Path) -> None:
    plugin = tmp_path / "fooled.py"
    plugin.write_text(ASKING)
    asked = ["score.metrics=['fooled']", "score.keep_best='fooled'"]
    grid = read_grid(GRID, load_catalog(plugins=[plugin]), asked)
    with pytest.raises(GridError) as caught:
        plan_run(grid, tmp_path / "out", device="cpu", plugins=[plugin])
    (line,) = caught.value.problems
    assert "score.keep_best: metric 'fooled' asks the discriminator" in line


def test_the_best_has_a_tolerance_of_its_own() -> None:
    table = {**GRID, "check": {"fid_best": "5%"}}
    with pytest.raises(GridError, match="no metric of this grid gives a score 'fid_best'"):
        read_grid(table, load_catalog())
    (cell,) = read_grid(table, load_catalog(), ["score.keep_best='fid'"]).cells
    assert list(cell.check) == ["fid_best"]
