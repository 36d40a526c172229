"""The progress of a run: bars on a terminal, elsewhere lines: one per finished cell and one per minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from ganbench.analysis.numbers import number
from ganbench.cli.bars import CellBars, PlanBar
from ganbench.cli.cell_names import clock_time, name_of
from ganbench.cli.console import plain, say
from ganbench.cli.tally import RegularLines, Tally
from ganbench.execution import Plan, PlannedCell
from ganbench.grid.cell import cells_counted
from ganbench.runner.data_notes import data_notes
from ganbench.runner.task import CellResult

_STYLES = {"ok": "green", "diverged": "yellow", "skipped": "dim", "error": "red", "oom": "red"}


class RunProgress:
    """The listener of the command line.

    Args:
        console: where bars or lines go; stderr, so that stdout keeps the tables.
        quiet: only failures are said.
        verbose: tracebacks of broken plugins are said too.
        every_seconds: where no terminal is, how often a line says how far the run is; an automatic build
            that hears nothing for some minutes is ended by many a service.

    Attributes:
        failed: cells that ended in `error` or `oom`, among them trained ones that could not be scored again.
        left: what a run that was detached has left to jobs, for a sentence; empty where it was not.
    """

    def __init__(
        self, console: Console, quiet: bool = False, verbose: bool = False, every_seconds: float = 60.0
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._live = console.is_terminal and not quiet
        self._plan_bar = PlanBar(console) if self._live else None
        self._bars: CellBars | None = None
        self._tally = Tally()
        self._lines = None if self._live or quiet else RegularLines(self._say_how_far, every_seconds)
        self.failed = 0
        self.left = ""

    def waiting(self, text: str) -> None:
        """Say what is waited for before there is a plan."""
        if not self._quiet:
            say(self._console, text)

    def detached(self, left: str) -> None:
        """Take notice of what a run has left to jobs."""
        self.left = left

    def trying(self, done: int, total: int) -> None:
        """Take notice of how many of the cells have been tried out for the plan."""
        self._tally.tried = (done, total)
        if self._plan_bar is not None:
            self._plan_bar.show(done, total)

    def planned(self, plan: Plan) -> None:
        """Say what is about to happen."""
        if self._plan_bar is not None:
            self._plan_bar.stop()
        todo = [planned for planned in plan.cells if planned.action in ("train", "score")]
        self._tally.begin(plan.cells, len(todo))
        for fault in plan.tried.faults:
            say(self._console, f"broken: {fault.line()}")
            if self._verbose and fault.traceback:
                self._console.print(plain(fault.traceback), soft_wrap=True)
        if self._quiet:
            for note in plan.notes:
                say(self._console, f"warning: {note}")
            return
        say(self._console, plan_line(plan))
        for line in plan_notes(plan):
            say(self._console, line)
        if self._live and todo:
            self._bars = CellBars(self._console, todo)

    def event(self, event: Mapping[str, Any]) -> None:
        """Move a bar, or pass a warning on."""
        if "note" in event:
            say(self._console, f"warning: {event['note']}")
        if "step" not in event:
            return
        self._tally.step(event["cell"], int(event["step"]))
        if self._bars is not None:
            self._bars.step(event)

    def finished(self, cell: PlannedCell, result: CellResult) -> None:
        """Put a finished cell's line above the bars."""
        self._tally.end(result.cell)
        self.failed += result.status in ("error", "oom")
        if self._bars is not None:
            self._bars.end(cell)
        if self._quiet and result.status == "ok":
            return
        line = plain(f"[{self._tally.done}/{self._tally.total}] {name_of(cell)}: ")
        line.append(result.status, style=_STYLES.get(result.status, ""))
        if result.reason:
            line.append_text(plain(f" ({result.reason})"))
        for extractor, values in result.scores.items():
            told = ", ".join(f"{metric} {number(value, 4)}" for metric, value in values.items())
            line.append_text(plain(f"  {extractor}: {told}" if extractor else f"  {told}"))
        line.append(f"  {clock_time(result.seconds)}")
        say(self._console, line)

    def __enter__(self) -> Self:
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shown in (self._lines, self._plan_bar, self._bars):
            if shown is not None:
                shown.stop()

    def _say_how_far(self) -> None:
        self._console.print(plain(self._tally.line()), soft_wrap=True)


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
    part = f", {plan.grid.shard.words}" if plan.grid.shard else ""
    return f"{plan.grid.name}{part}: {cells_counted(cells)} on {plan.device} ({', '.join(parts)}){workers}"


def plan_notes(plan: Plan) -> list[str]:
    """List what else the user should know before a run."""
    notes = [f"warning: {note}" for note in plan.notes]
    reasons: dict[str, int] = {}
    for planned in plan.cells:
        if planned.action == "skip":
            reasons[planned.reason] = reasons.get(planned.reason, 0) + 1
    notes += [f"skipped {count}: {reason}" for reason, count in reasons.items()]
    refusals = Counter(refusal for planned in plan.cells for refusal in planned.refusals.items())
    notes += [
        f"{cells_counted(count)} not on engine {name!r}: {why}" for (name, why), count in refusals.items()
    ]
    notes += [f"damaged, run again: {problem}" for problem in plan.damaged]
    notes += [
        f"note: {note}" for note in data_notes((planned.cell.dataset for planned in plan.cells), plan.shared)
    ]
    if plan.stale:
        notes.append(f"{cells_counted(plan.stale)} of another environment kept: environments are mixed")
    if continued := sum(planned.keep_stale for planned in plan.cells):
        notes.append(
            f"{cells_counted(continued)} of another environment, unfinished, to go on from a checkpoint: "
            "no run can repeat that"
        )
    if plan.shorter:
        least, most = min(plan.shorter), max(plan.shorter)
        steps = f"{least:,} steps" if least == most else f"{least:,} to {most:,} steps"
        notes.append(
            f"note: {cells_counted(len(plan.shorter))} to begin at step 0, which the folder has with "
            f"{steps}: a finished cell keeps its generator, not the discriminator and the optimizers that "
            "training would go on with"
        )
    if plan.orphaned:
        where = "this shard" if plan.grid.shard else "the grid"
        notes.append(
            f"{cells_counted(len(plan.orphaned))} in the folder, but no longer in {where}: kept on disk, "
            "and not in the tables"
        )
    return notes
