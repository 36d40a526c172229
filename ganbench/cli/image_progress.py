"""How far a command is with images: a bar on a terminal, elsewhere a line per minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from ganbench.cli.bars import TimeLeft
from ganbench.cli.cell_names import clock_time
from ganbench.cli.console import plain
from ganbench.cli.tally import RegularLines

_BAR_AFTER_SECONDS = 2.0
_BAR_WIDTH = 12


class ImageProgress:
    """Show how many images of each step of a command are done, as a context.

    Args:
        console: where the bar or the lines go; stderr, so that stdout keeps the table.
        every_seconds: where no terminal is, how often a line is printed.
        after_seconds: how long after the beginning of the command the bar appears.
    """

    def __init__(
        self, console: Console, every_seconds: float = 60.0, after_seconds: float = _BAR_AFTER_SECONDS
    ) -> None:
        self._console = console
        self._due = time.monotonic() + after_seconds
        self._lock = threading.Lock()
        self._step, self._done, self._first, self._total = "", 0, 0, 0
        self._begun = time.monotonic()
        self._task: Any = None
        self._bar: Progress | None = None
        self._lines: RegularLines | None = None
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn(
                    "{task.description}",
                    markup=False,
                    table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                ),
                BarColumn(_BAR_WIDTH),
                MofNCompleteColumn(table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[rate]}", markup=False, table_column=Column(no_wrap=True)),
                TimeLeft(table_column=Column(no_wrap=True)),
                console=console,
                transient=True,
                expand=True,
                speed_estimate_period=60,
            )
        else:
            self._lines = RegularLines(self._say, every_seconds)

    def step(self, name: str) -> Callable[[int, int], None]:
        """Give a function to tell, in this step, how many images are done and how many there are."""

        def tell(done: int, total: int) -> None:
            self._show(name, done, total)

        return tell

    def __enter__(self) -> Self:
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lines is not None:
            self._lines.stop()
        if self._bar is not None:
            self._bar.stop()

    def _show(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        with self._lock:
            if step != self._step:
                self._step, self._first, self._begun = step, done, now
                if self._bar is not None and self._task is not None:
                    self._bar.remove_task(self._task)
                    self._task = None
            self._done, self._total = done, total
            if self._bar is None or now < self._due:
                return
            if self._task is None:
                self._task = self._bar.add_task(plain(step).plain, total=total, completed=done, rate="")
                self._bar.start()
            self._bar.update(self._task, completed=done, rate=self._rate(now))

    def _rate(self, now: float) -> str:
        seconds = now - self._begun
        done = self._done - self._first
        if not done or seconds <= 0:
            return ""
        rate = done / seconds
        return f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.1f} images/s"

    def _say(self) -> None:
        with self._lock:
            if not self._total:
                return
            rate, left = self._rate(time.monotonic()), ""
            done = self._done - self._first
            if rate and self._done < self._total:
                seconds = (time.monotonic() - self._begun) / done * (self._total - self._done)
                left = f", {clock_time(seconds)} left"
            line = f"{self._step}: {self._done:,} of {self._total:,} images{', ' if rate else ''}{rate}{left}"
        self._console.print(plain(line), soft_wrap=True)
