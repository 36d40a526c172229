"""What `ganbench run --dry-run --try-engines` prints: how fast each engine trains the cells of the plan."""

from __future__ import annotations

from ganbench.cli.cell_names import clock_time
from ganbench.cli.console import FoldingTable, output, progress_console, say, table
from ganbench.execution import Plan
from ganbench.execution.engine_trials import EngineTrial, try_engines
from ganbench.grid import Cell
from ganbench.grid.cell import cells_counted

# Another engine is advised from this ratio of the times for all cells on.
_WORTH_IT = 1.2


def print_engine_trials(plan: Plan, *, quiet: bool) -> None:
    """Try every engine on each game of a plan, and print a table for each.

    Args:
        plan: of the run.
        quiet: whether nothing is said while an engine is tried.
    """
    console, waiting = output(), progress_console()

    def on_engine(cell: Cell, engine: str) -> None:
        if not quiet:
            say(waiting, f"trying engine {engine} on {_game(cell)}")

    if not plan.count("train"):
        say(console, "no engine is tried: there is nothing to train")
    for trial in try_engines(plan, on_engine):
        console.print()
        say(console, f"{_game(trial.cells[0])}:")
        console.print(_table(trial))
        for line in (*_refusals(trial), *_advice(trial)):
            say(console, line)


def _game(cell: Cell) -> str:
    parts = [cell.dataset.label, cell.architecture.label, cell.loss.label]
    parts += [choice.label for choice in (cell.penalty, cell.augmentation) if choice.label != "none"]
    return " ".join(
        [*parts, *(f"{key}={value}" for key, value in cell.varied.items() if key != "augmentation")]
    )


def _table(trial: EngineTrial) -> FoldingTable:
    trained = [each for each in trial.forecasts if not each.speed.refusal]
    eager = next((each.steps_per_second for each in trained if each.speed.engine == "eager"), 0.0)
    rows = [
        (
            each.speed.engine,
            f"{each.steps_per_second:,.{0 if each.steps_per_second >= 100 else 1}f}",
            f"{each.steps_per_second / eager:.2f}" if eager else "",
            f"{each.speed.ready_seconds:.1f} s",
            clock_time(each.total_seconds),
        )
        for each in trained
    ]
    cells = cells_counted(len(trial.cells))
    heading = ("engine", "steps/s", "times eager", "ready after", f"{cells}, one worker")
    return table(heading, rows)


def _refusals(trial: EngineTrial) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for each in trial.forecasts:
        if each.speed.refusal:
            reasons.setdefault(each.speed.refusal, []).append(each.speed.engine)
    return [f"not {', '.join(engines)}: {reason}" for reason, engines in reasons.items()]


def _advice(trial: EngineTrial) -> list[str]:
    best = min(trial.forecasts, key=lambda each: each.total_seconds)
    planned = next(each for each in trial.forecasts if each.speed.engine == trial.engine)
    if planned.speed.refusal:
        return []
    if planned.total_seconds < _WORTH_IT * best.total_seconds:
        return [f"as planned, {trial.engine}: no other engine would save much"]
    times = [clock_time(each.total_seconds) for each in (best, planned)]
    return [
        f'train.engine = "{best.speed.engine}" would take {times[0]} of one worker\'s time, not {times[1]}'
    ]
