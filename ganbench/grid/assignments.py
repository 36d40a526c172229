"""--set key=value: changes to a grid from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.errors import GridError, did_you_mean
from ganbench.grid.axes import COMBINATION_KEYS, NAMED
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import SETTINGS, settings_with
from ganbench.grid.source import parse_text

if TYPE_CHECKING:
    from ganbench.catalog import Catalog

_OTHERS = ("name", "seeds", *COMBINATION_KEYS, "compare.axis", "compare.baseline", "compare.pairs")
# A value that begins so is TOML that went wrong, and not a word without quotes.
TOML_STARTS = ("[", "{", '"', "'")
_WORD = re.compile(r"[^\x00-\x1f\x7f\"']+")


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One --set.

    Attributes:
        key: dotted; an axis' key after `axes.` is without quotes.
        value: parsed.
        text: as it was given, for messages.
    """

    key: str
    value: Any
    text: str


def read_assignments(
    texts: Sequence[str], problems: Problems, catalog: Catalog | None = None
) -> list[Assignment]:
    """Read the values of --set, in order, TOML or bare words; those that have problems are left out.

    Args:
        texts: as they were given.
        problems: where they are noted.
        catalog: has the optimizers of plugins, whose options may be set too.
    """
    read: list[Assignment] = []
    for text in texts:
        key, equals, written = text.partition("=")
        key, written = key.strip(), written.strip()
        where = f"--set {given(text)[1:-1]}"
        if not equals or not key or not written:
            problems.note(f"{where}: must be key=value, such as train.steps=200")
            continue
        key = _plain(key)
        setting = key.removeprefix("axes.")
        if key not in _OTHERS and setting not in SETTINGS and not (setting != key and setting in NAMED):
            settings = SETTINGS if catalog is None else settings_with(catalog)
            if setting not in settings:
                problems.note(f"{where}: there is no setting {given(key)}{_near(key, settings)}")
                continue
        try:
            value = parse_value(written)
        except ValueError as problem:
            problems.note(f"{where}: {problem}")
            continue
        if any(other.key == key and other.value != value for other in read):
            problems.note(f"{where}: {key} is set before to another value; set it once")
            continue
        read.append(Assignment(key=key, value=value, text=where))
    return read


def _near(key: str, settings: Sequence[str]) -> str:
    axes = (f"axes.{axis}" for axis in (*NAMED, *settings))
    near = did_you_mean(key, (*_OTHERS, *settings, *axes))
    # The whole list would be longer than a line.
    return near if near.startswith("; did") else "; such as train.steps, score.samples, seeds or axes.loss"


def _plain(key: str) -> str:
    """Remove the quotes of `axes."train.steps"`, which a shell may or may not have taken away."""
    start, dot, rest = key.partition(".")
    if start == "axes" and len(rest) > 2 and rest[0] == rest[-1] and rest[0] in "\"'":
        return start + dot + rest[1:-1]
    return key


def parse_value(written: str) -> Any:
    """Parse TOML text as a value; a bare word is text.

    Raises:
        ValueError: it is neither.
    """
    try:
        parsed = parse_text(f"value = {written}", "")
    except GridError as error:
        if not written.startswith(TOML_STARTS) and _WORD.fullmatch(written):
            return written
        raise ValueError(str(error).removeprefix(": ")) from None
    if set(parsed) != {"value"}:
        raise ValueError("must be a single value")
    return parsed["value"]
