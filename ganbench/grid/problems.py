"""The list of everything wrong with one grid, each line ready to print."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from ganbench.errors import GridError

# A file that is wrong everywhere is not explained by its thousandth line.
SHOWN = 50

_SHORT = reprlib.Repr(
    maxlevel=3, maxtuple=8, maxlist=8, maxdict=8, maxset=8, maxstring=60, maxlong=40, maxother=60
)


def given(value: Any) -> str:
    """A value as a message shows it: short, on one line."""
    return " ".join(_SHORT.repr(value).split())


class Problems:
    """Collects problems while a grid is read, so that all of them are reported at once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._lines: list[str] = []
        self._origins: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def came_from(self, origins: Mapping[str, str]) -> None:
        """Say which keys were given on the command line, and how: problems with these name that instead of the file."""
        self._origins.update(origins)

    def add(self, key: str, problem: str) -> None:
        """Note a problem with a key (`train.steps`, `axes.loss[1]`; empty for the file itself), once."""
        for origin, text in self._origins.items():
            if key == origin or key.startswith((f"{origin}.", f"{origin}[")):
                line = f"{text}: {key}: {problem}"
                break
        else:
            line = f"{self.where}: {key}: {problem}" if key else f"{self.where}: {problem}"
        if line not in self._lines:
            self._lines.append(line)

    def raise_any(self) -> None:
        """Raise what has been collected.

        Raises:
            GridError: there is any problem.
        """
        if self._lines:
            more = len(self._lines) - SHOWN
            rest = [f"{self.where}: and {more} more like these"] if more > 0 else []
            raise GridError(*self._lines[:SHOWN], *rest)
