"""Cells of a results folder run again, elsewhere, and held against what is stored."""

from __future__ import annotations

import contextlib
import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ganbench.analysis.context import metric_label
from ganbench.catalog import PluginSource, load_catalog
from ganbench.errors import GridError, StoreError, did_you_mean
from ganbench.execution.arguments import (
    executor_problem,
    is_number,
    is_whole,
    jobs_problem,
    require_processes,
)
from ganbench.execution.executor import EXECUTORS, Executor, Place, planned_place
from ganbench.execution.plan import FINISHED, differences_of, trial_device
from ganbench.files.data_paths import GRID_VARIABLE, data_paths, data_paths_set
from ganbench.grid import Cell, Environment
from ganbench.grid.history import History
from ganbench.runner import CellParts, SharedParts, environment_here
from ganbench.runner.devices import device_of, resolve_device
from ganbench.runner.task import CellResult, Task
from ganbench.store import Store
from ganbench.store.stored_grid import read_stored_grid


class _Key(NamedTuple):
    """Which score."""

    step: int
    metric: str
    extractor: str
    protocol: str
    repeat: int

    @property
    def text(self) -> str:
        """As a sentence names it."""
        named = f"{metric_label(self.metric, self.extractor)} at step {self.step}"
        return f"{named}, repeat {self.repeat}" if self.repeat else named


@dataclass(frozen=True, kw_only=True)
class VerifiedCell:
    """One cell, run again.

    Attributes:
        cell: which.
        changes: how the environment differs from that of the stored cell; empty where it is the same, and
            then every bit has to be.
        differences: what is not as stored, a phrase each; empty where all is.
        compared: how many scores were held against each other.
        unrepeatable: why no run can give these bits again; empty where one can.
    """

    cell: Cell
    changes: tuple[str, ...] = ()
    differences: tuple[str, ...] = field(default=())
    compared: int = 0
    unrepeatable: str = ""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What is to be run again.

    Attributes:
        store: the results folder.
        cells: the chosen ones, in the grid's order.
        device: where they are run.
        shared: builds the cells' parts; keeps what they share.
    """

    store: Store
    cells: tuple[Cell, ...]
    device: str
    shared: SharedParts = field(repr=False, compare=False)


def plan_verification(
    folder: str | Path,
    cells: Sequence[str] = (),
    *,
    sample: int | None = None,
    device: str = "auto",
    plugins: Sequence[PluginSource] = (),
) -> Verification:
    """Choose what to run again; reads, never writes.

    Args:
        folder: made by `ganbench run`.
        cells: ids; every finished cell unless given.
        sample: how many of them to draw at random, or None for all.
        device: `auto` is the device that the stored cells were trained on, where this machine has it.
        plugins: files and modules without a package, as for `ganbench.run`.

    Raises:
        GanbenchError: the folder is none, a cell is not finished or not in the grid, the device is absent.
    """
    if sample is not None and not is_whole(sample):
        raise GridError(f"--sample: must be a whole number, given {sample!r}")
    if sample is not None and sample < 1:
        raise GridError(f"--sample: must be at least 1, given {sample}")
    if isinstance(cells, str):
        raise GridError(f"cells: must be a list of ids, as [{cells!r}], given {cells!r}")
    store = Store(folder).require()
    catalog = load_catalog(plugins=plugins)
    grid = read_stored_grid(store, catalog)
    known = {cell.id: cell for cell in grid.cells}
    for given in cells:
        if given not in known:
            raise StoreError(f"{store.path}: no cell {given!r} in its grid{did_you_mean(given, known)}")
        if not store.has_cell(given) or store.cell(given)["status"] not in FINISHED:
            raise StoreError(f"{store.path}: cell {given} has not been run to its end")
    chosen = [cell for cell in grid.cells if (cell.id in cells if cells else _finished(store, cell))]
    if not chosen:
        raise StoreError(f"{store.path}: no finished cell to verify")
    if sample is not None and sample < len(chosen):
        drawn = set(random.Random().sample(range(len(chosen)), sample))
        chosen = [cell for index, cell in enumerate(chosen) if index in drawn]
    place = device_of(store, chosen[0]) if device == "auto" else resolve_device(device)
    return Verification(store=store, cells=tuple(chosen), device=place, shared=SharedParts(catalog))


def verify(
    plan: Verification, *, tolerance: float, jobs: int | None = None, executor: Executor | None = None
) -> Iterator[VerifiedCell]:
    """Run the chosen cells again in a temporary folder; verdicts as they come.

    Args:
        plan: what to run.
        tolerance: relative difference that a score may have where the environment is another.
        jobs: worker processes; default as many as CPU cores, or one per GPU.
        executor: runs the cells; default worker processes on the plan's device. It must see the temporary
            folder, as those of this machine do.

    Raises:
        GanbenchError: a number cannot be used, or this process may not start others.
        StoreError: the temporary folder cannot be written.
    """
    if not (is_number(tolerance) and tolerance >= 0 and math.isfinite(tolerance)):
        raise GridError(f"tolerance: must be a number from 0, given {tolerance!r}")
    if problem := jobs_problem(jobs) or executor_problem(executor, {"jobs": jobs is not None}):
        raise GridError(problem)
    require_processes()
    if executor is None:
        place = Place.here(plan.device)
        executor = EXECUTORS["local"](plan.device, jobs=jobs)
    else:
        place = planned_place(executor)
    return _verified(plan, tolerance, place, executor)


def _verified(
    plan: Verification, tolerance: float, place: Place, executor: Executor
) -> Iterator[VerifiedCell]:
    cells = {cell.id: cell for cell in plan.cells}
    mixed = {cell.id: words for cell in plan.cells if (words := _mixed(plan.store, cell))}
    for cell_id, words in mixed.items():
        yield VerifiedCell(cell=cells[cell_id], unrepeatable=words)
    paths = {GRID_VARIABLE: plan.store.grid_folder() or None}
    with tempfile.TemporaryDirectory(prefix="ganbench-verify-") as folder, data_paths_set(paths):
        again = Store(folder)
        again.make()
        tasks = []
        for cell in plan.cells:
            if cell.id in mixed:
                continue
            parts = CellParts(cell, plan.shared, trial_device(place))
            environment = environment_here(parts, threads=place.threads, model=place.model)
            tasks.append(
                Task(
                    cell=cell,
                    folder=folder,
                    device=place.device,
                    environment=environment,
                    data_paths=data_paths(),
                    plugins=plan.shared.catalog.given,
                )
            )
        environments = {task.cell.id: task.environment for task in tasks}
        with contextlib.closing(executor.run(tasks, lambda _: None)) as results:
            for result in results:
                cell = cells[result.cell]
                yield _compare(cell, plan.store, again, environments[cell.id], result, tolerance)


def _mixed(store: Store, cell: Cell) -> str:
    """Why no run can repeat a cell: in which environments it was trained; empty where it was in one."""
    try:
        history = History.from_record(store.cell(cell.id))
    except (StoreError, ValueError):
        return ""
    if not history.mixed:
        return ""
    stretches = [f"{stretch.environment.hash} from step {stretch.from_step}" for stretch in history.stretches]
    changes = [
        change
        for before, after in pairwise(history.stretches)
        for change in before.environment.differences(after.environment)
    ]
    return f"it was trained in several environments ({', '.join(stretches)}: {'; '.join(changes)})"


def _finished(store: Store, cell: Cell) -> bool:
    try:
        return store.has_cell(cell.id) and store.cell(cell.id)["status"] in FINISHED
    except StoreError:
        # Damaged is not the same as absent: it is run again, and named.
        return True


def _compare(
    cell: Cell, stored: Store, again: Store, now: Environment, result: CellResult, tolerance: float
) -> VerifiedCell:
    try:
        record, weights, rows = stored.cell(cell.id), stored.weights(cell.id), stored.scores(cell.id)
        best = stored.weights(cell.id, best=True)
    except StoreError as error:
        return VerifiedCell(cell=cell, differences=(str(error),))
    found: list[str] = []
    if weights != (record.get("weights") or ""):
        found.append("the stored weights are not those that its record names")
    if "best" in record and best != _best_weights(record):
        found.append("the stored best weights are not those that its record names")
    if result.status not in FINISHED:
        found.append(f"ended as {result.status} this time: {result.reason}")
        return VerifiedCell(cell=cell, differences=tuple(found))
    changes = differences_of(record, now)
    same = not changes
    fresh = again.cell(cell.id)
    for name in ("status", "step", "weights") if same else ("status",):
        if record.get(name) != fresh[name]:
            found.append(f"{name} {_short(record.get(name))} stored, {_short(fresh[name])} now")
    if same and "best" in record and "best" in fresh and _best_weights(record) != _best_weights(fresh):
        one, other = (_short(_best_weights(each)) for each in (record, fresh))
        found.append(f"best weights {one} stored, {other} now")
    before, after = _by_key(rows), _by_key(again.scores(cell.id))
    protocols = {key.protocol for key in after}
    for key in sorted({*before, *after}):
        if key in before and key in after:
            if not _equal(before[key], after[key], 0.0 if same else tolerance):
                found.append(f"{key.text}: {before[key]!r} stored, {after[key]!r} now")
        elif key in before:
            # What the grid no longer asks for was not to be expected.
            if key.protocol in protocols and _asked(cell, key):
                found.append(f"{key.text}: {before[key]!r} stored, none now")
        elif key.step == cell.train.steps and same:
            found.append(f"{key.text}: none stored, {after[key]!r} now")
    return VerifiedCell(
        cell=cell,
        changes=tuple(changes),
        differences=tuple(found),
        compared=len({*before} & {*after}),
    )


def _by_key(rows: Sequence[Mapping[str, Any]]) -> dict[_Key, float]:
    return {_Key(*(row[name] for name in _Key._fields)): row["value"] for row in rows}


def _asked(cell: Cell, key: _Key) -> bool:
    """Tell whether the grid asks for a score at this step, and of this sample set."""
    score = cell.score
    if key.step == cell.train.steps:
        return key.repeat < score.repeats
    if key.step == 0:
        return score.initial
    return score.every > 0 and key.step % score.every == 0


def _equal(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=tolerance, abs_tol=0.0)


def _best_weights(record: Mapping[str, Any]) -> str:
    best = record["best"]
    return str(best.get("weights")) if isinstance(best, Mapping) else ""


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text or "none"


def changes_since(store: Store, parts: CellParts, *, threads: int) -> list[str]:
    """List the differences between a stored cell's environment and this one, one phrase each.

    Args:
        store: the results folder.
        parts: of the cell, with the device that is used here.
        threads: for one operation on a CPU.

    Raises:
        StoreError: its record cannot be read.
    """
    return differences_of(store.cell(parts.cell.id), environment_here(parts, threads=threads))
