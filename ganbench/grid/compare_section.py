"""[compare]: the compared axis, or several axes compared as one, and what is compared with what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganbench.errors import did_you_mean
from ganbench.grid.axes import Axis, Patterns
from ganbench.grid.choice import label_of
from ganbench.grid.grid import BETWEEN_LABELS, PAIRS, Compare, combined_label, label_in_combination
from ganbench.grid.problems import Problems, given

if TYPE_CHECKING:
    from ganbench.grid.cell import Cell
    from ganbench.grid.combinations import Combinations
    from ganbench.grid.overrides import Exclude

COMPARE_KEYS = ("axis", "baseline", "pairs")


def read_compare(
    table: Mapping[str, Any],
    axes: Mapping[str, Axis],
    named: Collection[str],
    patterns: Patterns,
    problems: Problems,
) -> Compare | None:
    """Read what is compared; None where it cannot be told, and the problem is noted.

    Args:
        table: [compare], with what the command line sets.
        axes: those of the grid that could be read.
        named: the keys of all axes that a grid may name here, those that could not be read too.
        patterns: finds the value that a baseline means.
        problems: where they are noted.
    """
    for key in table:
        if key not in COMPARE_KEYS:
            problems.add(
                f"compare.{key}", f"[compare] has no key {given(key)}{did_you_mean(key, COMPARE_KEYS)}"
            )
    pairs = table.get("pairs", PAIRS[0])
    if pairs not in PAIRS:
        problems.add("compare.pairs", f"must be {' or '.join(PAIRS)}, given {given(pairs)}")
    keys = _keys(table.get("axis", "loss"), named, problems)
    if not keys or any(key not in axes for key in keys):
        return None
    if any(axes[key].is_idle for key in keys):
        problems.add("compare.axis", "the grid augments nothing; give axes.augmentation two values")
        return None
    baseline = _baseline(table.get("baseline"), [axes[key] for key in keys], patterns, problems)
    if baseline is None or pairs not in PAIRS:
        return None
    labels = [axes[key].labels[index] for key, index in zip(keys, baseline, strict=True)]
    return Compare(axis=",".join(keys), baseline=combined_label(keys, labels), pairs=pairs)


def with_cells(
    compare: Compare,
    axes: Mapping[str, Axis],
    cells: Sequence[Cell],
    combinations: Combinations,
    excludes: Sequence[Exclude],
    problems: Problems,
    *,
    named: bool,
) -> Compare:
    """Return what is compared, with a baseline that has cells; note where the grid names one that has none.

    Args:
        compare: as `read_compare` gives it.
        axes: those of the grid.
        cells: those of the grid.
        combinations: how the axes are combined.
        excludes: what the grid leaves out.
        problems: where they are noted.
        named: whether the grid names the baseline. Where it does not, and the sample has no cell of the
            first value, the baseline is the value of the first cell.
    """
    if not excludes and combinations.is_product:
        return compare
    drawn = ([cell.varied.get(key, cell.axes.get(key)) for key in compare.axes] for cell in cells)
    arms = dict.fromkeys(combined_label(compare.axes, list(map(label_of, values))) for values in drawn)
    if compare.baseline in arms:
        return compare
    positions = [
        position
        for position in combinations.positions(axes)
        if compare.baseline
        == combined_label(compare.axes, [axes[key].labels[position[key]] for key in compare.axes])
    ]
    if all(any(each.matches(position) for each in excludes) for position in positions):
        why = "since [[exclude]] takes out all of them" if positions else "since the axes are not combined so"
    elif named:
        why = f"since the sample has none; it has {given(list(arms))}"
    else:
        return replace(compare, baseline=next(iter(arms)))
    problems.add("compare.baseline", f"{compare.baseline} has no cell, {why}")
    return compare


def _keys(asked: Any, named: Collection[str], problems: Problems) -> list[str]:
    """Read the compared axes: one, or several in a list, or in a text with commas between them."""
    keys = [key.strip() for key in asked.split(",")] if isinstance(asked, str) else asked
    if not isinstance(keys, list) or not keys:
        problems.add("compare.axis", f"must be an axis of the grid or a list of axes, given {given(asked)}")
        return []
    unknown = [key for key in keys if not isinstance(key, str) or key not in named]
    for key in unknown:
        hint = did_you_mean(key if isinstance(key, str) else "", named)
        problems.add("compare.axis", f"the grid has no axis {given(key)}{hint}")
    twice = [key for key in dict.fromkeys(map(str, keys)) if keys.count(key) > 1]
    if twice and not unknown:
        problems.add("compare.axis", f"names {twice[0]} more than once")
    return [] if unknown or twice else keys


def _baseline(
    wanted: Any, axes: Sequence[Axis], patterns: Patterns, problems: Problems
) -> tuple[int, ...] | None:
    """Find the index of the baseline's value on each compared axis; the first of each unless given."""
    if wanted is None:
        return (0,) * len(axes)
    if len(axes) == 1:
        return _value(axes[0], wanted, patterns, problems)
    if isinstance(wanted, str):
        found = _combination(wanted, axes)
        if found is not None:
            return found
        wanted = [part.strip() for part in wanted.split(",")]
    if not isinstance(wanted, list) or len(wanted) != len(axes):
        first = [axis.labels[0] for axis in axes]
        shape = f"must list a value of each of {', '.join(axis.key for axis in axes)}, as {first}"
        problems.add("compare.baseline", f"{shape}, given {given(wanted)}")
        return None
    values = [_value(axis, value, patterns, problems) for axis, value in zip(axes, wanted, strict=True)]
    return tuple(index for value in values if value for index in value) if all(values) else None


def _value(axis: Axis, wanted: Any, patterns: Patterns, problems: Problems) -> tuple[int] | None:
    if isinstance(wanted, str) and wanted in axis.labels:
        return (axis.labels.index(wanted),)
    meant = sorted(patterns.matching(axis, wanted, "compare.baseline"))
    if len(meant) > 1:
        labels = ", ".join(axis.labels[index] for index in meant)
        problems.add("compare.baseline", f"must be one value, and {given(wanted)} means {labels}")
    return (meant[0],) if meant else None


def _combination(label: str, axes: Sequence[Axis]) -> tuple[int, ...] | None:
    """Find the values whose labels make a label together."""
    # What each choice of values so far leaves of the label: the product of the axes may be far too large.
    found: list[tuple[tuple[int, ...], str]] = [((), label + BETWEEN_LABELS)]
    for axis in axes:
        # Of axes that go together, a label may be there more than once.
        parts = {
            label_in_combination(axis.key, each) + BETWEEN_LABELS: axis.labels.index(each)
            for each in dict.fromkeys(axis.labels)
        }
        found = [
            ((*indices, index), rest.removeprefix(part))
            for indices, rest in found
            for part, index in parts.items()
            if rest.startswith(part)
        ]
    return next((indices for indices, rest in found if not rest), None)
