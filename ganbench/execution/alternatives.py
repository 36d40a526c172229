"""What fits in the place of parts that do not: told where no cell of a grid can be run."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Any, Literal, get_args

import torch

from ganbench.api import Signature
from ganbench.errors import GridError
from ganbench.execution.plan import Plan
from ganbench.grid import Cell, Choice
from ganbench.grid.choice import NONE
from ganbench.runner import CellParts, SharedParts, check_cell
from ganbench.store import Store

_Axis = Literal["architecture", "loss", "penalty", "augmentation"]
_AXES: tuple[_Axis, ...] = get_args(_Axis)
_SHOWN = 3
_SIDES = (8, 16, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128)


def require_runnable(plan: Plan, store: Store) -> None:
    """Refuse a plan in which every cell is skipped; cells that are finished are enough for a report.

    Raises:
        GridError: with each reason once, and what would fit instead.
    """
    reasons: dict[str, Cell] = {}
    for planned in plan.cells:
        reason = planned.reason
        if planned.action == "keep":
            record = store.cell(planned.cell.id)
            if record["status"] != "skipped":
                return
            reason = record["reason"]
        elif planned.action != "skip":
            return
        reasons.setdefault(reason, planned.cell)
    raise nothing_runs(plan.grid.name, reasons, plan.shared)


def nothing_runs(name: str, reasons: Mapping[str, Cell], shared: SharedParts) -> GridError:
    """Make the error for a grid of which no cell can be run.

    Args:
        name: the grid's.
        reasons: why cells are skipped, each with one cell that is.
        shared: builds what is tried instead.
    """
    problems = [f"{name}: no cell can be run: {reason}" for reason in reasons]
    # Trying takes seconds.
    hints = [_hint(CellParts(cell, shared)) for cell in list(reasons.values())[:_SHOWN]]
    return GridError(*(problem + hint for problem, hint in zip_longest(problems, hints, fillvalue="")))


def _hint(parts: CellParts) -> str:
    fitting = [
        f"{axis} {', '.join(repr(choice.name) for choice in found)}"
        for axis in _AXES
        if (axis != "augmentation" or parts.cell.augmentation != NONE) and (found := _fitting(parts, axis))
    ]
    if size := _size(parts):
        fitting.append(size)
    return f"; what fits instead: {', or '.join(fitting)}" if fitting else ""


def _fitting(parts: CellParts, axis: _Axis) -> list[Choice]:
    """List a few values of an axis, at their defaults, with which a cell can run; the nearest names first."""
    cell, shared = parts.cell, parts.shared
    present: Choice = getattr(cell, axis)
    names = [entry.name for entry in shared.catalog.entries(axis) if entry.name != present.name]
    names.sort(key=lambda name: -difflib.SequenceMatcher(None, present.name, name).ratio())
    found: list[Choice] = []
    for name in names:
        choice = Choice(name)
        changed: dict[str, Any] = {axis: choice}
        if _works(partial(check_cell, CellParts(replace(cell, **changed), shared))):
            found.append(choice)
            if len(found) == _SHOWN:
                break
    return found


def _size(parts: CellParts) -> str:
    """Find the nearest size of square images that the architecture takes, where the data can be resized."""
    cell, signature, catalog = parts.cell, parts.dataset.signature, parts.shared.catalog
    if len(signature.shape) != 3 or "size" not in catalog.entry("dataset", cell.dataset.name).options:
        return ""
    channels, height, width = signature.shape
    others = (side for side in _SIDES if (side, side) != (height, width))
    for side in sorted(others, key=lambda side: abs(side - height)):
        shape = replace(signature, shape=(channels, side, side))
        if _works(partial(_build, parts, shape)):
            return f"dataset {cell.dataset.name!r} with size = {side}"
    return ""


def _build(parts: CellParts, signature: Signature) -> None:
    architecture = parts.cell.architecture
    context = {"signature": signature, "discriminator_outputs": 1}
    with torch.random.fork_rng(devices=[]):
        parts.shared.catalog.build("architecture", architecture.name, architecture.options, **context)


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:
        # A hint is not worth an error of its own, whatever a plugin raises here.
        return False
    return True
