"""Which values of an axis a grid means, where it speaks of them again: in `when`, and as a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ganbench.catalog.options import canonical
from ganbench.errors import did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.grid.axes import Axis, axis_key
from ganbench.grid.choice import Choice, label_of
from ganbench.grid.named import expand
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import Schema

if TYPE_CHECKING:
    from ganbench.catalog import Catalog


class Patterns:
    """Matches patterns, with what is needed to read them at hand."""

    def __init__(self, catalog: Catalog, schema: Schema, problems: Problems) -> None:
        self._catalog = catalog
        self._schema = schema
        self._problems = problems

    def matching(self, axis: Axis, wanted: Any, at: str) -> frozenset[int]:
        """The indices of an axis' values that are meant; a pattern that means none is noted as a problem.

        Args:
            axis: where to look.
            wanted: a name (whatever the options), a label, a table (whose options must be so), a setting's
                value, or a list of these.
            at: its key, for messages.
        """
        patterns = wanted if isinstance(wanted, list) else [wanted]
        if (
            axis.is_setting
            and isinstance(wanted, list)
            and self._schema.attempt(axis.key, wanted) is not None
        ):
            patterns = [wanted]
        if not patterns:
            self._problems.add(at, f"matches nothing of {axis_key(axis.key)}, given []")
        found: set[int] = set()
        for pattern in patterns:
            noted = len(self._problems)
            indices = set(self._matches(axis, pattern, at))
            if not indices and len(self._problems) == noted:
                hint = did_you_mean(pattern if isinstance(pattern, str) else label_of(pattern), axis.labels)
                self._problems.add(at, f"no value of {axis_key(axis.key)} matches {given(pattern)}{hint}")
            found |= indices
        return frozenset(found)

    def _matches(self, axis: Axis, pattern: Any, at: str) -> Iterable[int]:
        if axis.is_setting:
            typed = self._schema.attempt(axis.key, pattern)
            if typed is not None:
                wanted = canonical_json(typed)
                return [index for index, value in enumerate(axis.values) if canonical_json(value) == wanted]
            return [index for index, label in enumerate(axis.labels) if label == pattern]
        if isinstance(pattern, str):
            named = [index for index, value in enumerate(axis.values) if value.name == pattern]
            return named or [index for index, label in enumerate(axis.labels) if label == pattern]
        return [
            index
            for wanted in expand(axis.kind, pattern, self._catalog, at, self._problems)
            for index, value in enumerate(axis.values)
            if value.name == wanted.choice.name and self._has(value, wanted.options, axis)
        ]

    def _has(self, value: Choice, options: Mapping[str, Any], axis: Axis) -> bool:
        known = self._catalog.entry(axis.kind, value.name).options
        return all(
            canonical_json(value.options.get(name, canonical(known[name].default))) == canonical_json(wanted)
            for name, wanted in options.items()
        )
