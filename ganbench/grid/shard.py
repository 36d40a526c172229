"""A part of a grid's cells, for schedulers that start one run per part."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from ganbench.errors import GridError

# As a user writes it; 0/16 and 17/16 are told apart from what is no shard at all.
_TEXT = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, order=True)
class Shard:
    """One of several parts of a grid.

    Attributes:
        index: which, from 1 to `count`.
        count: how many parts the grid's cells are dealt to.
    """

    index: int
    count: int

    @classmethod
    def read(cls, given: Any, name: str = "shard") -> Self:
        """Read `3/16`, or the pair (3, 16); a shard stays as it is.

        Args:
            given: what the user gave.
            name: the argument's or option's, for messages.

        Raises:
            GridError: it is neither, or out of range.
        """
        if isinstance(given, cls):
            pair: tuple[Any, ...] = (given.index, given.count)
        elif isinstance(given, str) and (match := _TEXT.fullmatch(given)):
            pair = (int(match[1]), int(match[2]))
        else:
            pair = tuple(given) if isinstance(given, tuple | list) else ()
        if len(pair) != 2 or not all(isinstance(each, int) and not isinstance(each, bool) for each in pair):
            raise GridError(f"{name}: must be I/N, as 3/16 for the third of sixteen parts, given {given!r}")
        index, count = pair
        if not 1 <= index <= count:
            raise GridError(f"{name}: must be from 1/N to N/N, given {index}/{count}")
        return cls(index, count)

    def __str__(self) -> str:
        """Write it as the option takes it."""
        return f"{self.index}/{self.count}"

    @property
    def words(self) -> str:
        """Name it in a sentence."""
        return f"shard {self.index} of {self.count}"

    @property
    def suffix(self) -> str:
        """Give what its results folder has after the grid's name, where no folder is given."""
        return f"-{self.index}-of-{self.count}"

    def pick(self, ids: Iterable[str]) -> set[str]:
        """Deal cells and keep those of this part.

        Cells are dealt one by one in the order of their ids, which are hashes: every part gets a mixture, and
        which cells it gets depends on nothing but the grid.
        """
        return set(sorted(ids)[self.index - 1 :: self.count])


ShardSource: TypeAlias = str | tuple[int, int] | Shard
"""A shard as a script gives it: `3/16`, (3, 16), or a Shard."""
