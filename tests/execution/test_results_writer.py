from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from in_process import InProcess
from tiny_grid import GRID as TINY

from ganbench.execution import EXECUTORS, Interrupted, results_writer, run
from ganbench.report import Results
from ganbench.store import Store

GRID: dict[str, Any] = {**TINY, "train": {"steps": 30, "batch_size": 16}}


class Watch:
    """A clock that only moves when it is told to, and what was written when."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.page_takes = 0.0
        self.pages: list[Results] = []

    def monotonic(self) -> float:
        return self.now

    def write_page(self, store: Store, results: Results) -> None:
        self.now += self.page_takes
        self.pages.append(results)


class Inline(InProcess):
    """Runs its tasks in this process, and says to the watch when something is scored."""

    watch: Watch
    between: Callable[[Inline], None] = staticmethod(lambda executor: None)  # type: ignore[assignment]

    def stop(self) -> None:
        self.stopped = self.watch.now

    def scored(self) -> None:
        type(self).between(self)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(Inline, "watch", watch, raising=False)
    monkeypatch.setitem(EXECUTORS, "local", Inline)
    monkeypatch.setattr(results_writer, "time", SimpleNamespace(monotonic=watch.monotonic))
    monkeypatch.setattr(results_writer, "write_page", watch.write_page)
    return watch


def waiting(watch: Watch, seconds: float) -> Callable[[Inline], None]:
    def between(executor: Inline) -> None:
        watch.now += seconds

    return between


def steps_scored(results: Results) -> list[list[int]]:
    """Of each cell the steps whose scores the tables hold."""
    return [
        sorted(set(results.scores.loc[results.scores["cell"] == cell, "step"].tolist()))
        for cell in results.cells["cell"]
    ]


@pytest.mark.slow
def test_a_run_in_progress_has_a_page_of_each_scoring(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inline, "between", staticmethod(waiting(watch, 60)))
    run(GRID, tmp_path / "out", jobs=1)
    # The first cell's end follows its last scoring at once, so it is too early for another page.
    assert [steps_scored(results) for results in watch.pages] == [
        [[10], []],
        [[10, 20], []],
        [[10, 20, 30], [10]],
        [[10, 20, 30], [10, 20]],
        [[10, 20, 30]] * 2,
    ]
    assert [results.cells["step"].tolist() for results in watch.pages] == [
        [10, 0],
        [20, 0],
        [30, 10],
        [30, 20],
        [30, 30],
    ]
    assert watch.pages[1].cells["status"].tolist() == ["unfinished"] * 2
    assert watch.pages[2].cells["status"].tolist() == ["ok", "unfinished"]


@pytest.mark.slow
def test_curves_of_an_unfinished_cell_are_there_when_it_is_scored(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reached = Store(tmp_path / "out"), []

    def between(executor: Inline) -> None:
        curves = [store.curves(cell) for cell in store.cell_ids()]
        reached.append([None if table is None else int(table["step"].iloc[-1]) for table in curves])

    monkeypatch.setattr(Inline, "between", staticmethod(between))
    run(GRID, store.path, jobs=1)
    assert reached == [[10, None], [20, None], [30, 10], [30, 20]]


@pytest.mark.slow
def test_a_page_that_takes_long_is_written_seldom(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.page_takes = 3
    monkeypatch.setattr(Inline, "between", staticmethod(waiting(watch, 25)))
    run(GRID, tmp_path / "out", jobs=1)
    # After 0, 25, 50 and 75 seconds it might be written; a twentieth of the time may go to it.
    assert [steps_scored(results)[0] for results in watch.pages] == [[10], [10, 20, 30], [10, 20, 30]]


@pytest.mark.slow
def test_the_last_scoring_and_the_last_cell_are_written_once(watch: Watch, tmp_path: Path) -> None:
    run(GRID | {"seeds": 1, "score": GRID["score"] | {"every": 0}}, tmp_path / "out", jobs=1)
    assert len(watch.pages) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("takes", "pages"), [(0.5, 2), (4.0, 1)])
def test_an_interrupted_run_has_a_page_unless_that_takes_longer_than_one_waits(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: float, pages: int
) -> None:
    watch.page_takes = takes

    def between(executor: Inline) -> None:
        watch.now += 100
        if watch.pages:
            executor.stop()

    monkeypatch.setattr(Inline, "between", staticmethod(between))
    with pytest.raises(Interrupted):
        run(GRID, tmp_path / "out", jobs=1)
    # Told to stop when step 20 was scored: no page for that, which would keep the workers waiting.
    assert [steps_scored(results)[0] for results in watch.pages] == [[10], [10, 20]][:pages]
    assert set(watch.pages[-1].cells["status"]) == {"unfinished"}


def test_a_run_interrupted_before_its_first_page_has_one(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inline, "between", staticmethod(Inline.stop))
    with pytest.raises(Interrupted):
        run(GRID, tmp_path / "out", jobs=1)
    assert [results.cells["step"].tolist() for results in watch.pages] == [[11, 0]]
