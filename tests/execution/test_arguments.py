from __future__ import annotations

import asyncio
import multiprocessing
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import shared

import ganbench
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError, GridError, StoreError
from ganbench.execution import plan_run, plan_verification, verify
from ganbench.execution.arguments import check_arguments
from ganbench.execution.verification import Verification
from ganbench.grid import read_grid
from ganbench.regression import check
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 5, "batch_size": 16},
}

BAD = [
    ("jobs", -1, "jobs: must be a whole number from 1, or None for one per core or GPU, given -1"),
    ("jobs", 0, "jobs: must be a whole number from 1"),
    ("jobs", True, "given True"),
    ("jobs", 2.0, "given 2.0"),
    ("jobs", "2", "given '2'"),
    ("rerun", "Stale", "rerun: no such choice 'Stale'; did you mean 'stale'?"),
    ("rerun", "KEEP", "did you mean 'keep'?"),
    ("rerun", "yes", "rerun: no such choice 'yes'; valid: all, keep, no, stale"),
    ("rerun", None, "rerun: must be one of no, stale, all, keep, given None"),
    ("rerun", True, "given True"),
    ("device", "CPU", "must be auto, cpu, cuda or cuda:N, given 'CPU'; did you mean 'cpu'?"),
    ("device", "cuda:01", "given 'cuda:01'"),
    ("device", "mps", "given 'mps'; mps is not supported"),
    ("device", "cuda:\N{ARABIC-INDIC DIGIT ONE}", "must be auto, cpu, cuda or cuda:N"),
    ("device", torch.device("cpu"), "device: must be auto, cpu, cuda or cuda:N, given device(type='cpu')"),
    ("device", None, "given None"),
    ("max_seconds_per_cell", 0, "max_seconds_per_cell: must be a number above 0, or None for no limit"),
    ("max_seconds_per_cell", -1.5, "given -1.5"),
    ("max_seconds_per_cell", float("nan"), "given nan"),
    ("max_seconds_per_cell", True, "given True"),
    ("max_seconds_per_cell", "60", "given '60'"),
    ("overrides", "train.steps=7", "overrides: must be a list of settings, as ['train.steps=200'], given"),
    ("overrides", {"train.steps": 7}, "overrides: must be a list of settings"),
    ("overrides", ["train.steps=7", 3], "overrides: must be a list of settings"),
    ("overrides", ["train.stps=7"], "did you mean 'train.steps'?"),
    ("keep_going", 1, "keep_going: must be True or False, given 1"),
    ("out", 5, "out: must be a path, given 5"),
    ("out", "a\0b", "null character"),
    ("listener", object(), "listener: must have the methods planned, event, finished; lacks planned,"),
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "value", "problem"), BAD, ids=lambda value: str(value)[:20])
def test_an_argument_that_means_nothing_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, value: object, problem: str
) -> None:
    with pytest.raises(GanbenchError) as caught:
        ganbench.run(GRID, **{"out": "out", name: value})  # type: ignore[arg-type]
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("grid", [None, 3, b"g.toml", ["g.toml"]])
def test_a_grid_is_a_file_a_name_a_mapping_or_a_grid(grid: Any) -> None:
    with pytest.raises(GridError, match="grid: must be a TOML file, the name of a bundled grid"):
        ganbench.run(grid)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, jobs=0, rerun="stael", max_seconds_per_cell=0)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3


def test_what_means_something_is_taken() -> None:
    check_arguments(grid="g.toml", out=Path("out"), jobs=np.int64(2), max_seconds_per_cell=np.float32(1.5))
    check_arguments(grid=Path("g.toml"), max_seconds_per_cell=float("inf"), overrides=("train.steps=7",))
    check_arguments(grid={}, max_seconds_per_cell=60, rerun="keep", device="cuda:3")


def test_a_plan_and_a_grid_that_is_resolved_are_checked_too() -> None:
    grid = read_grid(GRID, load_catalog())
    for rerun in ("Stale", None):
        with pytest.raises(GridError, match="rerun: "):
            plan_run(grid, "out", rerun=rerun)  # type: ignore[arg-type]
    with pytest.raises(GridError, match="overrides: a Grid is resolved already"):
        ganbench.run(grid, "out", overrides=["train.steps=7"])
    assert not Path("out").exists()


def nothing() -> Verification:
    return Verification(store=Store("out"), cells=(), device="cpu", shared=shared())


@pytest.mark.parametrize(
    "call",
    [
        lambda: ganbench.load(None),  # type: ignore[arg-type]
        lambda: ganbench.load(3),  # type: ignore[arg-type]
        lambda: plan_verification(None),  # type: ignore[arg-type]
        lambda: plan_verification("out", sample=1.5),  # type: ignore[arg-type]
        lambda: plan_verification("out", sample=True),
        lambda: plan_verification("out", "c0123456789a"),
        lambda: check("out", "out", metrics="fid"),
        lambda: verify(nothing(), tolerance=0, jobs=0),
        lambda: verify(nothing(), tolerance=0, jobs=-1),
        lambda: verify(nothing(), tolerance=0, jobs=True),
        lambda: verify(nothing(), tolerance=-1),
        lambda: verify(nothing(), tolerance=float("nan")),
        lambda: verify(nothing(), tolerance="1%"),  # type: ignore[arg-type]
    ],
)
def test_other_functions_refuse_in_one_line_what_means_nothing(call: Any) -> None:
    with pytest.raises(GanbenchError, match="must be") as caught:
        call()
    assert len(caught.value.problems) == 1


def test_a_process_that_may_not_start_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # What multiprocessing.Pool sets in its workers.
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    with pytest.raises(GanbenchError, match=r"is a daemon.*run the grid in the main process"):
        ganbench.run(GRID, "out")
    with pytest.raises(GanbenchError, match="is a daemon"):
        verify(nothing(), tolerance=0)
    assert not Path("out").exists()


@pytest.mark.slow
def test_a_run_works_in_another_thread_and_inside_a_loop_of_asyncio(in_process: None, tmp_path: Path) -> None:
    statuses: list[str] = []

    def train(out: str) -> None:
        statuses.extend(ganbench.run(GRID, tmp_path / out).cells["status"])

    thread = threading.Thread(target=train, args=("thread",))
    thread.start()
    thread.join()

    async def main() -> None:
        train("loop")
        await asyncio.to_thread(train, "thread of a loop")

    asyncio.run(main())
    assert statuses == ["ok"] * 3


def test_missing_results_are_one_line() -> None:
    with pytest.raises(StoreError, match="no such folder"):
        ganbench.load("a\0b")
