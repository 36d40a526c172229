from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.analysis.multiple_testing import family_of, holm, simultaneous_intervals


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, math.nan, 0.03]) == pytest.approx([0.03, 0.06, math.nan, 0.06], nan_ok=True)
    assert holm([]) == []
    assert all(math.isnan(p) for p in holm([math.nan]))


def test_a_family_is_named_by_what_it_holds() -> None:
    family = family_of("loss", "minimax", contexts=2, metrics=1, values=3, size=5)
    assert (family.name, family.size) == ("loss against minimax: 2 contexts × 1 metric × 3 values", 5)


def _intervals(p: list[float], differences: list[float]) -> list[tuple[float, float]]:
    """The simultaneous intervals of t tests with 4 degrees of freedom that have these p."""
    errors = [abs(gap) / stats.t.isf(each / 2, 4) for gap, each in zip(differences, p, strict=True)]
    low, high = simultaneous_intervals(differences, errors, [4.0] * len(p), p, holm(p))
    return list(zip(low.tolist(), high.tolist(), strict=True))


def test_the_interval_of_a_single_test_is_the_t_interval() -> None:
    error = 2 / stats.t.isf(0.01 / 2, 4)
    assert _intervals([0.01], [2.0]) == [pytest.approx(stats.t.interval(0.95, 4, loc=2.0, scale=error))]


def test_an_interval_leaves_out_zero_where_holm_shows_a_difference_and_bonferroni_does_not() -> None:
    # Adjusted: .03, .04, .04.
    for low, high in _intervals([0.01, 0.02, 0.04], [-3.0, 2.0, 1.0]):
        assert low > 0 or high < 0
    # Adjusted: .03, .04, .06: the second and third stand beside one that is not shown.
    first, second, third = _intervals([0.01, 0.02, 0.06], [-3.0, 2.0, 1.0])
    assert first[1] < 0 < second[0]
    assert third[0] < 0 < third[1]
    wide = stats.t.isf(0.005 / 3 / 2, 4) * 3 / stats.t.isf(0.01 / 2, 4)
    assert first[0] == pytest.approx(-3 - wide)


def test_a_p_at_the_edge_moves_no_interval_over_zero() -> None:
    for edge in (0.05, 0.025, np.nextafter(0.025, 0), np.nextafter(0.05, 0)):
        for (low, high), p in zip(_intervals([edge, 0.9], [1.0, 1.0]), holm([edge, 0.9]), strict=True):
            assert (low > 0 or high < 0) == (p < 0.05)


def test_where_nothing_was_tested_there_is_no_interval() -> None:
    nan = math.nan
    low, high = simultaneous_intervals(
        [1.0, 2.0, nan, 1.0],
        [0.1, nan, nan, 0.0],
        [4.0, nan, nan, 4.0],
        [0.01, 0.02, nan, 0.0],
        [0.02, 0.02, nan, 0],
    )
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, True, True, False]
    # A p that underflowed: an interval without any width.
    assert (low[3], high[3]) == (1.0, 1.0)
