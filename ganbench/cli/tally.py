"""How far a run is, in a line every minute where no terminal shows bars."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ganbench.cli.cell_names import clock_time, short_names
from ganbench.execution import PlannedCell

_MAX_NAMED = 3


class Tally:
    """Counts the cells of a run, and says how far it is.

    Attributes:
        tried: cells tried out for the plan, and how many there are.
        done: cells that have ended.
        total: cells to train or to score.
    """

    def __init__(self) -> None:
        self.tried = (0, 0)
        self.done = self.total = 0
        self._begun = time.monotonic()
        self._steps: dict[str, int] = {}
        self._cells: dict[str, PlannedCell] = {}
        self._names: dict[str, str] = {}

    def begin(self, cells: Sequence[PlannedCell], total: int) -> None:
        """Take notice of the planned cells, and of how many of them are to be trained or scored."""
        self.total = total
        self._cells = {planned.cell.id: planned for planned in cells}
        self._names = short_names([planned.cell for planned in cells])

    def step(self, cell: str, step: int) -> None:
        """Take notice that a cell has come to a step."""
        self._steps[cell] = step

    def end(self, cell: str) -> None:
        """Take notice of a cell's end."""
        self.done += 1
        self._steps.pop(cell, None)

    def line(self) -> str:
        """Say how far the run is."""
        since = f"after {clock_time(time.monotonic() - self._begun)}: "
        if not self._cells:
            tried, total = self.tried
            return f"{since}{tried} of {total} cells tried out" if total else f"{since}planning"
        running = list(self._steps.items())
        told = [
            f"{self._names[cell]} at step {step} of {self._cells[cell].cell.train.steps}"
            for cell, step in running[:_MAX_NAMED]
        ]
        if len(running) > _MAX_NAMED:
            told.append(f"{len(running) - _MAX_NAMED} more")
        at = f"; {', '.join(told)}" if told else ""
        return f"{since}{self.done} of {self.total} cells done{at}"


class RegularLines:
    """Calls a function at regular times, in a thread of its own, until it is stopped."""

    def __init__(self, say: Callable[[], None], every_seconds: float) -> None:
        """Remember what to call.

        Args:
            say: prints a line.
            every_seconds: from one line to the next.
        """
        self._say = say
        self._every = every_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ganbench progress", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first line."""
        self._thread.start()

    def stop(self) -> None:
        """Print no further line."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            self._say()
