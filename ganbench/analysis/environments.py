"""The differences between the environments of compared cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from ganbench.grid.history import History


def environments_mixed(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether finished cells differ in more than plugins and data that only some of them use.

    A cell that was itself trained in several environments counts as well.

    Args:
        rows: rows of the table of cells.
    """
    distinct = {
        (row["environment"], row["plugins"], row["device"], row["engine"], row.get("provenance")): row
        for row in rows
        if row["status"] == "ok"
    }
    histories = [History.from_row(row) for row in distinct.values()]
    return any(history.mixed for history in histories) or any(
        one.conflicts(two) for one, two in combinations(histories, 2)
    )
