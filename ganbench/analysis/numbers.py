"""Numbers in texts for reading, and numbers that are not finite."""

from __future__ import annotations

import math

import numpy as np

MAX_ROUNDING = 1e-9


def finite(number: float | np.floating | np.ndarray) -> float:
    """Replace an infinity by NaN: what overflowed is not known.

    Args:
        number: a scalar, or an array of one.
    """
    return float(number) if math.isfinite(number) else math.nan


def number(value: float, digits: int = 3) -> str:
    """Format a number with some digits; the tables have all of them.

    What is smaller than the rounding of a sum in float64 is zero: an fid of -2.8e-14 is none.
    """
    if math.isnan(value):
        return "-"
    return "0" if abs(value) < MAX_ROUNDING else f"{value:.{digits}g}"


def mean_and_sd(mean: float, sd: float) -> str:
    """Format a mean with its spread, as far as they are known."""
    return number(mean) if math.isnan(sd) else f"{number(mean)} ± {number(sd)}"


def ends(low: float, high: float) -> str:
    """Format an interval; a dash where there is none."""
    return "-" if math.isnan(low) else f"{number(low)} to {number(high)}"


def p_value(p: float, symbol: str = "p") -> str:
    """Format a p with two digits, never as a bare zero."""
    return f"{symbol}<0.001" if p < 0.001 else f"{symbol}={p:.2g}"


def p_text(p: float) -> str:
    """Format a p for a column that is headed so: `0.012`, `<0.001`, or a dash where there is none."""
    return "-" if math.isnan(p) else p_value(p, "").removeprefix("=")
