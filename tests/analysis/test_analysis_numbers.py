"""How numbers are shown."""

from __future__ import annotations

import math

import pytest

from ganbench.analysis.numbers import mean_and_sd, number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-2.84e-14, "0"),
        (8e-10, "0"),
        (-2.9e-5, "-2.9e-05"),
        (2e-9, "2e-09"),
        (0.0, "0"),
        (384.8866, "384.9"),
        (math.inf, "inf"),
        (math.nan, "-"),
    ],
)
def test_a_number_below_rounding_is_shown_as_zero(value: float, shown: str) -> None:
    assert number(value, 4) == shown


def test_a_spread_below_rounding_is_none() -> None:
    assert mean_and_sd(6.25, 1e-17) == "6.25 ± 0"
