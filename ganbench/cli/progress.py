"""The progress of a run: bars on a terminal, elsewhere one plain line per finished cell."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
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
from rich.text import Text

from ganbench.cli.console import plain
from ganbench.execution import Plan, PlannedCell
from ganbench.runner.data_notes import data_notes
from ganbench.runner.task import CellResult

_STYLES = {"ok": "green", "diverged": "yellow", "skipped": "dim", "error": "red", "oom": "red"}


class _TimeLeft(ProgressColumn):
    """Time left, from the steps since this run began."""

    def render(self, task: Task) -> Text:
        left = task.time_remaining
        if left is None or task.finished:
            return Text("")
        return Text(f"{clock_time(left)} left", style="cyan")


class RunProgress:
    """The listener of the command line.

    Args:
        console: where bars or lines go; stderr, so that stdout keeps the tables.
        quiet: only failures are said.
        verbose: tracebacks of broken plugins are said too.

    Attributes:
        failed: cells that ended in `error` or `oom`, among them trained ones that could not be scored again.
    """

    def __init__(self, console: Console, quiet: bool = False, verbose: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._bars: Progress | None = None
        self._all: Any = None
        self._running: dict[str, Any] = {}
        self._cells: dict[str, PlannedCell] = {}
        self._steps: dict[str, int] = {}
        self._rates: dict[str, tuple[float, int]] = {}
        self.failed = 0
        self._done = 0
        self._total = 0

    def planned(self, plan: Plan) -> None:
        """Say what is about to happen."""
        self._cells = {planned.cell.id: planned for planned in plan.cells}
        todo = [planned for planned in plan.cells if planned.action in ("train", "score")]
        self._total = len(todo)
        for fault in plan.tried.faults:
            self._console.print(plain(f"broken: {fault.line()}"), soft_wrap=True)
            if self._verbose and fault.traceback:
                self._console.print(plain(fault.traceback), soft_wrap=True)
        if self._quiet:
            for note in plan.notes:
                self._console.print(plain(f"warning: {note}"), soft_wrap=True)
            return
        self._console.print(plain(plan_line(plan)), soft_wrap=True)
        for line in plan_notes(plan):
            self._console.print(plain(line), soft_wrap=True)
        if self._console.is_terminal and todo:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[extra]}", markup=False),
                _TimeLeft(),
                TimeElapsedColumn(),
                console=self._console,
                speed_estimate_period=60,
            )
            steps = sum(planned.cell.train.steps for planned in todo if planned.action == "train")
            self._all = self._bars.add_task("all cells, steps", total=max(steps, 1), extra="starting workers")
            self._bars.start()

    def event(self, event: Mapping[str, Any]) -> None:
        """Move a bar, or pass a warning on."""
        if "note" in event:
            self._console.print(plain(f"warning: {event['note']}"), soft_wrap=True)
        if self._bars is None or "step" not in event:
            return
        if not self._steps:
            self._bars.update(self._all, extra="")
        cell, step = event["cell"], int(event["step"])
        planned = self._cells[cell]
        if cell not in self._running:
            self._running[cell] = self._bars.add_task(
                name_of(planned), total=planned.cell.train.steps, extra=""
            )
            self._rates[cell] = (time.monotonic(), step)
            self._steps[cell] = step
            self._bars.update(self._all, advance=step)
        begun, first = self._rates[cell]
        rate = (step - first) / max(time.monotonic() - begun, 1e-9)
        losses = ""
        if event.get("loss_d") is not None:
            losses = f"D {event['loss_d']:.3g}  G {event['loss_g']:.3g}"
        extra = f"{rate:.0f} steps/s  {losses}" if step > first else losses
        self._bars.update(self._running[cell], completed=step, extra=extra)
        self._bars.update(self._all, advance=step - self._steps[cell])
        self._steps[cell] = step

    def finished(self, cell: PlannedCell, result: CellResult) -> None:
        """Put a finished cell's line above the bars."""
        self._done += 1
        self.failed += result.status in ("error", "oom")
        if self._bars is not None:
            bar = self._running.pop(result.cell, None)
            if bar is not None:
                self._bars.remove_task(bar)
            left = cell.cell.train.steps - self._steps.get(result.cell, 0)
            self._bars.update(self._all, advance=max(left, 0) if cell.action == "train" else 0)
        if self._quiet and result.status == "ok":
            return
        line = plain(f"[{self._done}/{self._total}] {name_of(cell)}: ")
        line.append(result.status, style=_STYLES.get(result.status, ""))
        if result.reason:
            line.append_text(plain(f" ({result.reason})"))
        for extractor, values in result.scores.items():
            told = ", ".join(f"{metric} {value:.4g}" for metric, value in values.items())
            line.append_text(plain(f"  {extractor}: {told}" if extractor else f"  {told}"))
        line.append(f"  {clock_time(result.seconds)}")
        self._console.print(line, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()


def name_of(planned: PlannedCell) -> str:
    """Name a cell by its axes and its seed."""
    cell = planned.cell
    parts = [cell.dataset.label, cell.architecture.label, cell.loss.label]
    if cell.penalty.name != "none":
        parts.append(cell.penalty.label)
    parts += [f"{key}={value}" for key, value in cell.varied.items()]
    return f"{' '.join(parts)} seed {cell.seed}"


def plan_line(plan: Plan) -> str:
    """Count the planned cells by what becomes of them."""
    parts = [f"{plan.count('train')} to train"]
    for count, text in (
        (plan.count("score"), "to score again"),
        (plan.count("keep"), "done"),
        (plan.count("skip"), "skipped"),
        (plan.count("fail"), "with a broken plugin"),
    ):
        if count:
            parts.append(f"{count} {text}")
    cells = len(plan.cells)
    workers = f", {plan.workers}" if plan.workers and plan.count("train", "score") else ""
    return (
        f"{plan.grid.name}: {cells} cell{'s' * (cells != 1)} on {plan.device} ({', '.join(parts)}){workers}"
    )


def plan_notes(plan: Plan) -> list[str]:
    """List what else the user should know before a run."""
    notes = [f"warning: {note}" for note in plan.notes]
    reasons: dict[str, int] = {}
    for planned in plan.cells:
        if planned.action == "skip":
            reasons[planned.reason] = reasons.get(planned.reason, 0) + 1
    notes += [f"skipped {count}: {reason}" for reason, count in reasons.items()]
    refusals = Counter(refusal for planned in plan.cells for refusal in planned.refusals.items())
    notes += [f"{count} cells not on engine {name!r}: {why}" for (name, why), count in refusals.items()]
    notes += [f"damaged, run again: {problem}" for problem in plan.damaged]
    notes += [
        f"note: {note}" for note in data_notes((planned.cell.dataset for planned in plan.cells), plan.shared)
    ]
    if plan.stale:
        notes.append(f"{plan.stale} cells of another environment are kept: environments are mixed")
    if continued := sum(planned.keep_stale for planned in plan.cells):
        notes.append(
            f"{continued} unfinished cells of another environment go on from their checkpoints: no run can "
            "repeat them"
        )
    if plan.orphaned:
        notes.append(
            f"{len(plan.orphaned)} cells in the folder are no longer in the grid: "
            "they stay on disk and leave the tables"
        )
    return notes


def clock_time(seconds: float) -> str:
    """Format seconds: `12 s`, `3:05`, `2:10:00`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
