"""A few of many: steps, rows, samples, of which no more can be shown or kept."""

from __future__ import annotations

from collections.abc import Sequence


def spread(items: Sequence[int], most: int) -> list[int]:
    """Pick at most this many of the items, evenly spread, the first and the last among them.

    Args:
        items: in order.
        most: 2 or more.
    """
    if len(items) <= most:
        return list(items)
    return [items[index * (len(items) - 1) // (most - 1)] for index in range(most)]
