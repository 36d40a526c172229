"""How the command line names a cell and a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ganbench.execution import PlannedCell
from ganbench.grid import Cell


def name_of(planned: PlannedCell) -> str:
    """Name a cell by its axes and its seed."""
    return " ".join(_parts(planned.cell).values())


def short_names(cells: Sequence[Cell]) -> dict[str, str]:
    """Name cells, by their ids, by what differs among them alone, settings briefly, and the seed."""
    keys_of = _short_keys(dict.fromkeys(key for cell in cells for key in cell.varied))
    parts = {cell.id: _parts(cell, keys_of) for cell in cells}
    keys = dict.fromkeys(key for named in parts.values() for key in named)
    differing = [key for key in keys if len({named.get(key) for named in parts.values()}) > 1]
    return {
        cell: " ".join(named[key] for key in named if key in differing or key == "seed")
        for cell, named in parts.items()
    }


def cut_in_the_middle(text: str, width: int) -> str:
    """Leave out the middle of a text that is too long: names of cells differ at their ends, too."""
    if len(text) <= width:
        return text
    end = width // 2
    return f"{text[: max(width - end - 1, 0)]}…{text[len(text) - end :]}"


def _parts(cell: Cell, keys: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Give the parts of a cell's name in their order.

    Args:
        cell: the cell.
        keys: what settings are called, by their dotted keys; as these unless given.
    """
    parts = {"dataset": cell.dataset.label, "architecture": cell.architecture.label, "loss": cell.loss.label}
    if cell.penalty.name != "none":
        parts["penalty"] = cell.penalty.label
    parts |= {key: f"{keys.get(key, key)}={value}" for key, value in cell.varied.items()}
    return {**parts, "seed": f"seed {cell.seed}"}


def _short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Find the fewest last words of each dotted key that no other key ends with."""
    words = {key: key.split(".") for key in keys}
    short = {}
    for key, own in words.items():
        others = [each for each in words.values() if each is not own]
        for count in range(1, len(own) + 1):
            if all(each[-count:] != own[-count:] for each in others):
                break
        short[key] = ".".join(own[-count:])
    return short


def clock_time(seconds: float) -> str:
    """Format seconds: `12 s`, `3:05`, `2:10:00`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
