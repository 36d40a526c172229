"""Cells of another environment, finished and unfinished: what a run does before it trains anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from parts_here import shared
from PIL import Image

from ganbench.__main__ import main
from ganbench.analysis.environments import environments_mixed
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.execution import LocalExecutor, Plan, Rerun, plan_run, plan_verification, verify
from ganbench.grid import read_grid
from ganbench.grid.history import History
from ganbench.regression.bit_identity import compare_bits
from ganbench.report.results import write_tables
from ganbench.runner import Task, run_cell
from ganbench.store import Store

RECORDED = Path(__file__).parent / "recorded_0_1_0"
FINISHED, UNFINISHED = "c25329d36358", "ccfd5eb4373a"
GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 2,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax"],
    },
    "train": {"steps": 20, "batch_size": 16, "checkpoint_seconds": 1e-9},
    "score": {"metrics": []},
}


def plan(grid: Any, out: Path, rerun: Rerun = "no") -> Plan:
    return plan_run(read_grid(grid, load_catalog()), out, device="cpu", rerun=rerun)[0]


def train(planned: Plan, out: Path, stop_second: int = 9) -> None:
    """Run the cells that a plan would train, in this process; the second one is stopped on its way."""
    for index, entry in enumerate(planned.cells):
        if entry.action != "train":
            continue
        asked = 0

        def stop(index: int = index) -> bool:
            nonlocal asked
            asked += 1
            return index == 1 and asked > stop_second

        run_cell(
            Task(
                cell=entry.cell,
                folder=str(out),
                device="cpu",
                environment=entry.environment,
                keep_stale=entry.keep_stale,
            ),
            shared(),
            stop,
        )


def begin(grid: Any, out: Path) -> Store:
    """A folder with one finished and one unfinished cell."""
    resolved = read_grid(grid, load_catalog())
    store = Store(out)
    store.make()
    store.write_grid(resolved.to_toml())
    train(plan(grid, out), out)
    write_tables(store, [cell.id for cell in resolved.cells])
    assert [store.cell(cell.id)["status"] for cell in resolved.cells] == ["ok", "unfinished"]
    return store


def contents(out: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """This machine's processor is of this model, from the call on."""
    monkeypatch.setattr("ganbench.grid.environment._version", lambda name: f"{name} of the test")

    def be(device: str) -> None:
        for module in ("grid.environment", "execution.executor"):
            monkeypatch.setattr(f"ganbench.{module}.device_model", lambda _: device)

    be("A")
    return be


@pytest.fixture
def recorded(tmp_path: Path, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that ganbench 0.1.0 wrote, on the machine where it did."""
    on("Recorded CPU (AVX2)")
    versions = {"torch": "2.15.0", "torch-fidelity": "0.4.0"}
    monkeypatch.setattr("ganbench.grid.environment._version", versions.__getitem__)
    return Path(shutil.copytree(RECORDED, tmp_path / "recorded"))


@pytest.mark.slow
def test_cells_that_0_1_0_finished_stay_finished_and_the_others_go_on(recorded: Path) -> None:
    store = Store(recorded)
    before = contents(recorded)
    planned = plan(recorded / "grid.toml", recorded)
    assert [(entry.cell.id, entry.action) for entry in planned.cells] == [
        (FINISHED, "keep"),
        (UNFINISHED, "train"),
    ]
    assert not any(entry.fresh or entry.keep_stale for entry in planned.cells)
    assert contents(recorded) == before
    train(planned, recorded, stop_second=99)
    record = store.cell(UNFINISHED)
    assert record["status"] == "ok"
    assert record["environment"]["hash"] == planned.cells[1].environment.hash
    # The old record knows less, and neither hash is the other's: all the same it is one environment.
    rows = write_tables(store, [FINISHED, UNFINISHED]).cells.to_dict("records")
    assert rows[0]["environment"] != rows[1]["environment"]
    assert not environments_mixed(rows)
    old = {name: value for name, value in rows[0].items() if name != "provenance"}
    assert not environments_mixed([old, rows[1]])
    bits = compare_bits([old], [{**rows[1], "seed": 0, "weights": "other"}], {}, {})
    assert (bits.reasons, bits.changes) == (("weights",), ())
    (verdict,) = verify(plan_verification(recorded, [FINISHED], device="cpu"), tolerance=0.1, jobs=1)
    # A worker is another process, and so on the real machine: it is the one that says where it is.
    assert "not the planned one: device Recorded CPU (AVX2) -> " in verdict.differences[0]


def test_an_unfinished_cell_of_0_1_0_is_stale_elsewhere(recorded: Path, on: Callable[[str], None]) -> None:
    on("Another CPU")
    before = contents(recorded)
    with pytest.raises(GridError) as caught:
        plan(recorded / "grid.toml", recorded)
    changed = "device Recorded CPU (AVX2) -> Another CPU (1 cell)"
    assert [changed in problem for problem in caught.value.problems] == [True, True]
    assert contents(recorded) == before
    train(plan(recorded / "grid.toml", recorded, "keep"), recorded, stop_second=99)
    history = History.from_record(Store(recorded).cell(UNFINISHED))
    assert [(one.environment.device, one.from_step) for one in history.stretches] == [
        ("Recorded CPU (AVX2)", 0),
        ("Another CPU", 4),
    ]


@pytest.mark.slow
def test_stale_cells_stop_the_run_and_lose_nothing(
    tmp_path: Path, on: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    store = begin(GRID, out)
    _, unfinished = store.cell_ids()
    before = contents(out)
    on("B")
    assert main(["run", str(out / "grid.toml"), "--out", str(out), "--device", "cpu"]) == 2
    finished_line, unfinished_line = capsys.readouterr().err.splitlines()
    assert (
        "finished cells of another environment: device A -> B (1 cell); --rerun stale runs" in finished_line
    )
    assert "unfinished cells of another environment: device A -> B (1 cell); --rerun stale" in unfinished_line
    assert "--keep-stale goes on from their checkpoints" in unfinished_line
    assert {path: content for path, content in contents(out).items() if path in before} == before
    fresh = plan(GRID, out, "stale")
    assert [(entry.action, entry.fresh) for entry in fresh.cells] == [("train", True)] * 2
    kept = plan(GRID, out, "keep")
    assert [(entry.action, entry.keep_stale) for entry in kept.cells] == [("keep", False), ("train", True)]
    assert contents(out).items() >= before.items()
    train(kept, out, stop_second=99)
    assert store.cell(unfinished)["status"] == "ok"
    # Finished, it is stale everywhere, and so is the other one here.
    with pytest.raises(GridError, match=r"finished cells .*device A -> B \(2 cells\)"):
        plan(GRID, out)
    on("A")
    with pytest.raises(GridError, match=r"finished cells .*device B -> A \(1 cell\)"):
        plan(GRID, out)


@pytest.mark.slow
def test_what_was_trained_in_two_environments_is_never_called_the_same(
    tmp_path: Path, on: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    store = begin(GRID, out)
    on("B")
    train(plan(GRID, out, "keep"), out, stop_second=99)
    finished, mixed = store.cell_ids()
    rows = write_tables(store, [finished, mixed]).cells.to_dict("records")
    assert environments_mixed([rows[1]])
    bits = compare_bits([rows[1]], [rows[1]], {}, {})
    assert (bits.reasons, bits.identical) == (("mixed",), False)
    assert main(["verify", str(out), mixed, "--device", "cpu"]) == 1
    printed = capsys.readouterr().out
    assert "CANNOT BE REPEATED: it was trained in several environments (" in printed
    assert "from step 5: device A -> B)" in printed
    assert printed.endswith("1 cell that cannot be repeated.\n")


def test_an_unfinished_cell_without_a_checkpoint_is_simply_trained(
    tmp_path: Path, on: Callable[[str], None]
) -> None:
    out = tmp_path / "out"
    store = begin({**GRID, "seeds": [1, 2]}, out)
    (_, cell) = store.cell_ids()
    store.drop_unfinished(cell)
    on("B")
    entry = plan({**GRID, "seeds": [2]}, out).cells[0]
    assert (entry.action, entry.keep_stale) == ("train", False)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["other pictures", "another folder"])
def test_data_that_changed_between_two_sittings_make_cells_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def draw(folder: Path, shade: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(24):
            Image.new("L", (8, 8), shade + index).save(folder / f"{index}.png")

    draw(tmp_path / "one" / "pictures", 10)
    draw(tmp_path / "two" / "pictures", 100)
    monkeypatch.chdir(tmp_path / "one")
    folder = {"name": "image_folder", "path": "pictures"}
    grid = {**GRID, "axes": {**GRID["axes"], "dataset": [folder]}}
    out = tmp_path / "out"
    begin(grid, out)
    if change == "other pictures":
        draw(tmp_path / "one" / "pictures", 50)
    else:
        monkeypatch.chdir(tmp_path / "two")
    with pytest.raises(GridError) as caught:
        plan(grid, out)
    changed = "dataset image_folder[path=pictures]: data changed (1 cell)"
    assert [changed in problem for problem in caught.value.problems] == [True, True]
    assert [entry.fresh for entry in plan(grid, out, "stale").cells] == [True, True]


def test_the_version_of_ganbench_is_recorded_and_decides_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    store = begin(GRID, out)
    for cell in store.cell_ids():
        record = store.cell(cell)
        record["environment"]["versions"]["ganbench"] = "0.0.9"
        record["environment"]["hash"] = "0123456789"
        store.write_cell(cell, record)
    assert [entry.action for entry in plan(GRID, out).cells] == ["keep", "train"]


def test_other_numerics_are_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    begin(GRID, out)
    monkeypatch.setattr("ganbench.grid.environment.NUMERICS", 2)
    with pytest.raises(GridError, match=r"ganbench's numerics 1 -> 2 \(1 cell\)"):
        plan(GRID, out)


def test_workers_are_placed_on_gpus_of_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"cuda": "A", "cuda:0": "A", "cuda:1": "B", "cuda:2": "A"}
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    for module in ("executor", "local"):
        monkeypatch.setattr(f"ganbench.execution.{module}.device_model", models.__getitem__)
    found = {
        (device, jobs): [(place.device, place.model) for place in LocalExecutor(device, jobs=jobs).places()]
        for device, jobs in (("cuda", None), ("cuda", 3), ("cuda:1", None), ("cuda:1", 4))
    }
    assert found == {
        ("cuda", None): [("cuda:0", "A"), ("cuda:2", "A")],
        ("cuda", 3): [("cuda:0", "A"), ("cuda:2", "A"), ("cuda:0", "A")],
        ("cuda:1", None): [("cuda:1", "B")],
        # Several workers on one GPU.
        ("cuda:1", 4): [("cuda:1", "B")] * 4,
    }
    assert str(LocalExecutor("cuda:1", jobs=4).workers) == "4 workers (as asked for)"
