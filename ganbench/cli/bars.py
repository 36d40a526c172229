"""Bars on a terminal: of a plan that takes long, and of the cells of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from ganbench.cli.cell_names import clock_time, cut_in_the_middle, short_names
from ganbench.execution import PlannedCell

# Below it, losses and the time gone are left out: the name of a cell needs their place.
_WIDE = 120
_PLAN_BAR_AFTER_SECONDS = 5.0


class PlanBar:
    """Shows how many cells have been tried out, once that has taken some seconds."""

    def __init__(self, console: Console, after_seconds: float = _PLAN_BAR_AFTER_SECONDS) -> None:
        """Wait for the first cell.

        Args:
            console: a terminal.
            after_seconds: from the first cell to when the bar appears.
        """
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeLeft(),
            console=console,
            transient=True,
        )
        self._due = after_seconds
        self._begun: float | None = None
        self._task: Any = None

    def show(self, done: int, total: int) -> None:
        """Show that so many of the cells have been tried."""
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        if self._task is None and now - self._begun >= self._due:
            self._task = self._progress.add_task("trying out the cells", total=total)
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class CellBars:
    """Shows a bar for all cells of a run, and one for each that runs."""

    def __init__(self, console: Console, todo: Sequence[PlannedCell]) -> None:
        """Show the bars.

        Args:
            console: a terminal.
            todo: the cells to train or to score.
        """
        self._wide = console.width >= _WIDE
        self._cells = {planned.cell.id: planned for planned in todo}
        self._names = short_names([planned.cell for planned in todo])
        self._running: dict[str, Any] = {}
        self._steps: dict[str, int] = {}
        self._rates: dict[str, tuple[float, int]] = {}
        self._progress = Progress(
            *_columns(self._wide), console=console, speed_estimate_period=60, expand=not self._wide
        )
        steps = sum(planned.cell.train.steps for planned in todo if planned.action == "train")
        self._all = self._progress.add_task("all cells, steps", total=max(steps, 1), extra="starting")
        self._progress.start()

    def step(self, event: Mapping[str, Any]) -> None:
        """Move the bar of a cell to its step."""
        if not self._steps:
            self._progress.update(self._all, extra="")
        cell, step = event["cell"], int(event["step"])
        if cell not in self._running:
            self._running[cell] = self._progress.add_task(
                self._names[cell], total=self._cells[cell].cell.train.steps, extra=""
            )
            self._rates[cell] = (time.monotonic(), step)
            self._steps[cell] = step
            self._progress.update(self._all, advance=step)
        begun, first = self._rates[cell]
        rate = (step - first) / max(time.monotonic() - begun, 1e-9)
        extra = [f"{rate:.0f} steps/s"] if step > first else []
        if self._wide and event.get("loss_d") is not None:
            extra.append(f"D {event['loss_d']:.3g}  G {event['loss_g']:.3g}")
        self._progress.update(self._running[cell], completed=step, extra="  ".join(extra))
        self._progress.update(self._all, advance=step - self._steps[cell])
        self._steps[cell] = step

    def end(self, planned: PlannedCell) -> None:
        """Take the bar of a cell away that has ended."""
        cell = planned.cell
        bar = self._running.pop(cell.id, None)
        if bar is not None:
            self._progress.remove_task(bar)
        left = cell.train.steps - self._steps.get(cell.id, 0)
        self._progress.update(self._all, advance=max(left, 0) if planned.action == "train" else 0)

    def stop(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


class TimeLeft(ProgressColumn):
    """Time left, from the steps since this run began."""

    def render(self, task: Task) -> Text:
        """Give the text, empty where the time is not known."""
        left = task.time_remaining
        if left is None or task.finished:
            return Text("")
        return Text(f"{clock_time(left)} left", style="cyan")


class NameColumn(ProgressColumn):
    """The name of a cell; where it does not fit, without its middle."""

    def render(self, task: Task) -> CutName:
        """Give the name."""
        return CutName(task.description)


class CutName:
    """A text on one line, without its middle where there is too little room."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(cut_in_the_middle(self._text, options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, len(self._text))


def _columns(wide: bool) -> list[ProgressColumn]:
    """Choose columns that stand on one line each; of a name that is too long the middle is left out."""

    def one_line(**options: Any) -> Column:
        return Column(no_wrap=True, **options)

    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        NameColumn(table_column=one_line() if wide else one_line(ratio=1)),
        BarColumn(bar_width=24 if wide else 8),
        MofNCompleteColumn(table_column=one_line()),
        TextColumn("{task.fields[extra]}", markup=False, table_column=one_line()),
        TimeLeft(table_column=one_line()),
    ]
    return [*columns, TimeElapsedColumn(table_column=one_line())] if wide else columns
