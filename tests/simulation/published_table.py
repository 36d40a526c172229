"""What the simulations have in common: their options, and the tables that they write."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd


def read_options(about: str, draws: int) -> argparse.Namespace:
    """Read `--out`, the folder to write to, which is made, and `--draws`.

    Args:
        about: the docstring of the simulation, whose first line says what it does.
        draws: how many draws a row has unless `--draws` says otherwise.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=draws)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    return given


def write_table(rows: Iterable[Any], kind: type, path: Path) -> pd.DataFrame:
    """Write rows, instances of the dataclass `kind`, as CSV with a column per attribute."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(kind)])
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.6g")
    return table


def markdown_row(cells: Sequence[str]) -> str:
    """Write one row of a Markdown table."""
    return f"| {' | '.join(cells)} |"
