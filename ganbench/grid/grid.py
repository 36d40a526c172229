"""A grid, read and resolved: every cell that is to be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import tomli_w

from ganbench.errors import GridError
from ganbench.grid.cell import Cell, cells_counted
from ganbench.grid.shard import Shard

if TYPE_CHECKING:
    from ganbench.grid.axes import Axis


PAIRS = ("baseline", "all")
"""Which values are compared: each with the baseline, or each with each."""
BETWEEN_LABELS = " + "


@dataclass(frozen=True, kw_only=True)
class Compare:
    """The compared axis and its baseline.

    Attributes:
        axis: dataset, architecture, loss, penalty, augmentation, or a varied setting's dotted key; of several
            that are compared as one, all with commas between them.
        baseline: the label of one of its values, or of one combination.
        pairs: one of PAIRS.
    """

    axis: str
    baseline: str
    pairs: str = PAIRS[0]

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys of the axes that are compared as one."""
        return tuple(self.axis.split(","))


def combined_label(axes: Sequence[str], labels: Sequence[str]) -> str:
    """Write the values of several axes as one label, a setting's with its key: `hinge + r1`.

    Args:
        axes: their keys; the label of a single axis stays as it is.
        labels: one of each.
    """
    if len(axes) == 1:
        return labels[0]
    return BETWEEN_LABELS.join(
        label_in_combination(axis, label) for axis, label in zip(axes, labels, strict=True)
    )


def label_in_combination(axis: str, label: str) -> str:
    """Write a value as it stands in the label of a combination: a setting's with its key."""
    return f"{axis}={label}" if "." in axis else label


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
        shard: which part of the product `cells` is; None where it is all of it.
    """

    name: str
    seeds: tuple[int, ...]
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    compare: Compare
    document: Mapping[str, Any] = field(compare=False, repr=False)
    folder: str = field(default="", compare=False, repr=False)
    shard: Shard | None = None

    def to_toml(self) -> str:
        """Write the grid with everything spelled out; reading it gives an equal grid."""
        return tomli_w.dumps(self.document)

    def part(self, shard: Shard) -> Self:
        """Keep the cells of one part.

        Raises:
            GridError: the grid is another part already, or has fewer cells than there are parts.
        """
        if self.shard is not None:
            if self.shard != shard:
                raise GridError(f"{self.name}: is {self.shard.words} already, not {shard.words}")
            return self
        if shard.count > len(self.cells):
            cells = cells_counted(len(self.cells))
            raise GridError(f"shard {shard}: {self.name} has {cells}, and every shard must have one")
        mine = shard.pick(cell.id for cell in self.cells)
        return replace(self, cells=tuple(cell for cell in self.cells if cell.id in mine), shard=shard)
