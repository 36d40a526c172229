"""FILE.toml of `--cluster`: a table for each executor that runs cells on other machines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ganbench.errors import GridError, did_you_mean
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import typed
from ganbench.grid.source import cleaned, parse

Count = Annotated[int | None, Field(ge=1, le=100_000, description="a whole number from 1 to 100000")]
_MODELS = "a list of names of device models, each the text that cells.csv has as `device`"


class ClusterSettings(BaseModel):
    """What a table of the file may say whatever the executor; an executor's own settings are fields more.

    Attributes:
        table: the table's name, which is the executor's.
        device_models: those on which cells may run, the preferred one first; None for any one.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
    table: ClassVar[str]

    device_models: Annotated[list[str] | None, Field(min_length=1, description=_MODELS)] = None

    @classmethod
    def read(cls, file: str | os.PathLike[str] | None, tables: Sequence[str]) -> Self:
        """Read the executor's table of a file; its defaults where there is no file.

        Args:
            file: TOML.
            tables: those that a file may have: names of executors.

        Raises:
            GridError: with everything that is wrong in it, a line each.
        """
        if file is None:
            return cls()
        path = Path(file)
        if path.exists() and not path.is_file():
            raise GridError(f"{path}: is no regular file")
        problems = Problems(str(path))
        document = cleaned(parse(path, "a cluster file"), problems)
        for name in document:
            if name not in tables:
                problems.add(name, f"a cluster file has no table {given(name)}{did_you_mean(name, tables)}")
        table = document.get(cls.table)
        if table is None:
            there = "".join(f"; it has [{name}]" for name in document if name in tables)
            problems.add(
                "", f"has no table [{cls.table}], which says where --executor {cls.table} runs{there}"
            )
        elif not isinstance(table, Mapping):
            problems.add(cls.table, f"must be a table, given {given(table)}")
        settings = cls._read_table(table if isinstance(table, Mapping) else {}, problems)
        problems.raise_any()
        return cls(**settings)

    @classmethod
    def _read_table(cls, table: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
        """Read the settings of the table; those with problems are noted and left out."""
        read = {}
        for name, value in table.items():
            if name not in cls.model_fields:
                hint = did_you_mean(name, cls.model_fields)
                problems.add(f"{cls.table}.{name}", f"[{cls.table}] has no setting {given(name)}{hint}")
                continue
            try:
                read[name] = typed(cls, name, value)
            except ValueError as problem:
                problems.add(f"{cls.table}.{name}", str(problem))
        return read
