"""Which combinations of the axes' values a grid has: all, one change at a time, or a sample of them."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.errors import did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.grid.axes import Axis
from ganbench.grid.choice import Choice
from ganbench.grid.problems import Problems, given

if TYPE_CHECKING:
    from ganbench.grid.overrides import Exclude

COMBINE = ("product", "one_at_a_time")
# Each combination of a product that a sample is drawn from is hashed: this many take a second or two.
MAX_SAMPLED_FROM = 250_000

Position = Mapping[str, int]
"""One combination, as the index of each axis' value."""


@dataclass(frozen=True, kw_only=True)
class Combinations:
    """How the values of the axes are combined.

    Attributes:
        combine: one of COMBINE.
        zipped: the keys of axes that go together, value by value, in groups of two or more.
        sample: how many combinations are drawn; None for all of them.
    """

    combine: str = COMBINE[0]
    zipped: tuple[tuple[str, ...], ...] = ()
    sample: int | None = None

    @property
    def is_product(self) -> bool:
        """Whether every value of each axis meets every value of all others."""
        return self == Combinations()

    @property
    def one_at_a_time(self) -> bool:
        """Whether each value but the first of its axis stands with the first values of all others only."""
        return self.combine == COMBINE[1]

    def count(self, axes: Mapping[str, Axis]) -> int:
        """Count the combinations before any is excluded or drawn."""
        lengths = [len(axes[unit[0]].values) for unit in self._units(axes)]
        return 1 + sum(length - 1 for length in lengths) if self.one_at_a_time else math.prod(lengths)

    def positions(self, axes: Mapping[str, Axis]) -> Iterator[Position]:
        """Yield the combinations before any is excluded or drawn, in the order of the axes."""
        units = self._units(axes)
        ranges = [range(len(axes[unit[0]].values)) for unit in units]
        indices: Iterator[tuple[int, ...]] = itertools.product(*ranges)
        if self.one_at_a_time:
            first = (0,) * len(units)
            alone = (
                (*first[:unit], index, *first[unit + 1 :])
                for unit, values in enumerate(ranges)
                for index in values[1:]
            )
            indices = itertools.chain([first], alone)
        for chosen in indices:
            position = {key: index for unit, index in zip(units, chosen, strict=True) for key in unit}
            yield {key: position[key] for key in axes}

    def kept(
        self, axes: Mapping[str, Axis], excludes: Sequence[Exclude], problems: Problems
    ) -> list[Position]:
        """List the combinations that no exclude takes out; none, with the problem noted, where none is left.

        Args:
            axes: those of the grid.
            excludes: what is taken out. One that matches none of the combinations is a problem.
            problems: where they are noted.
        """
        every = list(self.positions(axes))
        if self.one_at_a_time or self.zipped:
            # In a product, an exclude whose values exist always matches.
            for index, exclude in enumerate(excludes):
                if not any(map(exclude.matches, every)):
                    problems.add(f"exclude[{index}].when", "matches no combination that the grid has")
        left = [position for position in every if not any(each.matches(position) for each in excludes)]
        if not left:
            problems.add("exclude", "takes out every combination of the axes; leave at least one")
        return left

    def drawn(self, axes: Mapping[str, Axis], kept: Sequence[Position], problems: Problems) -> list[Position]:
        """Draw the sample, in the order of the combinations; all of them where there is none.

        Those are drawn whose hashes are the lowest, and a hash is made of the combination's values alone. So
        the draw is the same everywhere, and a larger sample has all combinations of a smaller one.

        Args:
            axes: those of the grid.
            kept: the combinations to draw from.
            problems: where it is noted that there are too few.
        """
        if self.sample is None:
            return list(kept)
        if self.sample > len(kept):
            problems.add(
                "sample", f"must be at most {len(kept)}, the number of combinations, given {self.sample}"
            )
            return list(kept)
        texts = {
            key: [f"{key} = {_text(value)}".encode() for value in axis.values]
            for key, axis in sorted(axes.items())
            if not axis.is_idle
        }
        hashes = [
            hashlib.sha256(b"\n".join(values[position[key]] for key, values in texts.items())).digest()
            for position in kept
        ]
        lowest = sorted(range(len(kept)), key=hashes.__getitem__)[: self.sample]
        return [kept[index] for index in sorted(lowest)]

    def compared_by_default(self, axes: Mapping[str, Axis], section: Mapping[str, Any]) -> list[str]:
        """List the axes that are compared as one where the grid names none.

        One value at a time: all that vary, apart from the data and the scoring, whose scores are different
        ones; each value then meets the first of all. Otherwise, or where the grid names a baseline, which is
        a loss then: the loss, with the axes that go together with it.

        Args:
            axes: those of the grid.
            section: [compare].
        """
        if self.one_at_a_time and "baseline" not in section:
            varied = [
                key
                for key, axis in axes.items()
                if len(axis.values) > 1 and key != "dataset" and not key.startswith("score.")
            ]
            return varied or ["loss"]
        group = next((group for group in self.zipped if "loss" in group), ("loss",))
        return [key for key in axes if key in group] or ["loss"]

    def document(self) -> dict[str, Any]:
        """Write what is not the default, as a grid has it."""
        written: dict[str, Any] = {}
        if self.combine != COMBINE[0]:
            written["combine"] = self.combine
        if self.zipped:
            written["zip"] = [list(group) for group in self.zipped]
        if self.sample is not None:
            written["sample"] = self.sample
        return written

    def _units(self, axes: Mapping[str, Axis]) -> list[tuple[str, ...]]:
        """List what varies by itself: single axes, and groups of axes at the place of their first."""
        units: dict[tuple[str, ...], None] = {}
        for key in axes:
            group = next((group for group in self.zipped if key in group), (key,))
            units.setdefault(tuple(each for each in group if each in axes))
        return list(units)


def read_combinations(said: Mapping[str, Any], named: Collection[str], problems: Problems) -> Combinations:
    """Read how the axes of a grid are combined; what is wrong is noted and left out.

    Args:
        said: the values of COMBINATION_KEYS, None where a grid does not say.
        named: the keys of all axes that the grid names.
        problems: where they are noted.
    """
    combine, sample = said["combine"], said["sample"]
    if combine is None:
        combine = COMBINE[0]
    elif combine not in COMBINE:
        hint = did_you_mean(combine, COMBINE) if isinstance(combine, str) else ""
        problems.add("combine", f"must be {' or '.join(COMBINE)}, given {given(combine)}{hint}")
        combine = COMBINE[0]
    if sample is not None:
        if isinstance(sample, bool) or not isinstance(sample, int) or sample < 1:
            wants = "must be a whole number of combinations, at least 1"
            problems.add("sample", f"{wants}, given {given(sample)}")
            sample = None
        elif combine != COMBINE[0]:
            other = f"draws from a product, and combine is {combine!r}"
            problems.add("sample", f"{other}; leave one of them out")
    zipped = [] if said["zip"] is None else _read_zip(said["zip"], named, problems)
    return Combinations(combine=combine, zipped=tuple(zipped), sample=sample)


def refuse_uneven(combinations: Combinations, axes: Mapping[str, Axis], problems: Problems) -> None:
    """Note axes that cannot go together: of unequal lengths, or that have the same combination twice."""
    for group in combinations.zipped:
        members = [axes[key] for key in group if key in axes]
        if len(members) < len(group):
            continue  # A problem of the axis itself is noted.
        if any(axis.is_idle for axis in members):
            problems.add("zip", "the grid augments nothing, so that nothing goes together with it")
        elif len({len(axis.values) for axis in members}) > 1:
            counts = ", ".join(f"{axis.key} has {len(axis.values)}" for axis in members)
            problems.add("zip", f"axes that go together must have equally many values; {counts}")
        else:
            seen: set[tuple[str, ...]] = set()
            for labels, values in zip(
                zip(*(axis.labels for axis in members), strict=True),
                zip(*(map(_text, axis.values) for axis in members), strict=True),
                strict=True,
            ):
                if values in seen:
                    problems.add("zip", f"{', '.join(group)} have {given(list(labels))} twice")
                seen.add(values)


def _read_zip(said: Any, named: Collection[str], problems: Problems) -> list[tuple[str, ...]]:
    """Read one list of axes, or a list of such lists."""
    groups = [said] if isinstance(said, list) and any(isinstance(key, str) for key in said) else said
    if not isinstance(groups, list) or not all(
        isinstance(group, list) and all(isinstance(key, str) for key in group) for group in groups
    ):
        wants = "must be a list of axes that go together, or a list of such lists"
        problems.add("zip", f"{wants}, given {given(said)}")
        return []
    read: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for group in groups:
        if len(group) < 2:
            problems.add("zip", f"needs two axes or more to go together, given {given(group)}")
        fine = len(group) > 1
        for key in group:
            if key not in named:
                problems.add("zip", f"the grid has no axis {given(key)}{did_you_mean(key, named)}")
                fine = False
            elif key in seen:
                problems.add("zip", f"names {key} more than once")
                fine = False
            seen.add(key)
        if fine:
            read.append(tuple(group))
    return read


def _text(value: Any) -> str:
    return canonical_json(value.canonical() if isinstance(value, Choice) else value)
