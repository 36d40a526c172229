"""[[override]] and [[exclude]]: settings for some cells, and combinations that are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.errors import did_you_mean
from ganbench.grid.axes import Axis, Patterns, flat_axes, overlap
from ganbench.grid.merged_settings import Layer, merge_layer
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import SECTIONS, Schema

_KEYS = ("when", *SECTIONS, "cluster")
_NEEDS = {"num_gpus": "a number of GPUs above 0", "mem_gb": "a number of gibibytes above 0"}
_MAX_NEED = 100_000


@dataclass(frozen=True, kw_only=True)
class Override:
    """Settings for the cells that match.

    Attributes:
        when: for each axis that matters, the indices of its values that match.
        layer: what is set.
        said: `when` as it was written.
        needs: `num_gpus` and `mem_gb` that a cluster is to set aside for each of the cells.
    """

    when: Mapping[str, frozenset[int]]
    layer: Layer
    said: Mapping[str, Any]
    needs: Mapping[str, float] = field(default_factory=dict)

    def matches(self, position: Mapping[str, int]) -> bool:
        """Tell whether it speaks of the cell at these indices of the axes."""
        return _matches(self.when, position)


@dataclass(frozen=True, kw_only=True)
class Exclude:
    """Combinations of the axes' values that the grid leaves out.

    Attributes:
        when: for each axis that matters, the indices of its values that match; at least one axis.
        said: `when` as it was written.
    """

    when: Mapping[str, frozenset[int]]
    said: Mapping[str, Any]

    def matches(self, position: Mapping[str, int]) -> bool:
        """Tell whether it takes out the combination at these indices of the axes."""
        return _matches(self.when, position)


def read_overrides(
    tables: Any,
    axes: Mapping[str, Axis],
    asked: set[str],
    patterns: Patterns,
    schema: Schema,
    problems: Problems,
) -> list[Override]:
    """Read the overrides of a grid, in order; those with problems are left out.

    Args:
        tables: as parsed.
        axes: those that could be read.
        asked: every axis that the file has, readable or not.
        patterns: what finds the values that `when` means.
        schema: what settings may be.
        problems: where they are noted.
    """
    if not isinstance(tables, list):
        problems.add("override", f"must be a list of tables, [[override]], given {given(tables)}")
        return []
    read = [
        _read_override(table, axes, asked, patterns, schema, problems, f"override[{index}]")
        for index, table in enumerate(tables)
    ]
    return [override for override in read if override is not None]


def _read_override(
    table: Any,
    axes: Mapping[str, Axis],
    asked: set[str],
    patterns: Patterns,
    schema: Schema,
    problems: Problems,
    at: str,
) -> Override | None:
    if not isinstance(table, Mapping):
        problems.add(at, f"must be a table, given {given(table)}")
        return None
    layer: Layer = {}
    needs: dict[str, float] = {}
    for key, value in table.items():
        section, _, setting = key.partition(".")
        if key == "when":
            continue
        if section == "cluster":
            needs |= _read_needs({setting: value} if setting else value, problems, f"{at}.cluster")
            continue
        if section not in SECTIONS:
            problems.add(f"{at}.{key}", f"an override has no key {given(key)}{did_you_mean(key, _KEYS)}")
            continue
        # A quoted "score.every" says what score.every says.
        merge_layer(layer, schema.layer(section, {setting: value} if setting else value, f"{at}.{section}"))
    for key in layer_keys(layer):
        for axis in asked:
            if overlap(key, axis):
                problems.add(f"{at}.{key}", f"is the axis {axis}, so an override cannot set it")
    when = _read_when(table, axes, asked, patterns, problems, at)
    return None if when is None else Override(when=when, layer=layer, said=table["when"], needs=needs)


def _read_needs(table: Any, problems: Problems, at: str) -> dict[str, float]:
    """Read what a cluster is to set aside; what is wrong is noted and left out."""
    if not isinstance(table, Mapping):
        problems.add(at, f"must be a table, given {given(table)}")
        return {}
    needs: dict[str, float] = {}
    for name, value in table.items():
        if name not in _NEEDS:
            hint = did_you_mean(name, _NEEDS)
            problems.add(f"{at}.{name}", f"a cell needs no {given(name)} of a cluster{hint}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_NEED:
            problems.add(f"{at}.{name}", f"must be {_NEEDS[name]}, given {given(value)}")
        else:
            needs[name] = value
    return needs


def read_excludes(
    tables: Any, axes: Mapping[str, Axis], asked: set[str], patterns: Patterns, problems: Problems
) -> list[Exclude]:
    """Read the [[exclude]] tables of a grid, in order; those with problems are left out.

    Args:
        tables: as parsed.
        axes: those that could be read.
        asked: every axis that the file has, readable or not.
        patterns: finds the values that `when` means.
        problems: where problems are noted.
    """
    if not isinstance(tables, list):
        problems.add("exclude", f"must be a list of tables, [[exclude]], given {given(tables)}")
        return []
    read = []
    for index, table in enumerate(tables):
        at = f"exclude[{index}]"
        if not isinstance(table, Mapping):
            problems.add(at, f"must be a table, given {given(table)}")
            continue
        for key in table:
            if key != "when":
                hint = did_you_mean(key, ("when",))
                problems.add(f"{at}.{key}", f"an exclude has no key {given(key)}{hint}")
        when = _read_when(table, axes, asked, patterns, problems, at)
        if when is not None and not table["when"]:
            problems.add(f"{at}.when", "must name an axis, given {}, which would leave no cell")
        elif when is not None:
            read.append(Exclude(when=when, said=table["when"]))
    return read


def _matches(when: Mapping[str, frozenset[int]], position: Mapping[str, int]) -> bool:
    return all(position[axis] in indices for axis, indices in when.items())


def _read_when(
    table: Mapping[str, Any],
    axes: Mapping[str, Axis],
    asked: set[str],
    patterns: Patterns,
    problems: Problems,
    at: str,
) -> dict[str, frozenset[int]] | None:
    """Read the `when` of a table; None where it is missing or no table, which is noted."""
    said = table.get("when")
    if not isinstance(said, Mapping):
        wants = "must be a table of axes, such as {loss = 'minimax'}"
        problems.add(
            f"{at}.when", f"{wants}, given {given(said)}" if "when" in table else f"is missing; it {wants}"
        )
        return None
    when: dict[str, frozenset[int]] = {}
    for axis, wanted in flat_axes(said).items():
        if axis not in asked:
            problems.add(
                f"{at}.when.{axis}", f"the grid has no axis {given(axis)}{did_you_mean(axis, asked)}"
            )
        elif axis in axes:
            when[axis] = patterns.matching(axes[axis], wanted, f"{at}.when.{axis}")
    return when


def layer_keys(layer: Layer) -> Iterator[str]:
    """List the dotted keys that a layer sets, an optimizer's options each by its own."""
    for key, value in layer.items():
        if isinstance(value, dict) and key.startswith("train."):
            yield from (f"{key}.{option}" for option in value)
        else:
            yield key
