"""A table of the user's own numbers as points: .csv, .tsv, .txt or .parquet."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Interval, MinLen
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.errors import DatasetError, did_you_mean, shown
from ganbench.files.data_paths import find_path
from ganbench.files.folder_layout import order_classes
from ganbench.files.regular import irregular, open_regular
from ganbench.zoo.datasets.bounds import Limit, count, refuse
from ganbench.zoo.datasets.own_points import OwnPoints, PointsRead, rows_of
from ganbench.zoo.datasets.packed import stamp_of

if TYPE_CHECKING:
    import pandas as pd

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
Columns = Annotated[tuple[str, ...], MinLen(1)]
TestEvery = Annotated[int, Interval(ge=0, le=1_000_000)]
_NAME = "table"
# To be raised where the same files come to other points, labels or splits.
_READING = 1
_MAX_NAMED = 8


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
            columns: the coordinates, by name, in this order; all columns of numbers unless given.
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
                paths, columns=columns, label=label, condition=condition, test_every=test_every, limit=limit
            ),
        )


def _stamp(paths: Sequence[Path]) -> str:
    """Digest what the file system knows of the files, and the reader's version."""
    try:
        return f"{stamp_of((each.name, each.stat()) for each in paths)} pandas {version('pandas')}"
    except OSError:  # reading says what is wrong
        return ""


def _read(
    paths: Sequence[Path],
    *,
    columns: Columns | None,
    label: str | None,
    condition: Columns | None,
    test_every: int,
    limit: int | None,
) -> PointsRead:
    """Read a table, and that of the test split where there is one; options as of `OwnTable`."""
    tables = [read_table(each) for each in paths]
    notes = []
    if columns is None:
        besides = {*(condition or ()), *([] if label is None else [label])}
        columns = tuple(name for name in _numeric(tables[0]) if name not in besides)
        others = [name for name in tables[0].columns if name not in columns and name not in besides]
        if others:
            first = ", ".join(map(shown, others[:_MAX_NAMED]))
            more = ", ..." if len(others) > _MAX_NAMED else ""
            notes.append(f"passed over: {len(others)} columns that are no numbers, {first}{more}")
        if not columns:
            raise _error(paths[0], "has no columns of numbers")
    points = [_numbers(table, columns, each) for table, each in zip(tables, paths, strict=True)]
    labels, class_names = _labels(tables, label, paths)
    given = (
        []
        if condition is None
        else [_numbers(table, condition, each) for table, each in zip(tables, paths, strict=True)]
    )
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


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; names of columns are texts.

    Raises:
        DatasetError: it is absent, another kind of file, damaged, or empty.
    """
    import pandas as pd

    place, _ = find_path(str(path))
    ending = place.suffix.lower()
    if ending not in TABLE_ENDINGS:
        raise _error(place, f"must end in {', '.join(TABLE_ENDINGS)}")
    if problem := irregular(place):
        raise _error(place, problem)
    try:
        with open_regular(place) as stream:
            if ending == ".parquet":
                table = pd.read_parquet(stream)
            else:
                first = stream.readline()
                stream.seek(0)
                semicolons = b";" in first and b"," not in first
                separator = {".tsv": "\t", ".txt": r"\s+"}.get(ending, ";" if semicolons else ",")
                table = pd.read_csv(
                    stream,
                    sep=separator,
                    header=None if _all_numbers(first, separator) else 0,
                    comment="#" if ending == ".txt" else None,
                    skipinitialspace=True,
                    encoding="utf-8-sig",
                    low_memory=False,
                )
    except Exception as error:  # pandas raises many kinds for what is no table
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _error(place, f"cannot be read as a table: {' '.join(str(reason).split())[:100]}") from error
    table.columns = table.columns.map(str)
    if not len(table):
        raise _error(place, "has no rows")
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise _error(place, f"has two columns {shown(repeated[0])}")
    return table


def _all_numbers(line: bytes, separator: str) -> bool:
    text = line.decode("utf-8-sig", errors="replace").strip()
    cells = text.split() if separator == r"\s+" else text.split(separator)
    try:
        return len([float(cell) for cell in cells]) > 0
    except ValueError:
        return text.startswith("#")


def _numeric(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.select_dtypes(["number", "bool"]).columns]


def _numbers(table: pd.DataFrame, columns: Sequence[str], path: Path) -> NDArray[np.float64]:
    for name in columns:
        if name not in table.columns:
            raise _error(path, f"has no column {shown(name)}{did_you_mean(name, table.columns)}")
        if name not in _numeric(table[[name]]):
            text = next((each for each in table[name] if not _is_number(each)), None)
            raise _error(path, f"column {shown(name)} holds {shown(text)}, which is no number")
    return np.asarray(table[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan))


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _labels(
    tables: Sequence[pd.DataFrame], column: str | None, paths: Sequence[Path]
) -> tuple[list[NDArray[np.int64]], tuple[str, ...] | None]:
    """Assign numbers to the classes, alike in every table."""
    if column is None:
        return [], None
    texts = []
    for table, path in zip(tables, paths, strict=True):
        if column not in table.columns:
            raise _error(path, f"has no column {shown(column)}{did_you_mean(column, table.columns)}")
        if table[column].isna().any():
            raise _error(path, f"has no {shown(column)} in row {int(table[column].isna().argmax())}")
        texts.append([_class_name(value) for value in table[column]])
    try:
        names = order_classes({text for each in texts for text in each})
    except ValueError as error:
        raise _error(paths[0], str(error)) from error
    numbers = {name: index for index, name in enumerate(names)}
    return [np.array([numbers[text] for text in each], dtype=np.int64) for each in texts], tuple(names)


def _class_name(value: object) -> str:
    """Write a label as a text: 3.0, as pandas reads whole numbers beside missing ones, is 3."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _error(path: Path, problem: str) -> DatasetError:
    return DatasetError(f"dataset {_NAME!r}: {path}: {problem}")
