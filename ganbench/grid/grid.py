"""A grid, read and resolved: every cell that is to be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import tomli_w

from ganbench.grid.cell import Cell

if TYPE_CHECKING:
    from ganbench.grid.axes import Axis


@dataclass(frozen=True, kw_only=True)
class Compare:
    """The compared axis and its baseline.

    Attributes:
        axis: dataset, architecture, loss, penalty, augmentation, or a varied setting's dotted key.
        baseline: the label of one of its values.
    """

    axis: str
    baseline: str


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Everything that one file describes.

    Attributes:
        name: a folder's name.
        seeds: distinct, each 0 to 2^31 - 1.
        axes: what varies; dataset, architecture, loss, penalty, augmentation if there is any, then settings
            in the file's order.
        cells: the product without what is excluded, seeds outermost, so that a part of a run already has
            whole pairs; then the axes in their order.
        compare: the pairs of interest.
        document: everything, resolved, as TOML would hold it.
        folder: absolute path of that of the file that it was read from; empty where it is no file's.
    """

    name: str
    seeds: tuple[int, ...]
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    compare: Compare
    document: Mapping[str, Any] = field(compare=False, repr=False)
    folder: str = field(default="", compare=False, repr=False)

    def to_toml(self) -> str:
        """Write the grid with everything spelled out; reading it gives an equal grid."""
        return tomli_w.dumps(self.document)
