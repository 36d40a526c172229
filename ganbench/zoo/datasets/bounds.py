"""What the options of a data set may be; all that are out of range are refused at once, by name."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import DatasetError

MOST_SAMPLES = 10_000_000
MOST_MODES = 10_000
# Squares of what lies between are far from both ends of float32.
LEAST_SIZE, MOST_SIZE = 1e-6, 1e6
LEAST_SIDE, MOST_SIDE = 4, 1024


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


def count(option: str, given: int, most: int) -> str | None:
    """The problem of a number of things, from 1 to `most`, or None."""
    return _problem(option, given, f"from 1 to {most}", 1 <= given <= most)


def size(option: str, given: float, least: float = LEAST_SIZE) -> str | None:
    """The problem of a length or a deviation, or None; NaN and infinity have one."""
    fits = least <= given <= MOST_SIZE
    return _problem(option, given, f"from {least:g} to {MOST_SIZE:g}", fits)


def place(option: str, given: float) -> str | None:
    """The problem of a coordinate, or None; NaN and infinity have one."""
    fits = -MOST_SIZE <= given <= MOST_SIZE
    return _problem(option, given, f"from {-MOST_SIZE:g} to {MOST_SIZE:g}", fits)


def side(option: str, given: int | None, most: int = MOST_SIDE) -> str | None:
    """The problem of an image's side in pixels, or None; an option that is not given has none."""
    return _problem(
        option, given, f"from {LEAST_SIDE} to {most}", given is None or LEAST_SIDE <= given <= most
    )


def subset(option: str, given: tuple[int, ...] | None, count: int) -> str | None:
    """The problem of a choice among so many classes, or None; an option that is not given has none."""
    if given is None:
        return None
    fits = len(given) > 0 and len(set(given)) == len(given) and all(0 <= item < count for item in given)
    return _problem(option, list(given), f"distinct integers from 0 to {count - 1}, at least one", fits)


def seed_in_range(given: int) -> str | None:
    """The problem of a seed, or None."""
    return _problem("seed", given, "from 0 to 2^63-1", 0 <= given < 2**63)


def _problem(option: str, given: object, wanted: str, fits: bool) -> str | None:
    return None if fits else f"{option} must be {wanted}, given {given!r}"
