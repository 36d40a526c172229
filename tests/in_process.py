"""An executor that runs its tasks in the process of the test: no worker has to load torch for seconds.

Real workers are started by the tests that are about them: with a `Study`, with `workers`, by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from parts_here import shared
from undrawn import leave_figures_out, undraw

from ganbench.execution import EXECUTORS, Place
from ganbench.execution.local import LocalExecutor
from ganbench.runner import CellResult, Task, run_cell
from ganbench.runner.events import CellScored, Event


class InProcess:
    """Runs tasks one after another, and calls `between` when something has been scored."""

    between: Callable[[], object] = staticmethod(lambda: None)
    patience_seconds = 3.0

    def __init__(self, device: str = "cpu", **_: Any) -> None:
        self.stopped: float | None = None
        self.ran: list[str] = []

    def places(self) -> list[Place]:
        return [Place.here("cpu")]

    def stop(self) -> None:
        self.stopped = time.monotonic()

    def kill(self) -> None:
        self.stop()

    def scored(self) -> None:
        type(self).between()

    def run(
        self, tasks: Iterable[Task], on_event: Callable[[Event], None]
    ) -> Generator[CellResult, None, None]:
        def heard(event: Event) -> None:
            if isinstance(event, CellScored) and self.stopped is None:
                self.scored()
            on_event(event)

        for task in tasks:
            if self.stopped is None:
                self.ran.append(task.cell.id)
                yield run_cell(task, shared(), lambda: self.stopped is not None, heard)


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Leave out what matplotlib draws, in all of a file."""
    with pytest.MonkeyPatch.context() as patch:
        undraw(patch)
        yield


@pytest.fixture
def words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out of pages, in one test that looks at words and tables."""
    leave_figures_out(monkeypatch)


@pytest.fixture(scope="module")
def in_process(undrawn: None) -> Iterator[type[InProcess]]:
    """Run cells in this process, in all of a file from the first test on that asks for it.

    What matplotlib would draw is left out.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXECUTORS, "local", InProcess)
        yield InProcess


@pytest.fixture
def workers(in_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run cells in real workers, in a file that otherwise runs them in this process."""
    monkeypatch.setitem(EXECUTORS, "local", LocalExecutor)
