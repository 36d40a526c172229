from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.analysis.permutation import permutation, sign_flip
from ganbench.analysis.significance import decide, mean_interval, paired_t, welch_t

INF = math.inf
RANDOM = np.random.default_rng(11)


def test_t_tests_are_scipys_on_many_comparisons_at_once() -> None:
    old, new = RANDOM.normal(size=(3, 4, 6)), RANDOM.normal(0.3, 2, (3, 4, 6))
    for ours, theirs in ((paired_t, stats.ttest_rel), (welch_t, _welch)):
        estimate = ours(old, new)
        one = theirs(new[1, 2], old[1, 2])
        interval = one.confidence_interval(0.95)
        assert estimate.p.shape == (3, 4)
        assert estimate.p[1, 2] == pytest.approx(one.pvalue)
        assert (estimate.low[1, 2], estimate.high[1, 2]) == pytest.approx((interval.low, interval.high))
        assert estimate.difference[1, 2] == pytest.approx((new - old)[1, 2].mean())
    low, high = mean_interval(old)
    assert (low[1, 2], high[1, 2]) == pytest.approx(
        stats.t.interval(0.95, 5, loc=old[1, 2].mean(), scale=stats.sem(old[1, 2]))
    )


def _welch(new: np.ndarray, old: np.ndarray):
    return stats.ttest_ind(new, old, equal_var=False)


def test_signed_ranks_are_wilcoxons() -> None:
    # Any large number in place of a failure gives the same ranks.
    old = np.array([5.0, 4, 7, INF, 6, 5, 8, INF])
    new = np.array([4.5, 4.2, 6, 3, 4, 5.3, 6.9, 2])
    decision = decide(old, new, paired=True)
    stand_in = np.where(np.isinf(old), 1000.0, old)
    stand_in[7] = 999.0
    expected = stats.wilcoxon(np.round(new - stand_in, 6), method=stats.PermutationMethod(n_resamples=INF))
    assert (str(decision.test), int(decision.favours)) == ("signed ranks", 1)
    assert float(decision.p) == pytest.approx(expected.pvalue)


def test_rank_sums_are_mann_and_whitneys() -> None:
    old, new = np.array([5.0, 4, 7, INF, 6]), np.array([3.0, 2, 4.5, 1])
    decision = decide(old, new, paired=False)
    expected = stats.mannwhitneyu(np.where(np.isinf(old), 100.0, old), new, method="exact")
    assert (str(decision.test), int(decision.favours)) == ("rank sum", 1)
    assert float(decision.p) == pytest.approx(expected.pvalue)


def test_two_failures_are_a_tie_and_leave_the_ranking() -> None:
    old, new = np.array([INF, 5.0, 6.0, INF]), np.array([INF, 4.0, 4.0, 3.0])
    with_tie = decide(old, new, paired=True)
    assert float(with_tie.p) == float(decide(old[1:], new[1:], paired=True).p) == 0.25


def test_no_spread_is_left_to_resampling() -> None:
    ones, twos = np.ones(6), np.full(6, 2.0)
    assert str(decide(ones, twos, paired=True).test) == "sign flips"
    assert float(decide(ones, twos, paired=True).p) == float(sign_flip(twos)) == 2 / 64
    assert str(decide(ones, twos, paired=False).test) == "permutation"
    assert float(decide(ones, twos, paired=False).p) == pytest.approx(float(permutation(ones, twos)))
    # One group without spread leaves Welch's test the other's.
    assert str(decide(ones, np.arange(6.0), paired=False).test) == "Welch t"


def test_too_few_seeds_decide_nothing() -> None:
    assert math.isnan(decide([1.0], [2.0], paired=True).p)
    assert math.isnan(decide([1.0], [2.0, 3.0], paired=False).p)


def test_each_comparison_gets_its_own_test() -> None:
    old = np.array([[1.0, 2, 4], [1, INF, 2], [1, 1, 1]])
    new = np.array([[2.0, 5, 3], [2, 1, 4], [1, 1, 1]])
    together = decide(old, new, paired=True)
    assert together.test.tolist() == ["paired t", "signed ranks", "sign flips"]
    for index in range(3):
        alone = decide(old[index], new[index], paired=True)
        assert (float(alone.p), int(alone.favours)) == (together.p[index], together.favours[index])


outcome = st.one_of(st.floats(-100, 100).map(lambda score: round(score, 2)), st.just(INF))


@pytest.mark.slow
@given(st.lists(st.tuples(outcome, outcome), min_size=2, max_size=7), st.booleans())
def test_swapping_the_arms_swaps_the_winner(pairs: list, paired: bool) -> None:
    old, new = np.array(pairs).T
    one, other = decide(old, new, paired=paired), decide(new, old, paired=paired)
    assert str(one.test) == str(other.test)
    assert float(one.p) == pytest.approx(float(other.p))
    assert 0 < float(one.p) <= 1
    if float(one.p) < 0.9:
        assert int(one.favours) == -int(other.favours)
