"""How the command line names a cell and a time."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.execution import PlannedCell
from ganbench.grid import Cell


def name_of(planned: PlannedCell) -> str:
    """Name a cell by its axes and its seed."""
    return " ".join(_parts(planned.cell).values())


def short_names(cells: Sequence[Cell]) -> dict[str, str]:
    """Name cells, by their ids, by what differs among them alone, and the seed."""
    parts = {cell.id: _parts(cell) for cell in cells}
    keys = dict.fromkeys(key for named in parts.values() for key in named)
    differing = [key for key in keys if len({named.get(key) for named in parts.values()}) > 1]
    return {
        cell: " ".join(named[key] for key in named if key in differing or key == "seed")
        for cell, named in parts.items()
    }


def _parts(cell: Cell) -> dict[str, str]:
    """Give the parts of a cell's name in their order."""
    parts = {"dataset": cell.dataset.label, "architecture": cell.architecture.label, "loss": cell.loss.label}
    if cell.penalty.name != "none":
        parts["penalty"] = cell.penalty.label
    parts |= {key: f"{key}={value}" for key, value in cell.varied.items()}
    return {**parts, "seed": f"seed {cell.seed}"}


def clock_time(seconds: float) -> str:
    """Format seconds: `12 s`, `3:05`, `2:10:00`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
