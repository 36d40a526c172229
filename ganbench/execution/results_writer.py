"""What is known of a run that goes on, written into its folder: records, tables, the page."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ganbench.errors import StoreError
from ganbench.execution.executor import Executor
from ganbench.execution.plan import Plan, PlannedCell
from ganbench.execution.stopping import CLOSING_SECONDS, Interrupted
from ganbench.grid.history import History
from ganbench.report import write_page, write_tables
from ganbench.runner.events import CellBegun, CellProgress, CellScored, Event
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.store import Store

# Tables are small and always fresh; the page embeds pictures.
_TABLE_SECONDS = 2.0
_PAGE_SECONDS = 5.0
# A table or a page that took a while is not written again for so many times as long.
_PATIENCE = 20
# A page may take so many times as long as the one before it: more is in it.
_GROWTH = 1.5


class Listener(Protocol):
    """Follows a run, as the command line's progress does.

    It may also have `trying(done, total)`, told how many cells have been tried out for the plan;
    `waiting(text)`, told what a cluster is waited for before there is a plan; and `detached(left)`, told what
    a run that was detached has left to jobs.
    """

    def planned(self, plan: Plan) -> None:
        """Take notice of the plan, before anything is trained."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Take notice of a cell's progress.

        Args:
            event: cell, step, loss_d, loss_g, and `scored` where that step has just been scored; or cell and
                note, which is for the user. See `as_mapping` in `ganbench.runner.events`.
        """

    def finished(self, cell: PlannedCell, result: CellResult) -> None:
        """Take notice of a cell's end."""


class ResultsWriter:
    """Writes a run's folder, and tells its listener, while cells come back."""

    def __init__(self, plan: Plan, store: Store, listener: Listener | None) -> None:
        self._planned = {entry.cell.id: entry for entry in plan.cells}
        self._ids = [entry.cell.id for entry in plan.cells]
        self._store = store
        self._catalog = plan.shared.catalog
        self._listener = listener
        self._steps: dict[str, int] = {}
        self._tables_due = self._page_due = 0.0
        self._page_took = 0.0

    def follow(self, executor: Executor, tasks: Sequence[Task]) -> None:
        """Run the tasks, and write down what is known after each scoring and each cell.

        Raises:
            Interrupted: the executor was told to stop.
        """

        def heard(event: Event) -> None:
            self._event(event)
            # Meanwhile workers go on: what they send waits in their pipes, which hold minutes of it.
            if isinstance(event, CellScored) and executor.stopped is None:
                self._write_some()

        # Closed here, so that no worker outlives an exception for as long as its traceback is kept.
        with contextlib.closing(executor.run(tasks, heard)) as results:
            for ended, result in enumerate(results, 1):
                entry = self._planned[result.cell]
                if entry.action == "train" and result.status in ("error", "oom"):
                    self._write_down(entry, result)
                if self._listener is not None and result.status != "unfinished":
                    self._listener.finished(entry, result)
                if executor.stopped is None and ended < len(tasks):
                    self._write_some()
        if executor.stopped is not None:
            # Drawing a page may take longer than a user who interrupts will wait.
            left = executor.stopped + executor.patience_seconds + CLOSING_SECONDS - time.monotonic()
            self.write(page=_GROWTH * self._page_took < left)
            raise Interrupted(self._store.path)

    def write(self, *, page: bool) -> None:
        """Write the tables, and the page where it is wanted."""
        results = write_tables(self._store, self._ids, catalog=lambda: self._catalog)
        if page:
            write_page(self._store, results)

    def _write_some(self) -> None:
        """Write what is due: more seldom where writing takes longer."""
        begun = time.monotonic()
        if begun < self._tables_due:
            return
        page = begun >= self._page_due
        self.write(page=page)
        now = time.monotonic()
        took = now - begun
        self._tables_due = now + max(_TABLE_SECONDS, _PATIENCE * took)
        if page:
            self._page_due, self._page_took = now + max(_PAGE_SECONDS, _PATIENCE * took), took

    def _event(self, event: Event) -> None:
        if isinstance(event, CellBegun):
            return
        if isinstance(event, CellProgress):
            self._steps[event.cell] = event.step
        if self._listener is not None:
            self._listener.event(event.as_mapping())

    def _write_down(self, entry: PlannedCell, result: CellResult) -> None:
        """Write the end of a cell whose worker could not: it is gone, or its disk was full."""
        store, cell = self._store, entry.cell
        step, seconds = self._steps.get(cell.id, 0), 0.0
        history = History.of(entry.environment)
        with contextlib.suppress(StoreError, ValueError):
            before = store.cell(cell.id)
            if before["status"] == result.status:
                return
            step, seconds = max(step, before["step"]), before["seconds"]
            history = History.from_record(before)
        store.write_cell(
            cell.id,
            record_of(
                cell,
                history,
                self._catalog,
                status=result.status,
                reason=result.reason,
                step=step,
                seconds=max(seconds, result.seconds),
            ),
        )
