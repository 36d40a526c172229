"""A pool that runs its tasks in the process of the test: no worker has to load torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from ganbench.execution import grid_run, verification
from ganbench.runner import CellResult, Task, run_cell
from ganbench.runner.events import CellScored, Event


class InProcess:
    """Runs tasks one after another, and calls `between` when something has been scored."""

    between: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, devices: Sequence[str], threads: int | None, max_seconds: float | None = None) -> None:
        self.stopped: float | None = None

    def stop(self) -> None:
        self.stopped = time.monotonic()

    def run(
        self, tasks: Sequence[Task], on_event: Callable[[Event], None] = lambda _: None
    ) -> Iterator[CellResult]:
        def heard(event: Event) -> None:
            if isinstance(event, CellScored) and self.stopped is None:
                type(self).between()
            on_event(event)

        for task in tasks:
            yield run_cell(task, lambda: self.stopped is not None, heard)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> type[InProcess]:
    """Give runs and verifications a pool of this process."""
    monkeypatch.setattr(grid_run, "LocalExecutor", InProcess)
    monkeypatch.setattr(verification, "LocalExecutor", InProcess)
    return InProcess
