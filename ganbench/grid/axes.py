"""The axes of a grid: what varies, the values of each, and which of them a pattern means."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ganbench.catalog.options import canonical
from ganbench.errors import did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.grid.choice import NONE, Choice, label_of
from ganbench.grid.named import MAX_CELLS, Named, expand, options_in_grid
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import SETTINGS, Schema
from ganbench.grid.settings import BESIDE_IDENTITY

if TYPE_CHECKING:
    from ganbench.catalog import Catalog


NamedAxis = Literal["dataset", "architecture", "loss", "penalty", "augmentation"]
NAMED: tuple[NamedAxis, ...] = get_args(NamedAxis)
COMBINATION_KEYS = ("combine", "zip", "sample")
"""What says at the top of a grid how the values of its axes are combined."""
_DEFAULTS: Mapping[str, list[Any]] = {"penalty": ["none"]}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing that varies.

    Attributes:
        key: dataset, architecture, loss, penalty, augmentation, or a setting's dotted key.
        values: a Choice each for the first five, JSON values for a setting; distinct, unless the axis goes
            together with another, value by value.
        labels: the values' short forms, one each; distinct where the values are.
    """

    key: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]

    @property
    def is_setting(self) -> bool:
        """Whether what varies is a setting of [train] or [score]."""
        return self.key not in NAMED

    @property
    def is_idle(self) -> bool:
        """Whether it says that nothing is augmented, as every grid does that has no such axis."""
        return self.key == "augmentation" and self.values == (NONE,)

    @property
    def kind(self) -> NamedAxis:
        """What the values are the names of.

        Raises:
            ValueError: it is a setting that varies.
        """
        return kind_of(self.key)


def axis_key(key: str) -> str:
    """Write an axis' key as a file and a message do."""
    return f'axes."{key}"' if "." in key else f"axes.{key}"


def flat_axes(table: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten tables of axes to dotted keys: unquoted dotted keys come as nested tables."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if key in ("train", "score") and isinstance(value, Mapping):
            flat.update(_flatten(key, value))
        else:
            flat[key] = value
    return flat


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}.{key}", value)
        else:
            yield f"{prefix}.{key}", value


def read_axes(
    table: Mapping[str, Any],
    catalog: Catalog,
    schema: Schema,
    problems: Problems,
    zipped: Collection[str] = (),
) -> dict[str, Axis]:
    """Read the axes of a grid, the named five first, then settings in the file's order, without faulty ones.

    Args:
        table: as `flat_axes` gives it.
        catalog: where names are looked up.
        schema: what settings may be.
        problems: where they are noted.
        zipped: the keys of those that go together with others, which may have a value more than once.
    """
    settings = [key for key in table if key not in NAMED]
    axes: dict[str, Axis] = {}
    for key in (*NAMED, *settings):
        values = table.get(key, _DEFAULTS.get(key))
        at = axis_key(key)
        if key == "augmentation" and values is None:
            axes[key] = Axis(key=key, values=(NONE,), labels=(NONE.label,))
            continue
        if key not in NAMED and not _may_vary(key, at, schema, problems):
            continue
        if key not in table and values is None:
            problems.add(at, "is missing; a grid needs at least one value of it")
            continue
        if not isinstance(values, list) or not values:
            problems.add(at, f"must be a list of at least one value, given {given(values)}")
            continue
        if len(values) > MAX_CELLS:
            problems.add(at, f"has {len(values)} values; at most {MAX_CELLS}")
            continue
        read: list[Any] = []
        complete = True
        for index, value in enumerate(values):
            if key in NAMED:
                found = [
                    named.choice for named in expand(kind_of(key), value, catalog, f"{at}[{index}]", problems)
                ]
            else:
                found = schema.value(key, value, f"{at}[{index}]")
            read += found
            complete = complete and bool(found)
            if len(read) > MAX_CELLS:
                problems.add(at, f"has more than {MAX_CELLS} values")
                complete = False
                break
        if complete and (key in zipped or _distinct(read, at, problems)):
            axes[key] = Axis(key=key, values=tuple(read), labels=tuple(_label(value) for value in read))
    _refuse_overlaps(settings, schema, problems)
    return axes


def overlap(one: str, other: str) -> bool:
    """Tell whether two dotted keys name the same setting, or one a part of the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def kind_of(key: str) -> NamedAxis:
    """Return the kind of component that an axis' values name.

    Raises:
        ValueError: the key is a setting's.
    """
    for kind in NAMED:
        if kind == key:
            return kind
    raise ValueError(f"{key} is a setting")


def _may_vary(key: str, at: str, schema: Schema, problems: Problems) -> bool:
    if key not in SETTINGS and key not in schema.settings:
        near = did_you_mean(key, (*NAMED, *schema.settings))
        # The whole list would be longer than a line.
        hint = (
            near if near.startswith("; did") else f"; valid: {', '.join(NAMED)}, or a setting as train.steps"
        )
        problems.add(at, f"no axis or setting is named {given(key)}{hint}")
        return False
    if key.removeprefix("train.") in BESIDE_IDENTITY:
        problems.add(at, f"{key} cannot be an axis: what is trained does not depend on it")
        return False
    return True


def _distinct(values: list[Any], at: str, problems: Problems) -> bool:
    seen: set[str] = set()
    for value in values:
        text = canonical_json(value.canonical() if isinstance(value, Choice) else value)
        if text in seen:
            problems.add(at, f"has {_label(value)!r} twice")
            return False
        seen.add(text)
    return True


def _label(value: Any) -> str:
    return value.label if isinstance(value, Choice) else label_of(value)


def _refuse_overlaps(settings: list[str], schema: Schema, problems: Problems) -> None:
    for index, key in enumerate(settings):
        for other in settings[:index]:
            if overlap(key, other) and (key in SETTINGS or key in schema.settings):
                problems.add(axis_key(key), f"speaks of the same setting as the axis {other}")


class Patterns:
    """Matches patterns, with what is needed to read them at hand."""

    def __init__(self, catalog: Catalog, schema: Schema, problems: Problems) -> None:
        self._catalog = catalog
        self._schema = schema
        self._problems = problems

    def matching(self, axis: Axis, wanted: Any, at: str) -> frozenset[int]:
        """List the indices of an axis' values that a pattern matches; note a problem where it matches none.

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
            if self._means(value, wanted, axis)
        ]

    def _means(self, value: Choice, wanted: Named, axis: Axis) -> bool:
        """Tell whether a pattern means a value: the same name, or a sum of the same terms in any order."""
        if not wanted.terms or len(value.parts) == 1:
            return value.name == wanted.choice.name and self._has(value, wanted.options, axis)
        return len(value.parts) == len(wanted.terms) and any(
            all(self._means(part, term, axis) for part, term in zip(parts, wanted.terms, strict=True))
            for parts in itertools.permutations(value.parts)
        )

    def _has(self, value: Choice, options: Mapping[str, Any], axis: Axis) -> bool:
        known = options_in_grid(axis.kind, value.name, self._catalog)
        return all(
            canonical_json(value.options.get(name, canonical(known[name].default))) == canonical_json(wanted)
            for name, wanted in options.items()
        )
