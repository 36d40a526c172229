"""What the executors on other machines share: a signal stops them, a cell has a limit, the user waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from ganbench.execution.executor import MIN_START_SECONDS
from ganbench.execution.tries import TimeLimit


class SignalledExecutor:
    """Takes down what it is told in a signal handler; its `run` acts on that, as between two messages.

    Attributes:
        stopped: when it was told to stop, in seconds of `time.monotonic`; None while it was not.
        patience_seconds: how long after that it waits for checkpoints.
    """

    patience_seconds: float

    def __init__(self, max_seconds: float | None) -> None:
        """Begin untold.

        Args:
            max_seconds: a cell's limit, from when its worker is ready, or None.
        """
        self.stopped: float | None = None
        self._killed = False
        self._say: Callable[[str], None] = lambda text: None
        self._limit = TimeLimit.of(max_seconds, MIN_START_SECONDS)

    def tell_waiting(self, say: Callable[[str], None]) -> None:
        """Let a caller know what is waited for before anything is planned.

        Args:
            say: told in a line.
        """
        self._say = say

    def stop(self) -> None:
        """Let every cell write its checkpoint and end; may be called from a signal handler."""
        if self.stopped is None:
            self.stopped = time.monotonic()

    def kill(self) -> None:
        """End every worker; may be called from a signal handler."""
        self._killed = True

    @property
    def _is_out_of_patience(self) -> bool:
        """Whether checkpoints are no longer waited for."""
        if self.stopped is None:
            return False
        return self._killed or time.monotonic() > self.stopped + self.patience_seconds
