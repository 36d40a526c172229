"""What went wrong, once: cells with the same status, reason and kind of warning stand together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ganbench.analysis.context import Row, label, shared
from ganbench.analysis.records import FAILURES
from ganbench.errors import StoreError
from ganbench.store import Store

MOST_CELLS = 1000
MOST_TRACEBACKS = 20
_LONGEST_TRACEBACK = 8000
_WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One thing that went wrong, in one or more cells.

    Attributes:
        status: `diverged`, `error`, `oom`, `skipped`, or `warning` for cells that went on nevertheless.
        reason: why; of a warning, its name.
        cells: id and words (where, at what step) of each.
        traceback: of the first cell that has one; empty where there is none, or too many have one.
    """

    status: str
    reason: str
    cells: Sequence[tuple[str, str]]
    traceback: str


def failures(store: Store, cells: pd.DataFrame) -> tuple[list[Failure], int]:
    """What went wrong in the cells of a table: what ended cells first, then skipped ones, then warnings.

    Args:
        store: where the tracebacks are.
        cells: the table.

    Returns:
        Each thing with its cells, and in how many further cells something went wrong.
    """
    _, differing = shared(cells[cells["seed"].notna()])
    wrong = cells[~cells["status"].isin(("ok", "unfinished")) | (cells["warnings"] != "")]
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in wrong.head(MOST_CELLS).to_dict("records"):
        place = _place(row, differing)
        if row["status"] not in ("ok", "unfinished"):
            groups.setdefault((row["status"], row["reason"]), []).append((row["cell"], place))
        for warning in filter(None, row["warnings"].split(";")):
            name, _, step = warning.partition("@")
            words = ", ".join(filter(None, (place, f"step {step}" if step else "")))
            groups.setdefault((_WARNING, name), []).append((row["cell"], words))
    found: list[Failure] = []
    tracebacks = 0
    for (status, reason), mine in sorted(groups.items(), key=lambda item: _rank(item[0][0])):
        traceback = ""
        if status == "error" and tracebacks < MOST_TRACEBACKS:
            traceback = next(filter(None, (_traceback(store, cell) for cell, _ in mine)), "")
            tracebacks += bool(traceback)
        found.append(Failure(status=status, reason=reason, cells=mine, traceback=traceback))
    return found, max(0, len(wrong) - MOST_CELLS)


def _rank(status: str) -> int:
    return 0 if status in FAILURES else 2 if status == _WARNING else 1


def _place(row: Row, differing: Sequence[str]) -> str:
    names = [label(row[name]) for name in differing if not pd.isna(row[name]) and row[name] != ""]
    seed = [] if pd.isna(row["seed"]) else [f"seed {row['seed']}"]
    return ", ".join([*names, *seed])


def _traceback(store: Store, cell: str) -> str:
    try:
        return (store.traceback(cell) or "")[-_LONGEST_TRACEBACK:]
    except StoreError:
        return ""
