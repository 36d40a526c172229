"""Conflicts: metrics of one context that show different groups to be better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganbench.analysis.context import metric_label, where

Row = Mapping[str, Any]


def disagreements(rows: Sequence[Row], context: Sequence[str]) -> list[str]:
    """Say in each row's verdict which other metrics show the opposite.

    Args:
        rows: of the comparison; `better` names the group that was shown to be better, or is empty.
        context: the columns that make a context.

    Returns:
        A phrase a row; empty where no metric shows the opposite.
    """
    groups = _groups(rows, context)
    said = []
    for row in rows:
        against: dict[str, list[str]] = {}
        for other in groups[_key(row, context)] if row["better"] else ():
            if other["better"] and other["better"] != row["better"]:
                against.setdefault(other["better"], []).append(_metric(other))
        shown = "; ".join(f"{winner} by {', '.join(metrics)}" for winner, metrics in against.items())
        said.append(f"metrics disagree: {shown}" if shown else "")
    return said


def disagreeing(rows: Sequence[Row], context: Sequence[str], named: Sequence[str]) -> list[str]:
    """Write one line for each context and pair of groups on which metrics disagree.

    Args:
        rows: of the comparison.
        context: the columns that make a context.
        named: those of them to name.
    """
    lines = []
    for group in _groups(rows, context).values():
        by_winner: dict[str, list[str]] = {}
        for row in group:
            if row["better"]:
                by_winner.setdefault(row["better"], []).append(_metric(row))
        if len(by_winner) > 1:
            said = ", ".join(f"{winner} better by {', '.join(by)}" for winner, by in by_winner.items())
            place = where(group[0], named)
            lines.append(f"{place}: metrics disagree: {said}" if place else f"metrics disagree: {said}")
    return lines


def _groups(rows: Iterable[Row], context: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(_key(row, context), []).append(row)
    return groups


def _key(row: Row, context: Sequence[str]) -> tuple[str, ...]:
    return (*(str(row[name]) for name in context), row.get("baseline"), row["value"])


def _metric(row: Row) -> str:
    return metric_label(row["metric"], row["extractor"])
