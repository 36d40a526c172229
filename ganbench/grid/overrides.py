"""[[override]]: settings for some cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.errors import did_you_mean
from ganbench.grid.axes import Axis, axis_key, flat_axes, overlap
from ganbench.grid.canonical import canonical_json
from ganbench.grid.choice import Choice, label_of
from ganbench.grid.named import expand
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import Layer, Schema, lay

if TYPE_CHECKING:
    from ganbench.catalog import Catalog

_KEYS = ("when", "train", "score")


@dataclass(frozen=True, kw_only=True)
class Override:
    """Settings for the cells that match.

    Attributes:
        when: for each axis that matters, the indices of its values that match.
        layer: what is set.
        said: `when` as it was written.
    """

    when: Mapping[str, frozenset[int]]
    layer: Layer
    said: Mapping[str, Any]

    def matches(self, position: Mapping[str, int]) -> bool:
        """Whether it speaks of the cell at these indices of the axes."""
        return all(position[axis] in indices for axis, indices in self.when.items())


def read_overrides(
    tables: Any, axes: Mapping[str, Axis], asked: set[str], catalog: Catalog, schema: Schema, problems: Problems
) -> list[Override]:
    """The overrides of a grid, in order; those with problems left out.

    Args:
        tables: as parsed.
        axes: those that could be read.
        asked: every axis that the file has, readable or not.
        catalog: where names in `when` are looked up.
        schema: what settings may be.
        problems: where they are noted.
    """
    if not isinstance(tables, list):
        problems.add("override", f"must be a list of tables, [[override]], given {given(tables)}")
        return []
    read = [
        read_override(table, axes, asked, catalog, schema, problems, f"override[{index}]")
        for index, table in enumerate(tables)
    ]
    return [override for override in read if override is not None]


def read_override(
    table: Any,
    axes: Mapping[str, Axis],
    asked: set[str],
    catalog: Catalog,
    schema: Schema,
    problems: Problems,
    at: str,
) -> Override | None:
    """One override; None where it cannot be read at all."""
    if not isinstance(table, Mapping):
        problems.add(at, f"must be a table, given {given(table)}")
        return None
    layer: Layer = {}
    for key, value in table.items():
        section, _, setting = key.partition(".")
        if key == "when":
            continue
        if section not in ("train", "score"):
            problems.add(f"{at}.{key}", f"an override has no key {given(key)}{did_you_mean(key, _KEYS)}")
            continue
        # A quoted "score.every" says what score.every says.
        lay(layer, schema.layer(section, {setting: value} if setting else value, f"{at}.{section}"))
    for key in layer_keys(layer):
        for axis in asked:
            if overlap(key, axis):
                problems.add(f"{at}.{key}", f"is the axis {axis}, so an override cannot set it")
    said = table.get("when")
    if not isinstance(said, Mapping):
        wants = "must be a table of axes, such as {loss = 'minimax'}"
        problems.add(f"{at}.when", f"{wants}, given {given(said)}" if "when" in table else f"is missing; it {wants}")
        return None
    when: dict[str, frozenset[int]] = {}
    for axis, wanted in flat_axes(said).items():
        if axis not in asked:
            problems.add(f"{at}.when.{axis}", f"the grid has no axis {given(axis)}{did_you_mean(axis, asked)}")
        elif axis in axes:
            when[axis] = matching(axes[axis], wanted, catalog, schema, problems, f"{at}.when.{axis}")
    return Override(when=when, layer=layer, said=said)


def matching(
    axis: Axis, wanted: Any, catalog: Catalog, schema: Schema, problems: Problems, at: str
) -> frozenset[int]:
    """The indices of an axis' values that a pattern means; a pattern that means none is a problem.

    Args:
        axis: where to look.
        wanted: a name, a label, a table with options, a value, or a list of these.
        catalog: where names are looked up.
        schema: what settings may be.
        problems: where they are noted.
        at: the pattern's key, for messages.
    """
    patterns = wanted if isinstance(wanted, list) else [wanted]
    if axis.is_setting and isinstance(wanted, list) and _takes(axis.key, wanted, schema):
        patterns = [wanted]
    found: set[int] = set()
    for pattern in patterns:
        before = len(problems)
        indices = set(_matches(axis, pattern, catalog, schema, problems, at))
        if not indices and len(problems) == before:
            hint = did_you_mean(pattern if isinstance(pattern, str) else label_of(pattern), axis.labels)
            problems.add(at, f"no value of {axis_key(axis.key)} matches {given(pattern)}{hint}")
        found |= indices
    if not patterns:
        problems.add(at, "matches nothing, given []")
    return frozenset(found)


def _matches(
    axis: Axis, pattern: Any, catalog: Catalog, schema: Schema, problems: Problems, at: str
) -> Iterator[int]:
    if isinstance(pattern, str) and pattern in axis.labels and not _is_name(axis, pattern):
        yield axis.labels.index(pattern)
    elif axis.is_setting:
        wanted = _typed(axis.key, pattern, schema)
        for index, value in enumerate(axis.values):
            if wanted is not None and canonical_json(value) == canonical_json(wanted):
                yield index
    elif isinstance(pattern, str):
        yield from (index for index, value in enumerate(axis.values) if value.name == pattern)
    else:
        for named in expand(axis.key, pattern, catalog, at, problems):  # type: ignore[arg-type]
            for index, value in enumerate(axis.values):
                if value.name == named.choice.name and _has(value, named.options, catalog, axis.key):
                    yield index


def _is_name(axis: Axis, pattern: str) -> bool:
    """Whether a pattern is the bare name of a value: then it matches whatever the options."""
    return not axis.is_setting and any(value.name == pattern for value in axis.values)
