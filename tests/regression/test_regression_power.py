"""How many seeds a check needs: against simulation, and where it ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.regression.power import (
    FINDS,
    MAX_SEEDS,
    PASSES,
    chance_to_find,
    chance_to_pass,
    seeds_beside,
    seeds_each,
    seeds_to_find,
    seeds_to_part,
    seeds_to_pass,
)

DRAWS = 20_000


@pytest.mark.parametrize(("n_old", "n_new", "sd_new"), [(2, 3, 1.0), (8, 8, 1.0), (5, 20, 2.0), (40, 4, 0.5)])
def test_chances_are_those_of_simulated_checks(n_old, n_new, sd_new):
    rng = np.random.default_rng(0)
    old, new = rng.normal(0, 1, (DRAWS, n_old)), rng.normal(0, sd_new, (DRAWS, n_new))
    test = stats.ttest_ind(new, old, axis=-1, equal_var=False)
    interval = test.confidence_interval(0.9)
    estimate = new.mean(axis=-1) - old.mean(axis=-1)
    passed = np.mean(interval.high <= 1)
    found = np.mean((estimate + 2 > 1) & (interval.low + 2 > 0))
    # Four standard errors of a share.
    assert chance_to_pass(1, n_old, sd_new, n_new, 1, 0.05) == pytest.approx(passed, abs=2 / math.sqrt(DRAWS))
    assert chance_to_find(1, n_old, sd_new, n_new, 1, 0.05, 2) == pytest.approx(
        found, abs=2 / math.sqrt(DRAWS)
    )


def test_the_fewest_seeds_are_the_fewest():
    n = seeds_to_pass(1.3, 1, 0.05)
    assert chance_to_pass(1.3, n, 1.3, n, 1, 0.05) >= PASSES > chance_to_pass(1.3, n - 1, 1.3, n - 1, 1, 0.05)
    n = seeds_to_find(1.3, 1, 0.05, family=4)
    assert chance_to_find(1.3, n, 1.3, n, 1, 0.05 / 4, 2) >= FINDS
    assert chance_to_find(1.3, n - 1, 1.3, n - 1, 1, 0.05 / 4, 2) < FINDS
    assert seeds_each(1.3, 1, 0.05, family=4) == max(seeds_to_pass(1.3, 1, 0.05), n)


def test_a_tolerance_of_one_sd_needs_fourteen_seeds_a_side():
    # (z.95 + z.80)^2 * 2 = 12.4 for a known spread, and a little more for one that is estimated.
    assert seeds_to_pass(1, 1, 0.05) == 14
    assert seeds_each(2.5, 2.5, 0.05) == 14


def test_a_baseline_may_be_too_small_for_any_number_of_seeds():
    assert seeds_beside(1, 5, 1, 1, 0.05) is None
    assert seeds_beside(1, 8, 1, 1, 0.05) > 50
    assert seeds_beside(1, 14, 1, 1, 0.05) == 13
    assert seeds_beside(1, 1000, 1, 1, 0.05) < 10
    assert seeds_each(1, 1e-3, 0.05) is None
    assert seeds_to_pass(1, 1 / math.sqrt(MAX_SEEDS), 0.05) is None


def test_arms_without_spread_are_known_exactly():
    assert chance_to_pass(0, 3, 0, 3, 1, 0.05) == 1
    assert chance_to_pass(0, 3, 0, 3, 1, 0.05, loss=1.5) == 0
    assert chance_to_find(0, 3, 0, 3, 1, 0.05, 2) == 1
    assert 0.5 < chance_to_pass(0, 3, 1, 8, 1, 0.05) < 1
    assert [seeds_to_part(0.05), seeds_to_part(0.05, 2), seeds_to_part(0.05, 1)] == [3, 5, 19]
