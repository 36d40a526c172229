"""The list of everything wrong with one grid, each line ready to print."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ganbench.errors import GridError

if TYPE_CHECKING:
    from ganbench.catalog import Kind

# A file that is wrong everywhere is not explained by its thousandth line.
MAX_LINES = 100

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 3, 8, 8
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 60


def given(value: Any) -> str:
    """Write a value as a message shows it: short, on one line."""
    return " ".join(_SHORT.repr(value).split())


class Problems:
    """Collects problems while a grid is read, so that all of them are reported at once.

    Attributes:
        where: the file, or what else a problem's line begins with.
        unknown_hint: says where a kind and a name that nothing provides may be found; empty for nowhere.
    """

    def __init__(self, where: str, unknown_hint: Callable[[Kind, str], str] = lambda kind, name: "") -> None:
        self.where = where
        self.unknown_hint = unknown_hint
        self._lines: dict[str, None] = {}  # in order, each once
        self._origins: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def came_from(self, origins: Mapping[str, str]) -> None:
        """Say which keys the command line gave, and how: problems with these name that, not the file."""
        self._origins.update(origins)

    def add(self, key: str, problem: str) -> None:
        """Note a problem with a key (`train.steps`, `axes.loss[1]`; empty for the file itself), once."""
        for origin, text in self._origins.items():
            if key == origin or key.startswith((f"{origin}.", f"{origin}[")):
                self.note(f"{text}: {key}: {problem}")
                return
        self.note(f"{self.where}: {key}: {problem}" if key else f"{self.where}: {problem}")

    def note(self, line: str) -> None:
        """Note a line that already says where, once.

        Raises:
            GridError: there are too many to go on.
        """
        if len(self._lines) == MAX_LINES and line not in self._lines:
            raise GridError(*self._lines, f"{self.where}: and more like these")
        self._lines.setdefault(line)

    def raise_any(self) -> None:
        """Raise what has been collected.

        Raises:
            GridError: there is any problem.
        """
        if self._lines:
            raise GridError(*self._lines)
