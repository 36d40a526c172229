"""Points that another program wrote into a table, as the points of the data that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError, shown
from ganbench.files.number_tables import NumberTable, read_table

_MAX_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class PointColumns:
    """The coordinates of points.

    Attributes:
        names: of the columns of a table; None where the coordinates have numbers alone.
        standard: mean (d,), which is subtracted of each coordinate, and deviation (d,), by which it is
            divided; None where they are as they are.
    """

    names: Sequence[str] | None = None
    standard: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @classmethod
    def of(cls, data: Any) -> PointColumns:
        """Take them from a data set; one that says nothing of them has numbered coordinates as they are.

        Args:
            data: with `columns` where these have names, and `mean` and `deviation` where it is standardised.
        """
        names = getattr(data, "columns", None)
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            return cls()
        numbered = list(names) == [str(number) for number in range(len(names))]
        mean, deviation = getattr(data, "mean", None), getattr(data, "deviation", None)
        standard = None
        if isinstance(mean, np.ndarray) and isinstance(deviation, np.ndarray):
            standard = (mean, deviation) if (mean != 0).any() or (deviation != 1).any() else None
        return cls(names=None if numbered else names, standard=standard)


def read_points(
    path: Path,
    count: int | None,
    columns: PointColumns,
    *,
    notes: list[str] | None = None,
) -> tuple[Tensor, tuple[str, ...]]:
    """Read the points of a table.

    Columns are found by name, in the reference's order, where both sides have names; else the columns of
    numbers are the coordinates, in their order.

    Args:
        path: as `read_table` takes it.
        count: d, of the coordinates that there must be; any number unless given.
        columns: those of the reference.
        notes: gets what was passed over or changed, a phrase each.

    Returns:
        float32 (N, d), standardised as the reference is, and the names of the columns.

    Raises:
        DatasetError: there is no such table or column, or it holds something else than finite numbers.
    """
    table = read_table(path)
    by_name = table.named and columns.names is not None
    used = tuple(columns.names or ()) if by_name else tuple(table.numeric())
    if not by_name:
        _require_count(table, used, count)
    numbers = table.numbers(used)
    _require_finite(path, numbers, used)
    if columns.standard is not None:
        mean, deviation = columns.standard
        numbers = (numbers - mean) / deviation
    with np.errstate(over="ignore"):
        # Row by row, as an array of another file is: the order decides the last bits of sums.
        points = np.ascontiguousarray(numbers, dtype=np.float32)
    _require_finite(path, points, used)
    if notes is not None:
        others = [str(name) for name in table.frame.columns if name not in used]
        if others:
            more = ", ..." if len(others) > _MAX_NAMED else ""
            noun = "column" if len(others) == 1 else "columns"
            named = ", ".join(map(shown, others[:_MAX_NAMED]))
            notes.append(f"{len(others)} {noun} passed over: {named}{more}")
        if columns.standard is not None:
            notes.append("standardised by the mean and the deviation of the reference")
    return torch.from_numpy(points), used


def _require_count(table: NumberTable, numeric: Sequence[str], count: int | None) -> None:
    if len(numeric) == count or (count is None and numeric):
        return
    texts = [problem for name in table.frame.columns if (problem := table.text_in(name))]
    wanted = "" if count is None else f"; the reference has points of {count} coordinates"
    found = f"{len(numeric)} columns of numbers" if len(numeric) != 1 else "1 column of numbers"
    named = f" ({', '.join(map(shown, numeric[:_MAX_NAMED]))})" if numeric else ""
    raise DatasetError(f"{table.path}: has {found}{named}{wanted}{'; ' + texts[0] if texts else ''}")


def _require_finite(path: Path, numbers: NDArray[Any], columns: Sequence[str]) -> None:
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = wrong[0]
        raise DatasetError(
            f"{path}: point {row} has NaN, infinity or a number beyond float32 in {shown(columns[column])}"
        )
