"""A named thing with its options: one value of an axis, a metric, an extractor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.files.canonical import canonical_json

_BARE = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+ -]*")


@dataclass(frozen=True)
class Choice:
    """What a plugin provides, by name, set to options.

    Attributes:
        name: as the plugin registered it.
        options: those given that differ from their default, as JSON values.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The stable short form: `dcgan`, `dcgan[channels=[32,64],norm=batch]`."""
        return label_of(self.as_json())

    @property
    def parts(self) -> tuple[Choice, ...]:
        """The choices that it consists of: itself, or the terms of a sum."""
        return (self,)

    def as_json(self) -> Any:
        """Write it as a grid file would: `{"name": ..., option: value, ...}`."""
        return {"name": self.name, **dict(sorted(self.options.items()))}

    def canonical(self) -> dict[str, Any]:
        """Write it as identities and seeds hash it; the name apart, since an option may be called `name`."""
        return {"name": self.name, "options": dict(self.options)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return canonical_json(self.canonical()) == canonical_json(other.canonical())

    def __hash__(self) -> int:
        return hash(canonical_json(self.canonical()))


class ChoiceSum(Choice):
    """The sum of several penalties, whatever the order in which they were given."""

    def __init__(self, parts: Iterable[Choice]) -> None:
        """Take at least two choices, no two of them equal."""
        ordered = tuple(sorted(parts, key=lambda part: canonical_json(part.canonical())))
        super().__init__("+".join(part.name for part in ordered))
        object.__setattr__(self, "_parts", ordered)

    @property
    def parts(self) -> tuple[Choice, ...]:
        """The terms, in the order of their canonical forms."""
        ordered: tuple[Choice, ...] = object.__getattribute__(self, "_parts")
        return ordered

    @property
    def label(self) -> str:
        """The labels of the terms: `r1[weight=0.3]+r2`."""
        return "+".join(part.label for part in self.parts)

    def as_json(self) -> list[Any]:
        """Write it as a grid file would: the list of its terms."""
        return [part.as_json() for part in self.parts]

    def canonical(self) -> dict[str, Any]:
        """Write it as identities and seeds hash it: the terms in their canonical order."""
        return {"sum": [part.canonical() for part in self.parts]}


NONE = Choice("none")
"""No augmentation: it is left out of identities, streams, records and stored grids."""


def choice_of(value: Mapping[str, Any]) -> Choice:
    """Rebuild a Choice from its `as_json`."""
    return Choice(value["name"], {key: option for key, option in value.items() if key != "name"})


def label_of(value: Any) -> str:
    """Write a setting's value as short text.

    A string is itself, a table is its name with the rest in brackets, anything else is compact JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        name = value.get("name", "")
        rest = ",".join(f"{key}={_option_text(value[key])}" for key in sorted(value) if key != "name")
        return f"{name}[{rest}]" if rest else str(name)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _option_text(value: Any) -> str:
    # Text in quotes where it could be taken for a number, or for the next option.
    if isinstance(value, str) and (value in ("true", "false", "null") or not _BARE.fullmatch(value)):
        return json.dumps(value, ensure_ascii=False)
    return label_of(value)
