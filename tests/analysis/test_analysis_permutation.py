from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.analysis.permutation import DRAWS, arrangements, permutation, sign_flip

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_all_sign_flips_are_scipys(n: int) -> None:
    values = RANDOM.normal(0.5, 1, (4, n)).round(1)
    expected = [
        stats.permutation_test(
            (row,),
            lambda flipped, axis: np.abs(flipped.sum(axis)),
            permutation_type="samples",
            n_resamples=np.inf,
            alternative="greater",
            vectorized=True,
        ).pvalue
        for row in values
    ]
    assert sign_flip(values) == pytest.approx(expected)


@pytest.mark.parametrize(("n_old", "n_new"), [(2, 3), (3, 3), (4, 6)])
def test_all_permutations_are_scipys(n_old: int, n_new: int) -> None:
    old, new = RANDOM.normal(0, 1, (4, n_old)).round(1), RANDOM.normal(0.5, 1, (4, n_new)).round(1)
    expected = [
        stats.permutation_test(
            pair,
            lambda a, b, axis: np.abs(a.mean(axis) - b.mean(axis)),
            n_resamples=np.inf,
            alternative="greater",
            vectorized=True,
        ).pvalue
        for pair in zip(old, new, strict=True)
    ]
    assert permutation(old, new) == pytest.approx(expected)


# references 8: the smallest p
def test_the_smallest_p() -> None:
    assert [float(sign_flip(np.arange(1.0, n + 1))) for n in (5, 6)] == [0.0625, 0.03125]
    smallest = [float(permutation(np.arange(n), np.arange(n) + 100)) for n in (3, 4, 5)]
    assert smallest == pytest.approx([0.1, 2 / 70, 2 / 252])
    assert (arrangements(6), arrangements(5, 5)) == (64, 252)


def test_draws_where_there_are_too_many_to_list() -> None:
    paired = RANDOM.normal(0.4, 1, 24)
    old, new = RANDOM.normal(0, 1, 20), RANDOM.normal(0.6, 1, 20)
    # Of normal scores the resampling p is near the t test's; a draw's standard error is .0016 at .05.
    assert float(sign_flip(paired)) == pytest.approx(stats.ttest_1samp(paired, 0).pvalue, abs=0.01)
    assert float(permutation(old, new)) == pytest.approx(stats.ttest_ind(old, new).pvalue, abs=0.01)
    # The observed one is always among the draws, and the draws are always the same.
    assert float(sign_flip(np.ones(40))) == pytest.approx(1 / DRAWS)
    assert float(permutation(np.zeros(30), np.ones(30))) == pytest.approx(1 / DRAWS)
    assert float(sign_flip(paired)) == float(sign_flip(paired))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_neither_the_scale_nor_the_place_matters(scale: float) -> None:
    old, new = np.array([1.0, 2, 3, 4]), np.array([5.0, 6, 7, 9])
    assert float(permutation(scale * old, scale * new)) == pytest.approx(2 / 70)
    assert float(permutation(1e6 + 1e-3 * old, 1e6 + 1e-3 * new)) == pytest.approx(2 / 70)
    assert float(sign_flip(scale * old)) == 0.125


def test_equal_numbers_show_nothing() -> None:
    assert float(sign_flip(np.zeros(5))) == 1.0
    assert float(permutation(np.full(4, 0.1), np.full(5, 0.1))) == 1.0


def test_many_comparisons_are_each_by_itself() -> None:
    values = RANDOM.normal(size=(2, 3, 6))
    together = sign_flip(values)
    assert together.shape == (2, 3)
    assert together[1, 2] == float(sign_flip(values[1, 2]))
    assert math.isclose(
        permutation(values, values + 1)[0, 1], float(permutation(values[0, 1], values[0, 1] + 1))
    )
