"""Names with options on a command line: short as tables show them, or TOML as a grid file has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ganbench.grid.assignments import TOML_STARTS, parse_value
from ganbench.grid.problems import given

_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*")
_KEY = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*")
# As `label_of` writes text without quotes.
_WORD = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+ -]*")
_SPACE = re.compile(r"\s*")
_WORDS = {"true": True, "false": False, "null": None}


def read_labels(text: str) -> list[Any]:
    """Read the names that a text lists, each alone or as a table with `name` and options, as a grid has them.

    Args:
        text: `fid,kid[subset_size=100]`, where a value is JSON or a bare word; or TOML: a table
            `{name = "kid", subset_size = 100}`, or a list of names and tables.

    Raises:
        ValueError: it is neither; with where.
    """
    if text.lstrip().startswith(TOML_STARTS):
        value = parse_value(text.strip())
        return value if isinstance(value, list) else [value]
    return list(_Label(text).items())


class _Label:
    """A short text while it is read, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def items(self) -> Iterator[Any]:
        while True:
            yield self._item()
            if self._at == len(self._text):
                return
            self._expect(",")

    def _item(self) -> Any:
        name = self._match(_NAME, "a name").strip()
        if not self._take("["):
            return name
        item = {"name": name}
        while True:
            key = self._match(_KEY, "option=value").rstrip("= \t").strip()
            if key in item:
                raise ValueError(f"{name!r} has the option {key!r} twice")
            item[key] = self._value()
            if self._take("]"):
                self._match(_SPACE, "")
                return item
            self._expect(",")

    def _value(self) -> Any:
        if word := _WORD.match(self._text, self._at):
            if self._text.startswith("[", word.end()):
                return self._item()  # A choice, with options of its own.
            self._at = word.end()
            return _WORDS.get(word.group(), word.group())
        try:
            value, self._at = json.JSONDecoder(parse_constant=_refuse).raw_decode(self._text, self._at)
        except (ValueError, RecursionError):
            raise ValueError(f"expected a value at {given(self._text[self._at :])}") from None
        self._match(_SPACE, "")
        return value

    def _match(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._unexpected(expected)
        self._at = found.end()
        return found.group()

    def _take(self, sign: str) -> bool:
        found = self._text.startswith(sign, self._at)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected(f"{sign!r}")

    def _unexpected(self, expected: str) -> ValueError:
        rest = self._text[self._at :]
        where = f"at {given(rest)}" if rest else "at its end"
        return ValueError(f"expected {expected} {where}; write it as kid[subset_size=100]")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
