"""A table of the user's own numbers as points: .csv, .tsv, .txt or .parquet."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval, MinLen
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.errors import DatasetError, shown
from ganbench.files.data_paths import find_path
from ganbench.files.folder_layout import order_classes
from ganbench.files.number_tables import NumberTable, read_table
from ganbench.zoo.datasets.bounds import Limit, count, naming, refuse
from ganbench.zoo.datasets.own_points import OwnPoints, PointsRead, rows_of
from ganbench.zoo.datasets.packed import stamp_of

Columns = Annotated[tuple[str, ...], MinLen(1)]
TestEvery = Annotated[int, Interval(ge=0, le=1_000_000)]
_NAME = "table"
# To be raised where the same files come to other points, labels or splits.
_READING = 2


class OwnTable(OwnPoints):
    """The rows of a table as points, in their order; every tenth is a test sample unless a file is given."""

    def __init__(
        self,
        *,
        path: Path,
        columns: Columns | None = None,
        label: str | None = None,
        condition: Columns | None = None,
        standardise: bool = False,
        test: Path | None = None,
        test_every: TestEvery = 10,
        limit: Limit | None = None,
    ) -> None:
        """Read the table.

        Args:
            path: .csv (commas or semicolons), .tsv, .txt (blanks) or .parquet. The first line of a text is
                one of names, unless it has nothing but numbers; columns without names are called 0, 1, ...
            columns: the coordinates, by name, in this order; unless given, all columns of numbers but the
                row numbers that pandas writes in a column without a name.
            label: the column that has the classes, whole numbers or texts.
            condition: columns of numbers that are the condition of each point.
            standardise: whether each coordinate gets mean 0 and deviation 1 over the train split, which the
                data set's attributes `mean` and `deviation` undo.
            test: a table with the same columns, which is the test split.
            test_every: which part is kept back as test split where there is no such table; 0 for none.
            limit: number of points of the train split that are kept, the first ones.

        Raises:
            DatasetError: there is no such table or column, or it holds something else than finite numbers.
        """
        if test_every == 1:
            refuse(_NAME, ["test_every must be 0, or at least 2, given 1: every point would be kept back"])
        named = [*(columns or ()), *(condition or ())]
        if twice := [name for at, name in enumerate(named) if name in named[:at]]:
            refuse(_NAME, [f"column {shown(twice[0])} is named twice"])
        paths = tuple(find_path(str(each))[0] for each in (path, *([] if test is None else [test])))
        with naming(_NAME):
            super().__init__(
                _NAME,
                key={
                    "paths": [str(each.resolve()) for each in paths],
                    "columns": columns,
                    "label": label,
                    "condition": condition,
                    "test_every": test_every,
                    "limit": limit,
                },
                stamp=f"{_READING} {_stamp(paths)}",
                standardise=standardise,
                read=lambda: _read(
                    [read_table(each) for each in paths],
                    columns=columns,
                    label=label,
                    condition=condition,
                    test_every=test_every,
                    limit=limit,
                ),
            )


def _stamp(paths: Sequence[Path]) -> str:
    """Digest what the file system knows of the files, and the reader's version."""
    try:
        return f"{stamp_of((each.name, each.stat()) for each in paths)} pandas {version('pandas')}"
    except OSError:  # reading says what is wrong
        return ""


def _read(
    tables: Sequence[NumberTable],
    *,
    columns: Columns | None,
    label: str | None,
    condition: Columns | None,
    test_every: int,
    limit: int | None,
) -> PointsRead:
    """Take points from a table, and from that of the test split where there is one."""
    notes = []
    if columns is None:
        besides = [*(condition or ()), *([] if label is None else [label])]
        columns = tuple(name for name in tables[0].numeric() if name not in besides)
        notes += tables[0].passed_over([*columns, *besides])
        if not columns:
            raise DatasetError(f"{tables[0].path}: has no columns of numbers")
    points = [table.numbers(columns) for table in tables]
    labels, class_names = _labels(tables, label)
    given = [] if condition is None else [table.numbers(condition) for table in tables]
    apart = len(tables) > 1
    train, held_out, beyond = rows_of(len(points[0]), test_every=0 if apart else test_every, limit=limit)
    if limit is not None:
        refuse(_NAME, [count("limit", limit, len(train) + beyond)])
    if beyond:
        notes.append(f"{beyond:,} more left out, beyond the limit")

    def split(parts: Sequence[NDArray[Any]]) -> dict[Split, NDArray[Any]]:
        return {"train": parts[0][train], "test": parts[1] if apart else parts[0][held_out]}

    return PointsRead(
        points=split(points),
        columns=columns,
        labels=None if class_names is None else split(labels),
        class_names=class_names,
        conditions=split(given) if given else None,
        notes=notes,
    )


def _labels(
    tables: Sequence[NumberTable], column: str | None
) -> tuple[list[NDArray[np.int64]], tuple[str, ...] | None]:
    """Assign numbers to the classes, alike in every table."""
    if column is None:
        return [], None
    texts = []
    for table in tables:
        table.require(column)
        values = table.frame[column]
        if values.isna().any():
            raise DatasetError(f"{table.path}: has no {shown(column)} in row {int(values.isna().argmax())}")
        texts.append([_class_name(value) for value in values])
    try:
        names = order_classes({text for each in texts for text in each})
    except ValueError as error:
        raise DatasetError(f"{tables[0].path}: {error}") from error
    numbers = {name: index for index, name in enumerate(names)}
    return [np.array([numbers[text] for text in each], dtype=np.int64) for each in texts], tuple(names)


def _class_name(value: object) -> str:
    """Write a label as a text: 3.0, as pandas reads whole numbers beside missing ones, is 3."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
