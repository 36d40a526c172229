"""What a cell tells while it runs; who hears it may be in another process, or on another machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class CellBegun:
    """A worker that is ready has taken a cell; its time counts from here.

    Attributes:
        cell: its id.
    """

    cell: str


@dataclass(frozen=True, kw_only=True)
class CellProgress:
    """A cell has come to a step.

    Attributes:
        cell: its id.
        step: generator updates done.
        loss_d: the discriminator's last loss, or None before the first step.
        loss_g: the generator's, likewise.
    """

    cell: str
    step: int
    loss_d: float | None = None
    loss_g: float | None = None

    def as_mapping(self) -> dict[str, Any]:
        """Give the keys that a listener reads: cell, step, loss_d, loss_g."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class CellScored(CellProgress):
    """A cell has been scored at a step before its last, and goes on."""

    def as_mapping(self) -> dict[str, Any]:
        """Give the keys of a step, and `scored`."""
        return {**super().as_mapping(), "scored": True}


@dataclass(frozen=True, kw_only=True)
class CellNote:
    """Something is not as expected, and the user should know.

    Attributes:
        cell: its id.
        note: a line.
    """

    cell: str
    note: str

    def as_mapping(self) -> dict[str, Any]:
        """Give the keys that a listener reads: cell, note."""
        return asdict(self)


Event: TypeAlias = CellBegun | CellProgress | CellNote
