"""How far a run is that goes on: what is done, what is coming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench.analysis.context import axes_of, label

MOST_COMING = 12


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A run that has not finished.

    Attributes:
        done: cells that ended, however they did.
        cells: all of them.
        arms: done and all cells of each value of the compared axis.
        coming: the next cells, with the step that each has reached.
        more: further ones.
    """

    done: int
    cells: int
    arms: Mapping[str, tuple[int, int]]
    coming: list[str]
    more: int


def progress(cells: pd.DataFrame, axis: str, grid: Mapping[str, Any]) -> Progress | None:
    """Progress, or None where every cell has ended.

    Args:
        cells: the table of cells.
        axis: the compared one.
        grid: the resolved grid; its `train.steps` say how far each cell goes.
    """
    waiting = cells[cells["status"] == "unfinished"]
    if waiting.empty:
        return None
    everywhere = _steps(grid)
    axes = axes_of(cells)
    ended = cells["status"] != "unfinished"
    arms = {}
    if axis in axes:
        known = cells[axis].map(lambda value: label(value) if value is not None else "")
        arms = {
            arm: (int((ended & (known == arm)).sum()), int((known == arm).sum()))
            for arm in dict.fromkeys(known)
            if arm
        }
    coming = []
    for row in (
        waiting.sort_values("step", ascending=False, kind="stable").head(MOST_COMING).to_dict("records")
    ):
        names = [
            label(row[name]) for name in axes if not pd.isna(row[name]) and row[name] not in ("", "none")
        ]
        seed = [] if pd.isna(row["seed"]) else [f"seed {row['seed']}"]
        steps = row.get("train.steps", everywhere)
        reached = 0 if pd.isna(row["step"]) else row["step"]
        far = (
            f"at step {reached}{f' of {steps}' if isinstance(steps, int) else ''}" if reached else "to start"
        )
        coming.append(f"{', '.join([*names, *seed]) or row['cell']}: {far}")
    return Progress(
        done=int(ended.sum()),
        cells=len(cells),
        arms=arms,
        coming=coming,
        more=max(0, len(waiting) - MOST_COMING),
    )


def _steps(grid: Mapping[str, Any]) -> object:
    """How far cells go; None where an override says it of some of them."""
    overrides = grid.get("override")
    tables = [grid, *(overrides if isinstance(overrides, list) else [])]
    trains = [table.get("train") for table in tables if isinstance(table, Mapping)]
    steps = [train["steps"] for train in trains if isinstance(train, Mapping) and "steps" in train]
    return steps[0] if len(steps) == 1 else None
