"""The tries of a cell whose worker is lost: the same number, and the same words, whatever the executor."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from ganbench.runner.task import CellResult

MAX_TRIES = 2


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The end of a worker that left its cell without a result.

    Attributes:
        cause: what ended it, for a sentence: `SIGKILL`, `exit code 1`, `the loss of node 10.0.0.3`.
        freed: who ended it because memory was missing, as `the kernel`; empty where that was not the cause.
        reason: why the cell is not tried again; empty where it may be.
    """

    cause: str = ""
    freed: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """The seconds that a cell may take.

    Attributes:
        cell: from when its worker is ready.
        start: from when a worker is given the cell until it begins with it.
    """

    cell: float
    start: float

    @classmethod
    def of(cls, cell: float | None, min_start: float) -> Self | None:
        """Make the limit of a run; None where there is none.

        Args:
            cell: seconds that a cell may take, or None.
            min_start: seconds that a worker has at least until it begins.
        """
        return None if cell is None else cls(cell=cell, start=max(cell, min_start))

    def exceeded(self, given: float, begun: float | None, cells: int = 1) -> str:
        """Say how a cell has taken too long, as the reason of its end; empty where it has not.

        Args:
            given: when its worker got it, in seconds of `time.monotonic`.
            begun: when it began with it; None while it has not.
            cells: that it runs together.
        """
        now = time.monotonic()
        if begun is None:
            return (
                f"time limit: its worker did not begin within {self.start:g} seconds; a plugin may wait for "
                "something when it is imported"
                if now > given + self.start
                else ""
            )
        return f"time limit: {self.cell:g} seconds" if now > begun + self.cell * cells else ""


class Tries:
    """Counts how often each cell has lost its worker."""

    def __init__(self) -> None:
        self._lost: dict[str, int] = {}

    def result_of(self, cell: str, lost: Lost, *, stopped: bool) -> CellResult | None:
        """Make the result of a cell whose worker is lost; None where it is to be tried once more.

        Args:
            cell: its id.
            lost: how its worker ended.
            stopped: whether the run was told to stop, which is the end of every worker.
        """
        if lost.reason:
            return CellResult(cell=cell, status="error", reason=lost.reason, scores={})
        if stopped:
            return CellResult(cell=cell, status="unfinished", reason="interrupted", scores={})
        self._lost[cell] = self._lost.get(cell, 0) + 1
        if self._lost[cell] < MAX_TRIES:
            return None
        if lost.freed:
            reason = f"its worker died {MAX_TRIES} times; {lost.freed} had to free memory"
            return CellResult(cell=cell, status="oom", reason=reason, scores={})
        reason = f"its worker died {MAX_TRIES} times, the last time by {lost.cause}"
        return CellResult(cell=cell, status="error", reason=reason, scores={})
