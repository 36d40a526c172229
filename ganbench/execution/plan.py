"""What a run would do with each cell, decided before anything is trained or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError, GridError, StoreError, Unsupported
from ganbench.grid import Cell, Grid
from ganbench.grid.provenance import Environment, environment_of
from ganbench.runner import scorer_of, try_cell
from ganbench.store import Store
from ganbench.training import resolve_engine

Action = Literal["train", "score", "keep", "skip"]
Rerun = Literal["no", "stale", "all", "keep"]


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell and what becomes of it.

    Attributes:
        action: `train` (from its checkpoint where it has one), `score` stored weights again, `keep` what is
            there, `skip` what cannot be built.
        reason: why it is skipped.
        fresh: whether what is there of the cell goes first.
        environment: what decides its bits if it is trained now.
    """

    cell: Cell
    action: Action
    reason: str = ""
    fresh: bool = False
    environment: Environment


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run before it runs.

    Attributes:
        grid: what is run.
        cells: in the grid's order.
        stale: finished cells of another environment that are kept all the same.
        departed: cells in the folder that the grid no longer has.
        device: where cells run, as torch names it.
        threads: for one operation in a worker.
    """

    grid: Grid
    cells: tuple[PlannedCell, ...]
    stale: int
    departed: tuple[str, ...]
    device: str
    threads: int

    def count(self, *actions: Action) -> int:
        """How many cells are to be treated like this."""
        return sum(planned.action in actions for planned in self.cells)


def resolve_device(device: str) -> str:
    """The device that a name means on this machine.

    Raises:
        GridError: it is not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    kind, _, index = device.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()) or (":" in device and not index):
        raise GridError(f"--device: must be auto, cpu, cuda or cuda:N, given {device!r}")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        raise GridError(f"--device: {device!r} is not on this machine, which has {count} CUDA devices")
    return device


def check_grid(grid: Grid, device: str) -> dict[str, str]:
    """Try every combination and every scorer once.

    Returns:
        Reasons by cell id, of the cells that cannot be built.

    Raises:
        GanbenchError: with every problem of the grid that shows only when its parts meet.
    """
    problems: dict[str, None] = {}
    skipped: dict[str, str] = {}
    tried: dict[tuple[object, ...], str | None] = {}
    scored: set[tuple[object, ...]] = set()
    for cell in grid.cells:
        key = (cell.dataset, cell.architecture, cell.loss, cell.penalty, cell.train.batch_size)
        if key not in tried:
            tried[key] = None
            try:
                try_cell(cell)
            except Unsupported as reason:
                tried[key] = str(reason)
            except GanbenchError as error:
                problems |= dict.fromkeys(error.problems)
        reason = tried[key]
        if reason is not None:
            skipped[cell.id] = reason
        scoring = (cell.dataset, cell.score)
        if scoring not in scored:
            scored.add(scoring)
            try:
                scorer = scorer_of(cell, device)
                if scorer is not None:
                    scorer.check()
            except GanbenchError as error:
                problems |= dict.fromkeys(error.problems)
    if problems:
        raise GridError(*problems)
    return skipped


def make_plan(
    grid: Grid, store: Store, *, device: str, threads: int, skipped: dict[str, str], rerun: Rerun
) -> Plan:
    """Hold the grid against what the folder has.

    Raises:
        GridError: finished cells are of another environment, and nothing was said about them.
        StoreError: the folder holds another grid.
    """
    if store.exists():
        present = store.grid().get("name")
        if present != grid.name:
            raise StoreError(
                f"{store.path}: holds the results of grid {present!r}, not of {grid.name!r}; "
                "give another folder with --out"
            )
    catalog = load_catalog()
    planned: list[PlannedCell] = []
    changes: dict[str, int] = {}
    kept_stale = 0
    for cell in grid.cells:
        engine = resolve_engine(cell.train.engine, torch.device(device))
        environment = environment_of(cell, catalog, device=device, engine=engine, threads=threads)
        if cell.id in skipped:
            planned.append(
                PlannedCell(cell=cell, action="skip", reason=skipped[cell.id], environment=environment)
            )
            continue
        record = _record(store, cell.id)
        if record is None or record["status"] in ("unfinished", "error", "oom", "skipped"):
            planned.append(PlannedCell(cell=cell, action="train", environment=environment))
            continue
        stale = record["environment"].get("hash") != environment.hash
        if rerun == "all" or (stale and rerun == "stale"):
            planned.append(PlannedCell(cell=cell, action="train", fresh=True, environment=environment))
            continue
        if stale and rerun == "no":
            differences = Environment.from_json(record["environment"]).differences(environment)
            for difference in differences or ["its recorded environment cannot be read"]:
                changes[difference] = changes.get(difference, 0) + 1
        kept_stale += stale
        missing = record["status"] == "ok" and _lacks_scores(store, cell, device)
        planned.append(PlannedCell(cell=cell, action="score" if missing else "keep", environment=environment))
    if changes:
        listed = "; ".join(f"{change} ({count} cells)" for change, count in changes.items())
        raise GridError(
            f"{store.path}: finished cells of another environment: {listed}; "
            "--rerun stale runs them again, --keep-stale keeps them, --rerun all runs everything again"
        )
    ids = {cell.id for cell in grid.cells}
    return Plan(
        grid=grid,
        cells=tuple(planned),
        stale=kept_stale,
        departed=tuple(cell for cell in store.cells_on_disk() if cell not in ids),
        device=device,
        threads=threads,
    )


def _record(store: Store, cell: str) -> dict[str, object] | None:
    """What is recorded of a cell; nothing where the record is absent or damaged."""
    try:
        return store.cell(cell) if store.has_cell(cell) else None
    except StoreError:
        return None


def _lacks_scores(store: Store, cell: Cell, device: str) -> bool:
    """Whether a trained cell has not every final score that its grid asks for."""
    scorer = scorer_of(cell, device)
    if scorer is None or not store.has_generator(cell.id):
        return False
    try:
        rows: Sequence[dict[str, object]] = store.scores(cell.id)
    except StoreError:
        return True
    have = {row["protocol"] for row in rows if row["step"] == cell.train.steps}
    return any(protocol.hash not in have for protocol in scorer.protocols.values())
