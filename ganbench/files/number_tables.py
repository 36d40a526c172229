"""Tables of numbers made by other programs: .csv, .tsv, .txt and .parquet."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import DatasetError, did_you_mean, shown
from ganbench.files.regular import irregular, open_regular

if TYPE_CHECKING:
    import pandas as pd

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
_MAX_NAMED = 8
# As pandas calls columns whose place in the first line is empty.
_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)*")


@dataclass(frozen=True, kw_only=True)
class NumberTable:
    """A table that was read.

    Attributes:
        path: its file.
        frame: its rows, at least one; names of columns are texts, all different.
        named: whether the file names its columns; those without names are called 0, 1, ...
    """

    path: Path
    frame: pd.DataFrame
    named: bool

    def numeric(self) -> list[str]:
        """List the columns of numbers, in their order; row numbers are none of them."""
        rows = self.row_numbers()
        return [name for name in self.frame.select_dtypes(["number", "bool"]).columns if name not in rows]

    def row_numbers(self) -> list[str]:
        """List columns of whole numbers without a name: pandas writes the index of its rows so."""
        return [
            name
            for name in self.frame.select_dtypes("integer").columns
            if _NAMELESS.fullmatch(name) and (self.frame[name] >= 0).all()
        ]

    def require(self, column: str) -> None:
        """Refuse a table that lacks a column.

        Raises:
            DatasetError: it does.
        """
        if column not in self.frame.columns:
            hint = did_you_mean(column, self.frame.columns)
            raise DatasetError(f"{self.path}: has no column {shown(column)}{hint}")

    def numbers(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Give the numbers of some columns, (N, k); NaN where a cell is empty.

        Raises:
            DatasetError: a column is not there, or holds something else.
        """
        for name in columns:
            self.require(name)
            if problem := self.text_in(name):
                raise DatasetError(f"{self.path}: {problem}")
        return np.asarray(self.frame[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan))

    def text_in(self, column: str) -> str:
        """Say what a column holds that is no number; empty where it holds numbers alone."""
        if len(self.frame[[column]].select_dtypes(["number", "bool"]).columns):
            return ""
        text = next((each for each in self.frame[column] if not _is_number(each)), None)
        return f"column {shown(column)} holds {shown(text)}, which is no number"

    def passed_over(self, used: Sequence[str]) -> list[str]:
        """Say which columns are not used since they hold no numbers, or those of rows; a phrase each."""
        unused = [name for name in self.frame.columns if name not in used]
        rows = [name for name in self.row_numbers() if name in unused]
        others = [name for name in unused if name not in rows]
        said = [
            f"passed over: column {shown(name)}, the row numbers that pandas writes unless index=False is "
            "given; name it in columns to use it"
            for name in rows
        ]
        if others:
            more = ", ..." if len(others) > _MAX_NAMED else ""
            first = ", ".join(map(shown, others[:_MAX_NAMED]))
            what = "1 column that is" if len(others) == 1 else f"{len(others)} columns that are"
            said.append(f"passed over: {what} no numbers, {first}{more}")
        return said


def read_table(path: Path) -> NumberTable:
    """Read a table: .csv (commas or semicolons), .tsv, .txt (blanks) or .parquet.

    The first line of a text is one of names, unless it has nothing but numbers.

    Raises:
        DatasetError: it is absent, another kind of file, damaged, or empty.
    """
    import pandas as pd

    ending = path.suffix.lower()
    if ending not in TABLE_ENDINGS:
        raise DatasetError(f"{path}: must end in {', '.join(TABLE_ENDINGS)}")
    if problem := irregular(path):
        raise DatasetError(f"{path}: {problem}")
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file")
    named = True
    try:
        with open_regular(path) as stream:
            if ending == ".parquet":
                frame = pd.read_parquet(stream)
            else:
                first = stream.readline()
                stream.seek(0)
                semicolons = b";" in first and b"," not in first
                separator = {".tsv": "\t", ".txt": r"\s+"}.get(ending, ";" if semicolons else ",")
                named = not _all_numbers(first, separator)
                with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
                    frame = pd.read_csv(
                        stream,
                        sep=separator,
                        header=0 if named else None,
                        # Else what is too much in a row moves every number by a column.
                        index_col=False,
                        comment="#" if ending == ".txt" else None,
                        skipinitialspace=True,
                        encoding="utf-8-sig",
                        low_memory=False,
                    )
    except pd.errors.ParserWarning as error:
        raise DatasetError(f"{path}: has rows of more cells than its first line has names") from error
    except Exception as error:  # pandas raises many kinds for what is no table
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DatasetError(
            f"{path}: cannot be read as a table: {' '.join(str(reason).split())[:100]}"
        ) from error
    frame.columns = frame.columns.map(str)
    if not len(frame):
        raise DatasetError(f"{path}: has no rows")
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DatasetError(f"{path}: has two columns {shown(repeated[0])}")
    return NumberTable(path=path, frame=frame, named=named)


def _all_numbers(line: bytes, separator: str) -> bool:
    text = line.decode("utf-8-sig", errors="replace").strip()
    cells = text.split() if separator == r"\s+" else text.split(separator)
    try:
        return len([float(cell) for cell in cells]) > 0
    except ValueError:
        return text.startswith("#")


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
