"""The environment that a worker finds, the one that was planned, and checkpoints of another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_site import FakeSite
from parts_here import forget, parts, shared

from ganbench.catalog import load_catalog
from ganbench.catalog.switches import read_switches, write_switches
from ganbench.errors import GridError
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.grid.history import History
from ganbench.runner import Task, environment_here, run_cell
from ganbench.runner.events import CellNote, Event
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 30, "batch_size": 16, "diagnostics_every": 1, "checkpoint_seconds": 1e-9},
    "score": {"metrics": []},
}
LOSS = """
import torch
from ganbench import LossSpec, hookimpl

{top}

class Loss:
    def __init__(self):
        {build}

    def discriminator_loss(self, game):
        {turn}
        real, fake = game.scores()
        return torch.nn.functional.softplus(-real).mean() + torch.nn.functional.softplus(fake).mean()

    def generator_loss(self, game):
        return torch.nn.functional.softplus(-game.score(game.fake)).mean()

@hookimpl
def ganbench_losses():
    yield LossSpec(name="{name}", build=Loss)
"""
FLIPS = """
torch.set_default_dtype(torch.float64)
torch.set_float32_matmul_precision("medium")
torch.set_flush_denormal(True)
torch.set_num_threads(2)
torch.use_deterministic_algorithms(True, warn_only=True)
torch.backends.mkldnn.enabled = False
torch.set_grad_enabled(False)
"""


@pytest.fixture(autouse=True)
def own_switches() -> Iterator[None]:
    """What a test changes of torch's switches is not left to the next."""
    before = read_switches()
    yield
    write_switches(before)
    forget()


def task_in(folder: Path, loss: str = "non_saturating", **settings: Any) -> Task:
    grid = read_grid({**GRID, "axes": {**GRID["axes"], "loss": [loss]}}, load_catalog())
    (cell,) = grid.cells
    Store(folder).make()
    environment = environment_here(parts(cell), threads=1)
    return Task(cell=cell, folder=str(folder), device="cpu", environment=environment, **settings)


def after(steps: int) -> Callable[[], bool]:
    """Say stop after so many questions, one of which comes after each step."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > steps

    return stop


def weights(task: Task) -> bytes:
    result = run_cell(task, shared())
    assert result.status == "ok", result.reason
    return (Store(task.folder).folder(task.cell.id) / "generator.safetensors").read_bytes()


def on(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, this machine's processor is of this model."""
    monkeypatch.setattr("ganbench.grid.environment.device_model", lambda _: device)


@pytest.mark.slow
def test_a_plugin_that_changes_switches_when_it_is_imported_changes_no_bits(
    tmp_path: Path, fake_site: FakeSite
) -> None:
    clean = weights(task_in(tmp_path / "clean"))
    before = read_switches()
    fake_site.install("fake-flips", LOSS.format(name="fake_loss", top=FLIPS, build="pass", turn="pass"))
    load_catalog(refresh=True)
    task = task_in(tmp_path / "flipped")
    assert weights(task) == clean
    assert read_switches() == before
    (note,) = load_catalog().notes
    assert note.startswith("plugin fake-flips:plugin: its import changed torch's switches (")
    for change in ("default_dtype float32 -> float64", "flush_denormal False -> True", "threads 1 -> 2"):
        assert change in note
    planned, _ = plan_run(read_grid(GRID, load_catalog()), tmp_path / "out", device="cpu")
    assert planned.notes == (note,)
    record = Store(task.folder).cell(task.cell.id)
    assert record["determinism"]["threads"] == record["environment"]["threads"] == 1
    assert record["determinism"]["switches"]["default_dtype"] == "float32"
    assert record["environment"]["switches"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["build", "turn"])
def test_a_loss_that_changes_switches_when_it_is_first_used_changes_no_bits(
    tmp_path: Path, fake_site: FakeSite, where: str
) -> None:
    once = f"globals().setdefault('DONE', []) or (DONE.append(1), {'; '.join(FLIPS.split(chr(10))[1:3])})"
    once = once.replace("; ", ", ")
    places = {"top": "", "build": "pass", "turn": "pass"}
    fake_site.install("fake-quiet", LOSS.format(name="quiet", **places))
    fake_site.install("fake-loud", LOSS.format(name="loud", **{**places, where: once}))
    load_catalog(refresh=True)
    quiet = weights(task_in(tmp_path / "quiet", "quiet"))
    assert weights(task_in(tmp_path / "loud", "loud")) == quiet
    assert torch.get_default_dtype() == torch.float32


def test_a_callers_switches_change_no_bits_and_come_back(tmp_path: Path) -> None:
    clean = weights(task_in(tmp_path / "clean"))
    torch.set_default_dtype(torch.float64)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("medium")
    mine = read_switches()
    assert weights(task_in(tmp_path / "own")) == clean
    assert read_switches() == mine


def test_variables_of_the_libraries_are_part_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = task_in(tmp_path).environment
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    changed = task_in(tmp_path).environment
    assert plain.differences(changed) == ["MKL_CBWR default -> COMPATIBLE"]
    assert plain.hash != changed.hash
    assert "switches" not in plain.as_json()["versions"]


def test_a_worker_of_another_environment_trains_nothing_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("GPU A", monkeypatch)
    task = task_in(tmp_path)
    store = Store(task.folder)
    run_cell(task, shared(), after(9))
    before = {path: path.read_bytes() for path in store.checkpoints(task.cell.id)}
    on("GPU B", monkeypatch)
    result = run_cell(task, shared())
    assert (result.status, result.step) == ("error", 0)
    assert "not the planned one: device GPU A -> GPU B" in result.reason
    record = store.cell(task.cell.id)
    assert (record["status"], record["device"]) == ("error", "GPU B")
    assert record["environment"]["device"] == "GPU B"
    assert {path: path.read_bytes() for path in store.checkpoints(task.cell.id)} == before
    again = run_cell(replace(task, rescore=True), shared())
    assert (again.status, again.reason) == ("error", result.reason)
    on("GPU A", monkeypatch)
    assert run_cell(task, shared()).status == "ok"


def test_a_checkpoint_of_another_environment_stays_until_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("A", monkeypatch)
    task = task_in(tmp_path)
    store, cell = Store(task.folder), task.cell.id
    run_cell(task, shared(), after(9))
    before = {path: path.read_bytes() for path in store.checkpoints(cell)}
    step = store.cell(cell)["step"]
    on("B", monkeypatch)
    result = run_cell(task_in(tmp_path), shared())
    assert result.status == "error"
    assert "made in another environment (device A -> B); --rerun stale starts the cell over" in result.reason
    assert {path: path.read_bytes() for path in store.checkpoints(cell)} == before
    # Stopped again and again on the way.
    for _ in range(3):
        kept = task_in(tmp_path, keep_stale=True)
        assert run_cell(kept, shared(), after(4)).status == "unfinished"
    second = store.cell(cell)
    assert [(item["device"], item["from_step"]) for item in second["environments"]] == [("A", 0), ("B", step)]
    on("C", monkeypatch)
    third = task_in(tmp_path, keep_stale=True)
    assert run_cell(third, shared()).status == "ok"
    record = store.cell(cell)
    history = History.from_record(record)
    assert [stretch.environment.device for stretch in history.stretches] == ["A", "B", "C"]
    assert history.stretches[2].from_step == second["step"]
    assert record["environment"]["hash"] == history.hash
    assert record["device"] == "C"
    pure = {stretch.environment.hash for stretch in history.stretches}
    assert history.hash not in {*pure, second["environment"]["hash"]}
    assert history.differences(third.environment) == ["device A -> C", "device B -> C"]


@pytest.mark.slow
def test_a_kept_checkpoint_is_pure_again_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("A", monkeypatch)
    whole = weights(task_in(tmp_path / "whole"))
    task = task_in(tmp_path)
    store, cell = Store(task.folder), task.cell.id
    run_cell(task, shared(), after(9))
    files = {path: path.read_bytes() for path in store.folder(cell).iterdir()}
    on("B", monkeypatch)
    run_cell(task_in(tmp_path, keep_stale=True), shared(), after(1))
    assert store.cell(cell)["environments"]
    # As a kill before the first checkpoint there would leave it: the record is ahead.
    for path, content in files.items():
        if path.name != "cell.json":
            path.write_bytes(content)
    on("A", monkeypatch)
    assert weights(task) == whole
    record = store.cell(cell)
    assert "environments" not in record
    assert record["environment"]["hash"] == task.environment.hash


def test_a_damaged_checkpoint_of_a_mixed_training_falls_back_to_the_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("A", monkeypatch)
    task = task_in(tmp_path)
    store, cell = Store(task.folder), task.cell.id
    run_cell(task, shared(), after(9))
    on("B", monkeypatch)
    kept = task_in(tmp_path, keep_stale=True)
    run_cell(kept, shared(), after(0))
    latest = store.checkpoints(cell)[0]
    latest.write_bytes(latest.read_bytes()[:-5] + b"xxxxx")
    events: list[Event] = []
    result = run_cell(kept, shared(), on_event=events.append)
    notes = [event.note for event in events if isinstance(event, CellNote)]
    assert result.status == "ok"
    assert len(notes) == 1
    assert notes[0].endswith("not used")
    assert [item["device"] for item in store.cell(cell)["environments"]] == ["A", "B"]


def test_a_checkpoint_that_does_not_fit_the_other_environment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("A", monkeypatch)
    task = task_in(tmp_path)
    store, cell = Store(task.folder), task.cell.id
    run_cell(task, shared(), after(9))
    before = {path: path.read_bytes() for path in store.checkpoints(cell)}
    on("B", monkeypatch)
    kept = task_in(tmp_path, keep_stale=True)

    def restore(*_: object) -> None:
        raise ValueError("other shapes")

    with monkeypatch.context() as patch:
        patch.setattr("ganbench.training.Trainer.restore", restore)
        result = run_cell(kept, shared())
    assert result.status == "error"
    assert "does not fit this one: ValueError('other shapes')" in result.reason
    assert {path: path.read_bytes() for path in store.checkpoints(cell)} == before


def test_parts_of_plugins_may_say_what_decides_their_bits(tmp_path: Path, fake_site: FakeSite) -> None:
    source = (
        LOSS.format(name="fake_loss", top="", build="self.digest = DIGEST", turn="pass")
        + """
from ganbench import MetricSpec
DIGEST = "helper 1"

class Metric:
    needs = "samples"
    minimum = 2
    @property
    def digest(self):
        return DIGEST
    def __call__(self, generated, reference, dataset):
        return {"fake_metric": 0.0}

@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="fake_metric", build=Metric, directions={"fake_metric": "lower"})
"""
    )
    module = fake_site.install("fake-helped", source)
    import sys

    load_catalog(refresh=True)

    def found() -> tuple[Any, str]:
        forget()
        task = task_in(tmp_path, "fake_loss")
        settings = {**GRID, "score": {"metrics": ["fake_metric"], "samples": 20}}
        (cell,) = read_grid(settings, load_catalog()).cells
        scorer = parts(cell).scorer
        assert scorer is not None
        return task.environment, scorer.protocols["fake_metric"].hash

    before, protocol = found()
    assert before.digests == {"loss fake_loss": "helper 1"}
    sys.modules[module].DIGEST = "helper 2"  # type: ignore[attr-defined]
    now, other = found()
    assert before.differences(now) == ["loss fake_loss: digest changed"]
    assert protocol != other
    sys.modules[module].DIGEST = 3  # type: ignore[attr-defined]
    with pytest.raises(GridError, match=r"loss 'fake_loss' .*its digest must be a string, given int"):
        found()
