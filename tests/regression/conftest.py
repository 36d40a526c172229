"""Fabricated folders to hold against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tabled_results import GRID, Tables

from ganbench.grid.tolerance import read_tolerance
from ganbench.regression import Outcome, check


@pytest.fixture
def tables(tmp_path: Path) -> Callable[..., Tables]:
    """Makes fabricated folders."""

    def make(name: str, grid: str = GRID) -> Tables:
        return Tables(tmp_path / name, grid)

    return make


@pytest.fixture
def outcome(tables: Callable[..., Tables]) -> Outcome:
    """A check with every verdict, two regressions among them, and an architecture named to be awkward."""
    noise = np.array([-1.5, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 1.5])
    baseline, value = tables("base"), tables("now")
    for name, by in (("good", 0.0), ("net[a|b=<1>]", 4.0), ("unclear", 0.9), ("better", -4.0)):
        baseline.add((20 + noise).tolist(), architecture=name)
        value.add((20 + by + noise[::-1]).tolist(), architecture=name, environment="e2", torch="2.9.1")
    for side in (baseline, value):
        side.add([1.0, 2.0], architecture="same")
    baseline.add([1.0, 2.0], architecture="broken")
    value.add([1.0], architecture="broken", environment="e2", torch="2.9.1")
    value.add(None, seed=1, architecture="broken", environment="e2", torch="2.9.1", status="oom")
    return check(value.write(), baseline.write(), tolerance=read_tolerance("6%"))
