"""A count of seconds that can be stopped, and gone on with."""

from __future__ import annotations

import time


class Stopwatch:
    """Counts seconds from when it is made, except while it is stopped."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._since: float | None = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds so far."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._counted + running

    def stop(self) -> None:
        """Count no further."""
        self._counted, self._since = self.seconds, None

    def start(self) -> None:
        """Go on."""
        self._since = time.monotonic()

    def add(self, seconds: float) -> None:
        """Count seconds that went by while it was stopped."""
        self._counted += seconds
