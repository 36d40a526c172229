"""Contexts of a comparison (everything but the compared axis and the seed), and the groups within each."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from ganbench.analysis.identities import is_varied
from ganbench.analysis.records import AXES
from ganbench.grid.grid import BETWEEN_LABELS, PAIRS, combined_label

Row = Mapping[str, Any]
# Fewer are nothing to compare.
MIN_ARMS = 2
# Axes whose values need no name beside them.
_BARE = ("dataset", "architecture", "loss")
# Characters of two labels of which only the options that differ are told.
_LONG = 60
# What stands in brackets behind an extractor's name, and the same behind a comma.
_BRACKETED, _AFTER_COMMA = re.compile(r" \(([^()]*)\)"), r", \1"


class Compared(NamedTuple):
    """The compared axis and its baseline, as the grid names them; no baseline means the first value.

    Attributes:
        axis: the key of an axis; of several that are compared as one, all with commas between them.
        baseline: the label of one of its values, or of one combination.
        pairs: one of `ganbench.grid.grid.PAIRS`: each value with the baseline, or each with each.
    """

    axis: str
    baseline: str | None
    pairs: str = PAIRS[0]

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys of the axes that are compared as one."""
        return compared_axes(self.axis)

    @property
    def words(self) -> str:
        """The same for reading: `loss + penalty`."""
        return " + ".join(self.axes)


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
    pairs = section.get("pairs", PAIRS[0])
    return Compared(
        ",".join(map(str, axis)) if isinstance(axis, list) else str(axis),
        None if baseline is None else label(baseline),
        pairs if pairs in PAIRS else PAIRS[0],
    )


def compared_axes(axis: str) -> tuple[str, ...]:
    """Split the compared axis into the keys of those that are compared as one."""
    return tuple(axis.split(","))


def arm_of(row: Row, axes: Sequence[str]) -> str:
    """Write a row's value of the compared axis, or its combination of several axes, as text."""
    return combined_label(axes, [label(row[name]) for name in axes])


def label(value: Any) -> str:
    """Turn a value of an axis into text: labels as they are, settings as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def axes_of(cells: pd.DataFrame) -> tuple[str, ...]:
    """List the axes of a table of cells: the four of every grid, and what else this one varies."""
    return (*AXES, *(name for name in cells.columns if is_varied(name)))


def minus(value: str, baseline: str) -> str:
    """Name the difference between two values; combinations stand in brackets."""
    first, second = (f"({name})" if " + " in name else name for name in (value, baseline))
    return f"{first} - {second}"


class Pair(NamedTuple):
    """Two values of the compared axes, without what they have in common.

    Attributes:
        value: the parts of it that are not the baseline's.
        baseline: those in their place.
        both: what they have in common in words, as `penalty none, train.steps=60`; empty for nothing.
    """

    value: str
    baseline: str
    both: str


def told_apart(value: str, baseline: str, axes: Sequence[str]) -> Pair:
    """Split two combinations of values into what tells them apart and what they have in common.

    Of long labels that differ in options alone, those options are told.

    Args:
        value: as `arm_of` writes it.
        baseline: likewise.
        axes: those that are compared as one.
    """
    parts = value.split(BETWEEN_LABELS), baseline.split(BETWEEN_LABELS)
    if not len(axes) == len(parts[0]) == len(parts[1]) or value == baseline:
        return Pair(value, baseline, "")
    mine, others, both = list[str](), list[str](), list[str]()
    for axis, part, other in zip(axes, *parts, strict=True):
        if part == other:
            both.append(part if axis in _BARE or "." in axis else f"{axis} {part}")
            continue
        pair = _options_apart(part, other) if len(part) + len(other) > _LONG else Pair(part, other, "")
        mine.append(pair.value)
        others.append(pair.baseline)
        both += filter(None, [pair.both])
    return Pair(BETWEEN_LABELS.join(mine), BETWEEN_LABELS.join(others), ", ".join(both))


def _options_apart(label: str, other: str) -> Pair:
    """Leave out the options that two labels of one name share."""
    (name, mine), (other_name, others) = _options_of(label), _options_of(other)
    both = [option for option in mine if option in others]
    if name != other_name or not both:
        return Pair(label, other, "")
    sides = [[option for option in side if option not in both] for side in (mine, others)]
    labels = [f"{name}[{','.join(side)}]" if side else name for side in sides]
    return Pair(labels[0], labels[1], ", ".join(both))


def _options_of(label: str) -> tuple[str, list[str]]:
    """Split `name[a=1,b=[2,3]]` into its name and its options."""
    name, opened, rest = label.partition("[")
    if not opened or not rest.endswith("]"):
        return label, []
    options, depth = [""], 0
    for sign in rest[:-1]:
        if sign == "," and depth == 0:
            options.append("")
            continue
        depth += (sign in "[{") - (sign in "]}")
        options[-1] += sign
    return name, options


def groups_of(cells: pd.DataFrame, what: Compared) -> list[str]:
    """List the labels of the compared axis, the baseline first; none where the table has no such axis."""
    if not set(what.axes) <= set(axes_of(cells)):
        return []
    readable = cells.loc[cells["seed"].notna(), list(what.axes)].to_dict("records")
    labels = list(dict.fromkeys(arm_of(row, what.axes) for row in readable))
    baseline = next((name for name in labels if what.baseline in (None, name)), None)
    return sorted(labels, key=lambda name: name != baseline)


def contexts(cells: pd.DataFrame, axis: str) -> list[Context]:
    """Group a table of cells by context, in the grid's order; cells without a seed are in none.

    Args:
        cells: the table.
        axis: the compared axis, or several with commas between them; empty for one group per context.
    """
    axes, names = axes_of(cells), compared_axes(axis)
    others = [name for name in axes if name not in names]
    where: dict[tuple[str, ...], dict[str, Any]] = {}
    groups: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for row in cells[cells["seed"].notna()].to_dict("records"):
        key = tuple(label(row[name]) for name in others)
        where.setdefault(key, {name: row[name] for name in others})
        group = arm_of(row, names) if set(names) <= set(axes) else ""
        groups.setdefault(key, {}).setdefault(group, []).append(row)
    return [
        Context(where=where[key], groups={name: tuple(rows) for name, rows in groups[key].items()})
        for key in where
    ]


def uncompared(arms: Iterable[Collection[str]], what: Compared) -> list[str]:
    """Say in one line how many contexts have nothing to compare; nothing where there is none.

    Args:
        arms: the labels of the compared axis that each context has cells of, in the grid's order; the
            first of all is the baseline where none is named.
        what: the axis or axes, and the baseline.
    """
    found = list(arms)
    labels = list(dict.fromkeys(itertools.chain.from_iterable(found)))
    if len(labels) < MIN_ARMS:
        return []
    needed = "" if what.pairs == "all" else what.baseline or labels[0]
    alone = sum(len(own) < MIN_ARMS or bool(needed and needed not in own) for own in found)
    if not alone:
        return []
    few = f"only one value of {what.words}" + (f", or lack the baseline {needed}" if needed else "")
    return [
        f"not compared: {alone} of {len(found)} contexts, which have {few}; another axis, or several "
        "as one, may tell more (`ganbench compare --axis`)"
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
