"""Contexts of a comparison (everything but the compared axis and the seed), and the groups within each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from ganbench.analysis.identities import is_varied
from ganbench.analysis.records import AXES

Row = Mapping[str, Any]
# What stands in brackets behind an extractor's name, and the same behind a comma.
_BRACKETED, _AFTER_COMMA = re.compile(r" \(([^()]*)\)"), r", \1"


class Compared(NamedTuple):
    """The compared axis and its baseline, as the grid names them; no baseline means the first value."""

    axis: str
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything but the compared axis and the seed, held fixed.

    Attributes:
        where: value of each other axis.
        groups: the cells of each value of the compared axis, by label, in the grid's order.
    """

    where: Mapping[str, Any]
    groups: Mapping[str, tuple[Row, ...]]


def compared(grid: Mapping[str, Any]) -> Compared:
    """Read what a resolved grid asks to compare."""
    section = grid.get("compare")
    section = section if isinstance(section, dict) else {}
    axis, baseline = section.get("axis", "loss"), section.get("baseline")
    return Compared(str(axis), None if baseline is None else label(baseline))


def label(value: Any) -> str:
    """Turn a value of an axis into text: labels as they are, settings as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def axes_of(cells: pd.DataFrame) -> tuple[str, ...]:
    """List the axes of a table of cells: the four of every grid, and what else this one varies."""
    return (*AXES, *(name for name in cells.columns if is_varied(name)))


def groups_of(cells: pd.DataFrame, what: Compared) -> list[str]:
    """List the labels of the compared axis, the baseline first; none where the table has no such axis."""
    if what.axis not in axes_of(cells):
        return []
    readable = cells[cells["seed"].notna()]
    labels = list(dict.fromkeys(label(value) for value in readable[what.axis].tolist()))
    baseline = next((name for name in labels if what.baseline in (None, name)), None)
    return sorted(labels, key=lambda name: name != baseline)


def contexts(cells: pd.DataFrame, axis: str) -> list[Context]:
    """Group a table of cells by context, in the grid's order; cells without a seed are in none."""
    axes = axes_of(cells)
    others = [name for name in axes if name != axis]
    where: dict[tuple[str, ...], dict[str, Any]] = {}
    groups: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for row in cells[cells["seed"].notna()].to_dict("records"):
        key = tuple(label(row[name]) for name in others)
        where.setdefault(key, {name: row[name] for name in others})
        group = label(row[axis]) if axis in axes else ""
        groups.setdefault(key, {}).setdefault(group, []).append(row)
    return [
        Context(where=where[key], groups={name: tuple(rows) for name, rows in groups[key].items()})
        for key in where
    ]


def where(row: Row, context: Sequence[str]) -> str:
    """Describe the context of a row: names alone for data and nets, `key value` for the rest."""
    bare = ("dataset", "architecture")
    return ", ".join(str(row[name]) if name in bare else f"{name} {row[name]}" for name in context)


def telling(table: pd.DataFrame) -> list[str]:
    """List the axes worth naming: data set and architecture always, others where they differ."""
    axes = [name for name in axes_of(table) if name in table.columns]
    return [
        name
        for name in axes
        if name in ("dataset", "architecture") or table[name].map(str).nunique(dropna=False) > 1
    ]


def shared(table: pd.DataFrame) -> tuple[str, list[str]]:
    """Say in words what all rows have in common, and list the axes in which they differ."""
    names = telling(table)
    differing = [name for name in names if table[name].map(str).nunique(dropna=False) > 1]
    if table.empty:
        return "", differing
    return where(table.iloc[0].to_dict(), [name for name in names if name not in differing]), differing


def metric_label(metric: str, extractor: str) -> str:
    """Name a score together with what it was measured by: never plain `fid`.

    `vgg16 (bfloat16)` becomes `fid (vgg16, bfloat16)`: one pair of brackets reads better.
    """
    if not metric:
        return "no score"
    return f"{metric} ({_BRACKETED.sub(_AFTER_COMMA, extractor)})" if extractor else metric
