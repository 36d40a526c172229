"""The objectives of a comparison as formulas: what D and G minimise, from the cells' own records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ganbench.analysis.records import printable
from ganbench.errors import StoreError
from ganbench.report.sheets import Sheet
from ganbench.store import Store

_LONGEST_FORMULA = 500


def objectives_sheet(store: Store, cells: pd.DataFrame) -> Sheet:
    """A row for each loss and each penalty: what it is called, what D and G minimise, and where it is from.

    Args:
        store: the folder.
        cells: the table of cells.

    Returns:
        An empty sheet where no cell states a formula: folders older than formulas, or plugins without any.
    """
    rows = []
    for part in ("loss", "penalty"):
        for label in dict.fromkeys(cells[part]):
            said = _said(store, part, cells[cells[part] == label]["cell"])
            if said:
                adds = "D's loss + " if part == "penalty" else ""
                rows.append(
                    (
                        label,
                        adds + said.get("discriminator", "-"),
                        said.get("generator", "unchanged" if part == "penalty" else "-"),
                        said.get("reference", "-"),
                    )
                )
    return Sheet(head=("objective", "D minimises", "G minimises", "source"), rows=rows)


def _said(store: Store, part: str, cells: pd.Series) -> dict[str, str]:
    """What the first of these cells that says anything says."""
    for cell in cells:
        try:
            formulas = store.cell(cell).get("formulas") if store.has_cell(cell) else None
        except StoreError:
            continue
        mine: Any = formulas.get(part) if isinstance(formulas, Mapping) else None
        if isinstance(mine, Mapping) and mine:
            return {printable(name): printable(text)[:_LONGEST_FORMULA] for name, text in mine.items()}
    return {}
