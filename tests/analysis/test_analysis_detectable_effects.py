from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from ganbench.analysis.detectable_effects import (
    detectable_paired,
    detectable_welch,
    paired_power,
    welch_power,
)
from ganbench.analysis.significance import welch_t


# references: n pairs, and n of each group, that find d with power .8, rounded up
@pytest.mark.parametrize(("d", "n"), [(0.5, 34), (0.75, 16), (1, 10), (1.5, 6), (2, 5), (3, 4)])
def test_pairs_that_a_difference_needs(d: float, n: int) -> None:
    assert detectable_paired(n) <= d < detectable_paired(n - 1)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "n"), [(0.5, 64), (0.75, 29), (1, 17), (1.5, 9), (2, 6), (3, 4)])
def test_seeds_that_a_difference_needs(d: float, n: int) -> None:
    assert detectable_welch(n, n) <= d < detectable_welch(n - 1, n - 1)


def test_two_pairs() -> None:
    assert detectable_paired(2) == pytest.approx(11.55, abs=0.01)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 8, 0.05 / 100])
@pytest.mark.parametrize("n", [3, 5, 20])
def test_paired_power_is_that_of_statsmodels(n: int, alpha: float) -> None:
    for effect in (0.0, 0.5, 1.5):
        assert paired_power(effect, n, alpha) == pytest.approx(TTestPower().power(effect, n, alpha), abs=1e-9)


def test_welch_with_many_seeds_is_students_t() -> None:
    for effect in (0.0, 0.2, 0.4):
        student = TTestIndPower().power(effect, 150, 0.05, ratio=0.9)
        assert welch_power(effect, 150, 135) == pytest.approx(student, abs=2e-4)


@pytest.mark.parametrize(("n_old", "n_new"), [(2, 2), (3, 3), (3, 6), (5, 4)])
@pytest.mark.parametrize("effect", [0.0, 2.0])
def test_welch_with_few_seeds_against_drawing(n_old: int, n_new: int, effect: float) -> None:
    draws = 20_000
    random = np.random.default_rng(3)
    p = welch_t(random.normal(size=(draws, n_old)), random.normal(effect, 1, (draws, n_new))).p
    exact = welch_power(effect, n_old, n_new)
    assert (p < 0.05).mean() == pytest.approx(exact, abs=4 * (exact * (1 - exact) / draws) ** 0.5)


@pytest.mark.slow
def test_a_stricter_level_shows_less() -> None:
    for detectable in (
        lambda alpha: detectable_paired(2, alpha),
        lambda alpha: detectable_welch(2, 3, alpha),
    ):
        levels = [detectable(0.05 / family) for family in (1, 8, 1000)]
        assert levels == sorted(levels)
        assert np.isfinite(levels).all()
