from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from parts_here import shared

from ganbench.catalog import load_catalog
from ganbench.errors import Unsupported
from ganbench.grid import environment_of, read_grid
from ganbench.runner import CellResult, Task, cell_run, run_cell
from ganbench.runner.events import CellNote, Event
from ganbench.store import Store
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.metrics import feature_metrics

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 40, "batch_size": 16, "diagnostics_every": 1, "checkpoint_seconds": 1e-9},
    "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 64, "every": 20, "initial": True},
}


def task_in(folder: Path, **settings: Any) -> Task:
    grid = read_grid(GRID, load_catalog(), [f"{key}={value}" for key, value in settings.items()])
    (cell,) = grid.cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    Store(folder).make()
    return Task(cell=cell, folder=str(folder), device="cpu", environment=environment)


def stopping_after(asked: int) -> Callable[[], bool]:
    """Says stop from the n-th time it is asked on."""
    count = 0

    def stop() -> bool:
        nonlocal count
        count += 1
        return count > asked

    return stop


def run(task: Task, asked: int | None = None) -> tuple[CellResult, list[str]]:
    """The result, and what the user was told on the way."""
    notes: list[str] = []

    def listen(event: Event) -> None:
        notes.extend([event.note] if isinstance(event, CellNote) else [])

    stop = stopping_after(asked) if asked is not None else lambda: False
    return run_cell(task, shared(), stop, listen), notes


def files(task: Task) -> dict[str, bytes]:
    """What must be the same however the cell came to its end."""
    folder = Store(task.folder).folder(task.cell.id)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("cell.json",)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    torch.set_num_threads(1)
    task = task_in(tmp_path_factory.mktemp("whole"))
    result, notes = run(task)
    assert (result.status, notes) == ("ok", [])
    names = ["curves.parquet", "generator.safetensors", "neighbours.png"]
    names += [*(f"samples-{step:09}.png" for step in (0, 20, 40)), "samples.png", "scores.csv"]
    assert sorted(files(task)) == names
    assert [row["step"] for row in Store(task.folder).scores(task.cell.id)] == [0, 20, 40]
    return files(task)


@pytest.mark.slow
def test_stopped_wherever_it_asks_it_ends_the_same(tmp_path: Path, whole: dict[str, bytes]) -> None:
    for asked in (0, 1, 2, 7, 20, 43, 61):
        task = task_in(tmp_path / str(asked))
        result, notes = run(task, asked)
        record = Store(task.folder).cell(task.cell.id)
        assert result.status == record["status"] == "unfinished"
        assert result.step == record["step"]
        assert Store(task.folder).checkpoints(task.cell.id)
        for _ in range(3):
            assert run(task, 25)[1] == []
        result, notes = run(task)
        assert (result.status, notes) == ("ok", [])
        assert files(task) == whole


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_the_earlier_one_used(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    task = task_in(tmp_path)
    store = Store(task.folder)
    run(task, 50)
    latest, earlier = store.checkpoints(task.cell.id)
    good = {path: path.read_bytes() for path in (latest, earlier)}
    steps = [store.read_checkpoint(path)[1]["training"]["step"] for path in (latest, earlier)]
    assert steps[0] > steps[1] > 0
    size = len(good[latest])
    for offset in [0, 7, 9, 200, *range(1000, size, size // 12), size - 1]:
        for path, content in good.items():
            path.write_bytes(content)
        flipped = bytearray(good[latest])
        flipped[offset] ^= 16
        latest.write_bytes(flipped)
        result, notes = run(task, 0)
        assert result.step == steps[1] + 1, offset
        assert len(notes) == 1
        assert str(latest) in notes[0]
        assert notes[0].endswith("not used")
    result, notes = run(task)
    assert (result.status, notes) == ("ok", [])
    assert files(task) == whole


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["empty", "truncated", "absent", "foreign"])
def test_without_a_usable_checkpoint_it_starts_again(
    tmp_path: Path, whole: dict[str, bytes], damage: str
) -> None:
    task = task_in(tmp_path / "cell")
    store = Store(task.folder)
    run(task, 50)
    other = task_in(tmp_path / "other", **{"train.batch_size": 8})
    run(other, 50)
    (foreign,) = Store(other.folder).checkpoints(other.cell.id)[:1]
    paths = store.checkpoints(task.cell.id)
    assert len(paths) == 2
    for path in paths:
        content = path.read_bytes()
        damaged = {"empty": b"", "truncated": content[:-9], "foreign": foreign.read_bytes()}.get(damage)
        path.write_bytes(damaged) if damaged is not None else path.unlink()
    result, notes = run(task)
    assert len(notes) == (0 if damage == "absent" else 2)
    assert all(str(path) in note for path, note in zip(paths, notes, strict=False))
    assert result.status == "ok"
    assert files(task) == whole


@contextmanager
def full_from(call: int, monkeypatch: pytest.MonkeyPatch, calls: int = 1000) -> Iterator[list[int]]:
    """The disk refuses the n-th fsync and as many after it as said."""
    real, count = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        count[0] += 1
        if call <= count[0] < call + calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield count


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 1000], ids=["for a moment", "for good"])
def test_a_full_disk_costs_the_run_and_no_result(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    ended = False
    for call in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 40, 90, 200]:
        task = task_in(tmp_path / f"{call}", **{"train.checkpoint_seconds": 0.02})
        store = Store(task.folder)
        with full_from(call, monkeypatch, calls) as count:
            result, _ = run(task)
            if count[0] < call:
                assert result.status == "ok"
                ended = True
            elif result.status != "ok":
                assert result.status == "error"
                assert "No space left on device" in result.reason
                # For the record too there may be no room; then the cell is as it was before.
                recorded = store.cell(task.cell.id)["status"] if store.has_cell(task.cell.id) else "none"
                assert recorded in (("error",) if calls == 1 else ("error", "unfinished", "none"))
        assert not list(store.path.rglob("*.tmp"))
        if store.has_cell(task.cell.id):
            store.cell(task.cell.id)
            store.scores(task.cell.id)
            store.curves(task.cell.id)
        result, _ = run(task)
        assert result.status == "ok"
        assert files(task) == whole
        if ended:
            return
    pytest.fail("the disk was never large enough")


def failing(error: BaseException, at: int) -> Callable[..., torch.Tensor]:
    turns = 0

    def generator_loss(self: NonSaturating, game: Any) -> torch.Tensor:
        nonlocal turns
        turns += 1
        if turns == at:
            raise error
        return torch.nn.functional.softplus(-game.score(game.fake)).mean()

    return generator_loss


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (LookupError("no such\nthing"), "error", "LookupError: no such thing"),
        (MemoryError(), "oom", "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 byte"), "oom", "out of memory"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), "oom", "out of CUDA memory"),
        (SystemExit("leaving"), "error", "SystemExit: leaving"),
        (KeyboardInterrupt(), "error", "KeyboardInterrupt"),
        (Unsupported("not with these"), "skipped", "not with these"),
    ],
)
def test_what_a_plugin_raises_is_a_row_and_the_next_run_goes_on(
    tmp_path: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: str,
    reason: str,
) -> None:
    task = task_in(tmp_path)
    store = Store(task.folder)
    with monkeypatch.context() as patch:
        patch.setattr(NonSaturating, "generator_loss", failing(error, 30))
        result, _ = run(task)
    record = store.cell(task.cell.id)
    assert (result.status, record["status"]) == (status, status)
    where = f" (traceback: cells/{task.cell.id}/traceback.txt)" if status == "error" else ""
    assert " ".join(record["reason"].split()) == reason + where
    assert record["step"] == 29
    assert [row["step"] for row in store.scores(task.cell.id)] == [0, 20]
    text = store.traceback(task.cell.id)
    if status == "skipped":
        assert text is None
        return
    assert text is not None
    assert "Traceback" in text
    assert "generator_loss" in text
    result, notes = run(task)
    assert (result.status, notes) == ("ok", [])
    assert files(task) == whole


def test_divergence_keeps_the_step_and_what_was_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, turns = NonSaturating.generator_loss, 0

    def generator_loss(self: NonSaturating, game: Any) -> torch.Tensor:
        nonlocal turns
        turns += 1
        return real(self, game) * (float("nan") if turns >= 30 else 1.0)

    monkeypatch.setattr(NonSaturating, "generator_loss", generator_loss)
    task = task_in(tmp_path)
    store = Store(task.folder)
    result, _ = run(task)
    record = store.cell(task.cell.id)
    assert (result.status, result.step, record["step"]) == ("diverged", 30, 30)
    assert record["reason"] == "loss_g is not finite at step 30"
    assert [row["step"] for row in store.scores(task.cell.id)] == [0, 20]
    curves = store.curves(task.cell.id)
    assert curves is not None
    assert curves["step"].max() == 30
    assert store.checkpoints(task.cell.id) == []
    assert not store.has_generator(task.cell.id)


def test_what_an_earlier_attempt_scored_is_not_this_ones(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    store = Store(task.folder)
    store.write_scores(task.cell.id, [{**_row(), "protocol": "old"}])
    run(task, 0)
    assert store.scores(task.cell.id)[0]["protocol"] != "old"


def _row() -> dict[str, Any]:
    return {
        "step": 0,
        "metric": "fid",
        "value": 1.0,
        "direction": "lower",
        "extractor": "",
        "samples": 2,
        "protocol": "",
        "repeat": 0,
    }


def test_another_metric_scores_the_stored_weights(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_in(tmp_path)
    store = Store(task.folder)
    run(task)
    before = store.cell(task.cell.id)
    more = replace(task_in(tmp_path, **{"score.metrics": '["fid", "is"]'}), rescore=True)
    assert more.cell.id == task.cell.id

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken metric")

    with monkeypatch.context() as patch:
        patch.setattr(feature_metrics.InceptionScore, "__call__", broken)
        result, _ = run(more)
        assert result.status == "error"
        assert result.reason.startswith("ZeroDivisionError: broken metric (traceback: ")
    assert store.cell(task.cell.id) == before
    assert {name: content for name, content in files(task).items() if name != "traceback.txt"} == whole
    with monkeypatch.context() as patch:
        patch.setattr(cell_run, "Trainer", None)
        result, notes = run(more)
    assert (result.status, notes) == ("ok", [])
    assert store.traceback(task.cell.id) is None
    assert store.cell(task.cell.id) == before
    names = {(row["step"], row["metric"]) for row in store.scores(task.cell.id)}
    assert {(0, "fid"), (20, "fid"), (40, "fid"), (40, "is")} <= names
    assert (0, "is") not in names


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["flipped", "absent", "scores", "another cell's"])
def test_damaged_files_of_a_finished_cell_are_made_again(
    tmp_path: Path, whole: dict[str, bytes], damage: str
) -> None:
    task = task_in(tmp_path / "cell")
    run(task)
    folder = Store(task.folder).folder(task.cell.id)
    weights = folder / "generator.safetensors"
    if damage == "flipped":
        content = bytearray(weights.read_bytes())
        content[-5] ^= 1
        weights.write_bytes(content)
    elif damage == "absent":
        weights.unlink()
    elif damage == "scores":
        (folder / "scores.csv").write_bytes(b"\xff")
    else:
        other = task_in(tmp_path / "other", **{"train.batch_size": 8})
        run(other)
        name = Store(other.folder).folder(other.cell.id) / weights.name
        weights.write_bytes(name.read_bytes())
    result, notes = run(replace(task, rescore=True))
    assert result.status == "ok"
    assert len(notes) == 1
    assert notes[0].endswith("the cell is trained again")
    assert files(task) == whole


def test_a_run_leaves_the_callers_switches_and_randomness_alone(tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        return (
            torch.are_deterministic_algorithms_enabled(),
            cudnn.deterministic,
            cudnn.benchmark,
            cudnn.allow_tf32,
            matmul.allow_tf32,
            torch.get_rng_state().tolist(),
            os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        )

    before = state()
    run(task_in(tmp_path))
    assert state() == before
    record = Store(tmp_path).cell(task_in(tmp_path).cell.id)
    assert record["determinism"]["deterministic_algorithms"] is True
    assert record["determinism"]["tf32"] is False
