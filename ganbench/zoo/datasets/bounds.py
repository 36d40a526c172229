"""Bounds of the data sets' options; those that depend on the data are refused by name, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from annotated_types import Ge, Interval, MinLen

from ganbench.errors import DatasetError
from ganbench.files.resizing import MAX_SIDE, MIN_SIDE

MAX_SAMPLES = 10_000_000
MAX_MODES = 10_000
# Squares of what lies between are far from both ends of float32.
MIN_LENGTH, MAX_LENGTH = 1e-6, 1e6

SampleCount = Annotated[int, Interval(ge=1, le=MAX_SAMPLES)]
Length = Annotated[float, Interval(ge=MIN_LENGTH, le=MAX_LENGTH)]
"""A distance, a deviation or a weight."""
Coordinate = Annotated[float, Interval(ge=-MAX_LENGTH, le=MAX_LENGTH)]
Seed = Annotated[int, Ge(0)]
Side = Annotated[int, Interval(ge=MIN_SIDE, le=MAX_SIDE)]
"""Pixels along a side of a square image."""
Limit = Annotated[int, Ge(1)]
"""How many train images are kept; not more than there are."""
Classes = Annotated[tuple[Annotated[int, Ge(0)], ...], MinLen(1)]
"""Classes that are kept, by their numbers, each once."""


def refuse(dataset: str, problems: Sequence[str | None]) -> None:
    """Refuses the options of a data set.

    Args:
        dataset: its name.
        problems: what the functions below found; None where all is well.

    Raises:
        DatasetError: there is a problem; with a line for each.
    """
    found = [f"dataset {dataset!r}: {problem}" for problem in problems if problem is not None]
    if found:
        raise DatasetError(*found)


@contextmanager
def naming(dataset: str) -> Iterator[None]:
    """Put the name of a data set before each problem that reading its files raises.

    Raises:
        DatasetError: one was raised; it has the name once.
    """
    try:
        yield
    except DatasetError as error:
        own = f"dataset {dataset!r}: "
        raise DatasetError(*(own + each.removeprefix(own) for each in error.problems)) from error


def count(option: str, given: int, most: int) -> str | None:
    """Describe what is wrong with a count that must be 1 to `most`; None where nothing is."""
    return _problem(option, given, f"from 1 to {most}", 1 <= given <= most)


def subset(option: str, given: tuple[int, ...] | None, count: int) -> str | None:
    """Describe what is wrong with a choice of classes; None where nothing is, or nothing was chosen."""
    if given is None:
        return None
    fits = len(given) > 0 and len(set(given)) == len(given) and all(0 <= item < count for item in given)
    return _problem(option, list(given), f"distinct integers from 0 to {count - 1}, at least one", fits)


def _problem(option: str, given: object, wanted: str, fits: bool) -> str | None:
    return None if fits else f"{option} must be {wanted}, given {given!r}"
