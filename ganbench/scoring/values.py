"""The values of a metric as numbers by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from torch import Tensor

from ganbench.catalog.faults import Part
from ganbench.errors import PluginError, shown


def checked_values(part: Part, given: object, promised: Collection[str] = ()) -> dict[str, float]:
    """Take the values that a metric gave as floats.

    Args:
        part: the metric.
        given: what it gave.
        promised: names that must be among the values.

    Returns:
        The values by name, in the metric's order; NaN and infinity are kept.

    Raises:
        PluginError: with a fault for each thing that is not as it must be.
    """
    if not isinstance(given, Mapping):
        raise PluginError(part.fault(f"must give a mapping of names to numbers, given {_kind(given)}"))
    problems: list[str] = []
    values: dict[str, float] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not name or not name.isprintable() or ";" in name:
            problems.append(f"names of values must be printable text without ';', given {shown(name)}")
            continue
        number = _number(value)
        if number is None:
            problems.append(f"value {name!r} must be a number, given {_kind(value)} {shown(value)}")
        else:
            values[name] = number
    absent = [name for name in promised if name not in given]
    if absent:
        names = ", ".join(map(repr, absent))
        came = ", ".join(map(repr, given)) or "nothing"
        problems.append(f"its spec's directions name {names}, and it gave {came}")
    if problems:
        raise PluginError(*(part.fault(problem) for problem in problems))
    return values


def _number(value: object) -> float | None:
    """Convert a number, also one in a tensor or an array of one entry, to a float; None where it is none."""
    if isinstance(value, Tensor | np.ndarray | np.generic):
        size = value.numel() if isinstance(value, Tensor) else value.size
        value = value.item() if size == 1 else None
    return float(value) if isinstance(value, bool | int | float) else None


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
