"""What a run would do with each cell, decided before anything is trained or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch

from ganbench.engines import EngineChoice
from ganbench.errors import GridError, PluginFault, StoreError
from ganbench.execution.executor import Place
from ganbench.execution.grid_check import Preflight
from ganbench.grid import Cell, Grid
from ganbench.grid.cell import cells_counted
from ganbench.grid.environment import Environment, device_model, parts_of
from ganbench.grid.history import History
from ganbench.runner import CellParts, SharedParts, environment_here, settle_engine
from ganbench.runner.best_generator import best_protocol
from ganbench.runner.checkpoint import checkpoint_changes
from ganbench.store import Store
from ganbench.training import deterministic

Action = Literal["train", "score", "keep", "skip", "fail"]
Rerun = Literal["no", "stale", "all", "keep"]
# A cell that diverged is a result; one that failed is tried again.
FINISHED = ("ok", "diverged")


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell and what becomes of it.

    Attributes:
        action: `train` (from its checkpoint where it has one), `score` stored weights again, `keep` what is
            there, `skip` what cannot be built, `fail` what a broken plugin has a part in.
        reason: why it is skipped or fails.
        faults: what is broken where it fails.
        fresh: whether what is there of the cell goes first.
        keep_stale: whether it goes on from a checkpoint of another environment.
        environment: what decides its bits if it is trained now.
        protocols: those by which its settings have it scored.
        refusals: why engines that `auto` would rather have taken were not, by name.
    """

    cell: Cell
    action: Action
    reason: str = ""
    faults: tuple[PluginFault, ...] = ()
    fresh: bool = False
    keep_stale: bool = False
    environment: Environment
    protocols: frozenset[str] = frozenset()
    refusals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run before it runs.

    Attributes:
        grid: what is run.
        cells: in the grid's order.
        stale: finished cells of another environment that are kept all the same.
        orphaned: cells in the folder that the grid no longer has.
        shorter: of each cell that begins although the folder has it with fewer steps, how many these are.
        damaged: what in the folder cannot be used, a line each; those cells are run again.
        place: where cells run that were not begun yet.
        others: where those go on that were begun on another device model.
        workers: how many run side by side, and what bounds them; empty where the caller's executor decides.
        notes: what else the user should know, a line each.
        tried: what preflight found.
        shared: builds the cells' parts; keeps what they share.
    """

    grid: Grid
    cells: tuple[PlannedCell, ...]
    stale: int
    orphaned: tuple[str, ...]
    shorter: tuple[int, ...] = ()
    damaged: tuple[str, ...] = ()
    place: Place
    others: tuple[Place, ...] = ()
    workers: str = ""
    notes: tuple[str, ...] = ()
    tried: Preflight = field(default_factory=Preflight)
    shared: SharedParts = field(repr=False, compare=False)

    @property
    def device(self) -> str:
        """Where cells run, as torch names it."""
        return self.place.device

    def count(self, *actions: Action) -> int:
        """Count the cells with this action."""
        return sum(planned.action in actions for planned in self.cells)


def trial_device(place: Place) -> str:
    """Choose where a plan tries things out: on the device of a place if it is here, else on the CPU."""
    return "cpu" if place.device.startswith("cuda") and not torch.cuda.is_available() else place.device


def make_plan(
    grid: Grid,
    store: Store,
    *,
    place: Place,
    tried: Preflight,
    rerun: Rerun,
    shared: SharedParts,
    others: Sequence[Place] = (),
    asking: Callable[[int, int], None] = lambda done, total: None,
) -> Plan:
    """Hold the grid against what the folder has.

    Args:
        grid: what is run.
        store: the results folder.
        place: where cells run.
        tried: which of the cells cannot be run.
        rerun: what becomes of finished cells of another environment.
        shared: builds the cells' parts.
        others: places of other device models, for cells that were begun on one of these.
        asking: told of how many cells the engine has been asked, and how many there are, before each.

    Raises:
        GridError: finished cells or checkpoints are of another environment, and nothing was said of them; or
            an engine refuses a cell that asks for it.
        StoreError: the folder holds another grid.
    """
    if store.exists():
        present = store.grid().get("name")
        if present != grid.name:
            raise StoreError(
                f"{store.path}: holds the results of grid {present!r}, not of {grid.name!r}; "
                "give another folder with --out"
            )
        _require_same_part(store, grid)
    with deterministic():
        engines = _settle_engines(grid, place.device, shared, asking)
        return _made(grid, store, place, others, engines, tried=tried, rerun=rerun, shared=shared)


def _require_same_part(store: Store, grid: Grid) -> None:
    """Refuse to run another part of the grid in a folder than the one that it has.

    Raises:
        StoreError: it has another shard, or the one of the two is a shard and the other the whole grid.
    """
    there, asked = store.shard(), grid.shard
    if there != asked:
        has = f"{there.words} of its grid" if there else "the whole grid"
        wanted = f"not {asked.words}" if asked else "not the whole grid"
        again = f"give --shard {there}" if there else "leave out --shard"
        raise StoreError(f"{store.path}: holds {has}, {wanted}; {again}, or another folder with --out")


def _made(
    grid: Grid,
    store: Store,
    place: Place,
    others: Sequence[Place],
    engines: Mapping[str, EngineChoice],
    *,
    tried: Preflight,
    rerun: Rerun,
    shared: SharedParts,
) -> Plan:
    device = trial_device(place)
    planned: list[PlannedCell] = []
    environments: dict[tuple[object, ...], Environment] = {}
    changes: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    damaged: list[str] = []
    kept_stale = 0
    by_model = {other.model: other for other in (*others, place)}
    for cell in grid.cells:
        engine, parts = engines[cell.id], CellParts(cell, shared, device)
        trained = tuple(parts_of(cell))
        broken = cell.id in tried.broken
        record, changed = None, []
        try:
            record = store.cell(cell.id) if store.has_cell(cell.id) else None
        except StoreError as error:
            damaged.append(str(error))
        where = place if record is None else by_model.get(record.get("device", ""), place)
        key = (*trained, engine.name, broken, where.model)
        if key not in environments:
            environments[key] = environment_here(
                parts, threads=where.threads, engine=engine.name, broken=broken, model=where.model
            )
        environment = environments[key]
        finished = record is not None and record["status"] in FINISHED
        if record is not None and finished and not broken:
            changed = differences_of(record, environment)
        elif record is not None and not broken and cell.id not in tried.skipped:
            changed = checkpoint_changes(store, cell, environment)
        if rerun == "no":
            changes[finished].update(changed)
        again = (rerun == "stale" and changed) or (rerun == "all" and (finished or changed))
        if again and not broken:
            record = None
        action: Action = "train"
        fresh = record is None
        if record is not None and finished and broken:
            action = "keep"
        elif record is not None and finished:
            action, problem = _completion(store, parts, record)
            if problem:
                damaged.append(problem)
                fresh = action == "train"
        elif cell.id in tried.skipped:
            action = "skip"
        elif broken:
            action = "fail"
        elif record is not None and record["status"] == "skipped":
            # What only the run itself found out; asked again only where something has changed.
            same = not differences_of(record, environment)
            action, fresh = ("keep", False) if same else ("train", True)
        kept_stale += bool(changed) and action in ("keep", "score")
        planned.append(
            PlannedCell(
                cell=cell,
                action=action,
                reason=_reason(cell, action, tried),
                faults=tried.broken[cell.id] if action == "fail" else (),
                fresh=fresh,
                keep_stale=bool(changed) and action == "train" and not fresh,
                environment=environment,
                protocols=_protocols(parts) if record is not None and not broken else frozenset(),
                refusals=engine.refusals,
            )
        )
    _refuse_stale(store, changes)
    ids = {cell.id for cell in grid.cells}
    orphaned = tuple(cell for cell in store.cells_on_disk() if cell not in ids)
    begun = [each.cell for each in planned if each.action == "train" and each.fresh]
    return Plan(
        grid=grid,
        cells=tuple(planned),
        stale=kept_stale,
        orphaned=orphaned,
        shorter=tuple(_shorter(store, orphaned, begun)),
        damaged=tuple(damaged),
        place=place,
        others=tuple(others),
        notes=tuple(dict.fromkeys((*shared.catalog.notes, *_unused(place.device), *tried.notes))),
        tried=tried,
        shared=shared,
    )


def _settle_engines(
    grid: Grid, device: str, shared: SharedParts, asking: Callable[[int, int], None]
) -> dict[str, EngineChoice]:
    """Choose the engine of every cell, by the cell's id.

    Raises:
        GridError: with every refusal of an engine that a cell asks for.
    """
    engines: dict[str, EngineChoice] = {}
    problems: dict[str, None] = {}
    for done, cell in enumerate(grid.cells):
        asking(done, len(grid.cells))
        try:
            engines[cell.id] = settle_engine(CellParts(cell, shared, device))
        except GridError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise GridError(*(f"{grid.name}: {problem}" for problem in problems))
    return engines


def _shorter(store: Store, orphaned: Sequence[str], begun: Sequence[Cell]) -> Iterator[int]:
    """Find the cells that the folder has with fewer steps; give the most that it has of each."""
    if not begun:
        return
    steps: dict[str, int] = {}
    for name in orphaned:
        with suppress(StoreError):
            record = store.cell(name)
            if record["status"] == "ok":
                steps[name] = record["step"]
    counts = sorted(set(steps.values()), reverse=True)
    for cell in begun:
        for count in (each for each in counts if each < cell.train.steps):
            train = cell.train.model_copy(update={"steps": count})
            if steps.get(replace(cell, train=train).id) == count:
                yield count
                break


def _unused(device: str) -> list[str]:
    """Name the GPUs that are left out because their model is another: it decides bits."""
    if device != "cuda":
        return []
    models = {f"cuda:{index}": device_model(f"cuda:{index}") for index in range(torch.cuda.device_count())}
    return [
        f"{name} is not used: it is a {model}, and cells are run on {device_model(device)}; --device {name} "
        "runs them there"
        for name, model in models.items()
        if model != device_model(device)
    ]


def _reason(cell: Cell, action: Action, tried: Preflight) -> str:
    if action == "fail":
        return "; ".join(fault.line() for fault in tried.broken[cell.id])
    return tried.skipped[cell.id] if action == "skip" else ""


def _refuse_stale(store: Store, changes: Mapping[bool, Counter[str]]) -> None:
    """Refuse to decide what becomes of cells of another environment.

    Args:
        store: the results folder.
        changes: how often each was found: under True in finished cells, under False in unfinished ones.
    """
    said = {
        True: ("finished", "--rerun stale runs them again, --keep-stale keeps them"),
        False: ("unfinished", "--rerun stale starts them over, --keep-stale goes on from their checkpoints"),
    }
    problems = []
    for finished, counted in changes.items():
        if counted:
            what, choices = said[finished]
            listed = "; ".join(f"{change} ({cells_counted(count)})" for change, count in counted.items())
            problems.append(
                f"{store.path}: {what} cells of another environment: {listed}; {choices}, --rerun all runs "
                "everything again"
            )
    if problems:
        raise GridError(*problems)


def differences_of(record: Mapping[str, Any], now: Environment) -> list[str]:
    """Name what has changed since a cell was trained, a phrase each; empty where nothing has."""
    try:
        return History.from_record(record).differences(now)
    except ValueError:
        return ["its recorded environment cannot be read"]


def _protocols(parts: CellParts) -> frozenset[str]:
    scorer = parts.scorer
    if scorer is None:
        return frozenset()
    best = best_protocol(parts)
    kept = frozenset() if best is None else frozenset([best.hash])
    return kept.union(found.hash for found in scorer.protocols.values())


def _completion(store: Store, parts: CellParts, record: Mapping[str, Any]) -> tuple[Action, str]:
    """Find what a finished cell still needs, and what of it is damaged."""
    cell = parts.cell
    if record["status"] != "ok":
        return "keep", ""
    try:
        rows = store.scores(cell.id)
    except StoreError as error:
        # Training gives the same bits again, and with them the scores on the way.
        return "train", str(error)
    scorer = parts.scorer
    if scorer is None:
        return "keep", ""
    have = {(row["protocol"], row["repeat"]) for row in rows if row["step"] == cell.train.steps}
    wanted = {(protocol.hash, r) for protocol in scorer.protocols.values() for r in range(cell.score.repeats)}
    wanted |= {(best.hash, 0) for best in [best_protocol(parts)] if best is not None}
    if wanted <= have:
        return "keep", ""
    if not store.has_generator(cell.id):
        return "train", f"{store.path}: the weights of {cell.id} are gone, and scores of them are missing"
    return "score", ""
