"""Signals that end a run: its workers write checkpoints, and the same command goes on from them.

Workers import this module before torch, so it imports next to nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

# Schedulers send USR1 or USR2 before the time limit of a job; a terminal that is closed sends HUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_ALWAYS = ("SIGINT", "SIGTERM")
# From the end of patience with the cells to the end of the run, whatever is still being done; ending the
# interpreter takes a second more.
CLOSING_SECONDS = 0.5


class Interrupted(Exception):
    """The run was told to stop; the folder holds what was done and the run can go on.

    Attributes:
        folder: the results folder.
        begun: whether cells had been begun; where not, the folder is as it was before.
    """

    def __init__(self, folder: Path, *, begun: bool = True) -> None:
        super().__init__(str(folder))
        self.folder = folder
        self.begun = begun


def stop_signals() -> tuple[int, ...]:
    """List the signals that end a run, as far as this system has them (Windows lacks most)."""
    return tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))


def handled_signals() -> tuple[int, ...]:
    """List the signals that end a run in this process.

    Those that it ignores, as SIGHUP under nohup, stay ignored, but for SIGINT and SIGTERM. A handler that
    was not installed from Python could not be put back, so its signal is left alone.
    """
    always = {int(getattr(signal, name)) for name in _ALWAYS}
    return tuple(
        number
        for number in stop_signals()
        if signal.getsignal(number) is not None
        and (number in always or signal.getsignal(number) != signal.SIG_IGN)
    )


class Stoppable(Protocol):
    """What a signal needs of an executor.

    Attributes:
        stopped: when it was told to stop, in seconds of `time.monotonic`; None while it was not.
        patience_seconds: how long after that it waits for cells to write their checkpoints.
    """

    stopped: float | None
    patience_seconds: float

    def stop(self) -> None:
        """Let every cell write its checkpoint and end, and begin no other; called in a signal handler too."""

    def kill(self) -> None:
        """End every worker at once; called in a signal handler too."""


class Stopper:
    """Acts on a signal: ends the run while there are no workers, and stops the workers afterwards.

    Attributes:
        executor: what runs cells, once it does.
        begun: whether cells have been begun.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self.executor: Stoppable | None = None
        self.begun = False
        self._folder = folder
        self._told = 0
        self._give_back: Callable[[], None] = lambda: None

    def signal(self, number: int, _: object) -> None:
        """Stop the executor at the first signal, end everything at a second Ctrl-C, by force at a third.

        Raises:
            Interrupted: there is nothing to wait for.
        """
        self._told += number == signal.SIGINT or not self._told
        executor = self.executor
        if executor is None:
            raise self._interrupted()
        if executor.stopped is None:
            executor.stop()
            self._limit_time(executor.patience_seconds + CLOSING_SECONDS)
        elif self._told > 1:
            executor.kill()
            if self._told > 2:
                os._exit(130)
            raise self._interrupted()

    def give_back_alarm(self) -> None:
        """Put the caller's alarm back, with the time that it had left."""
        self._give_back()
        self._give_back = lambda: None

    def _limit_time(self, seconds: float) -> None:
        """Let an alarm end whatever the main thread is busy with, as drawing a page.

        The alarm is the caller's until then: a test's time limit, say, must not look like an interrupt.
        """
        if not hasattr(signal, "setitimer") or signal.getsignal(signal.SIGALRM) is None:
            return
        left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
        handler = signal.signal(signal.SIGALRM, self._out_of_time)
        taken = time.monotonic()

        def give_back() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if left:
                # What came due meanwhile comes at once: 0 would cancel it.
                signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - taken), 1e-3), interval)

        self._give_back = give_back

    def _out_of_time(self, *_: object) -> None:
        raise self._interrupted()

    def _interrupted(self) -> Interrupted:
        return Interrupted(self._folder(), begun=self.begun)


@contextmanager
def stopping(folder: Callable[[], Path]) -> Iterator[Stopper]:
    """Let signals stop the run while this lasts; then the caller's handlers and alarm come back.

    Only the main thread can handle signals; in another one they stay as they are.

    Args:
        folder: the results folder, as far as it is known when a signal comes.
    """
    stopper = Stopper(folder)
    if threading.current_thread() is not threading.main_thread():
        yield stopper
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in handled_signals()}
    try:
        for number in handlers:
            signal.signal(number, stopper.signal)
        yield stopper
    finally:
        stopper.give_back_alarm()
        for number, handler in handlers.items():
            signal.signal(number, handler)
