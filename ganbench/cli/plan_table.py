"""What `ganbench run --dry-run` prints: each cell with what becomes of it, and how long that may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ganbench.analysis.records import finite_seconds
from ganbench.cli.cell_names import clock_time, name_of
from ganbench.cli.console import output, plain, table
from ganbench.cli.progress import plan_line, plan_notes
from ganbench.errors import StoreError
from ganbench.execution import Plan, PlannedCell
from ganbench.execution.cell_states import checkpoint_step
from ganbench.execution.plan import FINISHED
from ganbench.execution.plan_power import plan_power
from ganbench.grid.cell import cells_counted
from ganbench.store import Store

_MAX_CELLS = 200
# The ratio of two engines' speeds from which on the slower one is spoken of.
_MUCH_FASTER = 1.2
_ACTIONS = {"train": "train", "score": "score again", "keep": "done", "skip": "skipped", "fail": "broken"}


def print_plan(plan: Plan, store: Store, *, engines_follow: bool = False) -> None:
    """Print what a run would do.

    Args:
        plan: the run.
        store: its results folder, which need not be there.
        engines_follow: whether engines are tried afterwards, which makes an estimate where there is none.
    """
    console = output()
    console.print(plain(plan_line(plan)))
    for note in plan_notes(plan):
        console.print(plain(note))
    begun = {planned.cell.id: _reached(planned, store) for planned in plan.cells}
    shown = plan.cells[:_MAX_CELLS]
    rows = [
        (planned.cell.id, name_of(planned), _plan_of(planned, begun[planned.cell.id]), planned.reason)
        for planned in shown
    ]
    console.print(table(("cell", "what", "plan", "reason"), rows))
    if len(plan.cells) > len(shown):
        console.print(plain(f"... and {len(plan.cells) - len(shown)} more"))
    for line in (*plan_power(plan), *_estimate(plan, store, begun, engines_follow)):
        console.print(plain(line))
    console.print(plain(f"results: {store.path}"))


def _plan_of(planned: PlannedCell, begun: int) -> str:
    if planned.action == "train" and begun >= 0:
        return f"goes on at step {begun} of {planned.cell.train.steps}"
    return _ACTIONS[planned.action]


def _reached(planned: PlannedCell, store: Store) -> int:
    """Give the step of the checkpoint that a cell goes on from; -1 where there is none."""
    goes_on = planned.action == "train" and not planned.fresh
    return checkpoint_step(store, planned.cell.id) if goes_on else -1


def _estimate(plan: Plan, store: Store, begun: dict[str, int], engines_follow: bool) -> list[str]:
    """Estimate the time to go from every finished cell in the folder, in the plan or not.

    Cells of the same data and nets on the same engine are taken to need the same seconds for a step.
    """
    pace = _seconds_per_step(store)
    total, known, unknown = 0.0, 0, 0
    for planned in plan.cells:
        if planned.action == "train":
            cell = planned.cell
            seen = pace.get((cell.dataset.label, cell.architecture.label, planned.environment.engine))
            if seen is None:
                unknown += 1
            else:
                known += 1
                left = planned.cell.train.steps - max(0, begun[planned.cell.id])
                total += left * sum(seen) / len(seen)
    lines = []
    if known or not unknown:
        which = f" for {cells_counted(known)}" if unknown else ""
        lines.append(f"estimate{which}: {clock_time(total)} of one worker's time")
    if unknown:
        which = f"{cells_counted(unknown)}, of whose data and nets nothing is finished in this folder"
        way = "" if engines_follow else "; --try-engines makes one"
        lines.append(f"estimate: none for {which}{way}")
    return lines + _faster_engines(plan, pace)


def _faster_engines(plan: Plan, pace: Mapping[tuple[str, str, str], Sequence[float]]) -> list[str]:
    """Say where cells of the same data and nets have been faster on another engine than the planned one."""
    planned = {
        (cell.cell.dataset.label, cell.cell.architecture.label, cell.environment.engine)
        for cell in plan.cells
        if cell.action == "train"
    }
    mean = {key: sum(seen) / len(seen) for key, seen in pace.items()}
    lines = []
    for data, nets, engine in sorted(planned & mean.keys()):
        others = {other: mean[data, nets, other] for d, n, other in mean if (d, n) == (data, nets)}
        best = min(others, key=others.__getitem__)
        ratio = mean[data, nets, engine] / others[best]
        if ratio > _MUCH_FASTER:
            lines.append(
                f"train.engine {best!r} was {ratio:.1f} times as fast as {engine!r} in this folder for "
                f"{data}, {nets}"
            )
    return lines


def _seconds_per_step(store: Store) -> dict[tuple[str, str, str], list[float]]:
    """List the seconds per step of each finished cell of a folder, by data set, architecture and engine."""
    pace: dict[tuple[str, str, str], list[float]] = {}
    for cell in store.cells_on_disk():
        with suppress(StoreError):
            record = store.cell(cell)
            seconds = finite_seconds(record.get("seconds", "nan"))
            if record["status"] in FINISHED and record["step"] > 0 and seconds == seconds:
                axes = record["axes"]
                key = (axes.get("dataset", ""), axes.get("architecture", ""), record.get("engine", ""))
                pace.setdefault(key, []).append(seconds / record["step"])
    return pace
