from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.analysis.group import NOT_FINITE, Group
from ganbench.analysis.pairwise import compare_pair, seeds_pair


def _group(*scores: float, label: str = "a") -> Group:
    return Group(label=label, scores=dict(enumerate(scores)), ok=len(scores))


def test_against_the_formula() -> None:
    result = compare_pair(_group(10, 12, 14), _group(8, 9, 10), "lower")
    # differences -2, -3, -4: mean -3, sd 1, standard error 1/sqrt(3), t(2) quantile 4.302653
    assert result.n == 3
    assert result.difference == pytest.approx(-3)
    assert result.sd == pytest.approx(1)
    assert result.low == pytest.approx(-3 - 4.302652729911275 / math.sqrt(3))
    assert result.high == pytest.approx(-3 + 4.302652729911275 / math.sqrt(3))
    assert result.p == pytest.approx(2 * stats.t.sf(3 * math.sqrt(3), 2))
    assert result.probability_of_improvement == 1.0


def test_only_shared_seeds_count() -> None:
    baseline = Group(label="a", scores={0: 1.0, 1: 5.0, 2: 9.0})
    value = Group(label="b", scores={1: 4.0, 2: 9.0, 3: 100.0})
    result = compare_pair(baseline, value, "lower")
    assert result.n == 2
    assert result.difference == pytest.approx(-0.5)
    assert result.probability_of_improvement == 0.75


def test_direction_decides_what_is_better() -> None:
    assert compare_pair(_group(1, 2), _group(2, 4), "higher").probability_of_improvement == 1.0
    assert compare_pair(_group(1, 2), _group(2, 4), "lower").probability_of_improvement == 0.0


@pytest.mark.parametrize(("old", "new", "p"), [((1, 2, 3), (1, 2, 3), 1.0), ((1, 2, 3), (2, 3, 4), 0.25)])
def test_no_spread_is_no_warning_and_no_certainty(old: tuple, new: tuple, p: float) -> None:
    result = compare_pair(_group(*old), _group(*new), "lower")
    assert result.low == result.high == result.difference
    assert (result.p, result.test) == (p, "sign flips")


def test_too_few_pairs_have_no_interval() -> None:
    assert compare_pair(_group(), _group(), "lower").n == 0
    one = compare_pair(_group(3), _group(1), "lower")
    assert (one.n, one.difference, one.probability_of_improvement) == (1, -2.0, 1.0)
    assert all(math.isnan(number) for number in (one.sd, one.low, one.high, one.p))


finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.slow
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=8), st.booleans())
def test_any_finite_scores_give_numbers_or_nan_but_no_warning(scores: list, paired: bool) -> None:
    old, new = zip(*scores, strict=True)
    result = compare_pair(_group(*old), _group(*new), "lower", paired=paired)
    assert not math.isinf(result.low)
    assert not math.isinf(result.difference)
    if not math.isnan(result.low):
        assert result.low <= result.difference <= result.high
    mirrored = compare_pair(_group(*new), _group(*old), "higher", paired=paired)
    assert mirrored.probability_of_improvement == result.probability_of_improvement


def test_seeds_are_pairs_unless_weights_or_data_differ() -> None:
    axes = ("loss", "penalty", "train.optimizer.lr", "train.d_steps", "architecture", "dataset")
    assert [seeds_pair(axis) for axis in axes] == [True, True, True, True, False, False]


def test_arms_that_share_no_seeds() -> None:
    result = compare_pair(_group(10, 12, 14), _group(8, 9, 10, 13), "lower", paired=False)
    assert (result.n, result.seen, result.test) == (3, (3, 4), "Welch t")
    assert result.difference == pytest.approx(-2)
    assert result.p == pytest.approx(stats.ttest_ind([8, 9, 10, 13], [10, 12, 14], equal_var=False).pvalue)
    pooled = math.sqrt((2 * 4 + 3 * 14 / 3) / 5)
    assert result.sd == pytest.approx(pooled)
    assert (result.effect_name, result.effect_size) == (
        "Hedges' g",
        pytest.approx(-2 / pooled * (1 - 3 / 19)),
    )
    # Of the twelve couples: 10 beats none but ties once, and so on.
    assert result.probability_of_improvement == pytest.approx((3 + 3 + 2.5 + 1) / 12)
    assert result.p_permutation == pytest.approx(
        stats.permutation_test(
            ([10, 12, 14], [8, 9, 10, 13]),
            lambda a, b, axis: abs(a.mean(axis) - b.mean(axis)),
            alternative="greater",
            vectorized=True,
        ).pvalue
    )


def test_pairs_have_an_effect_size_and_a_correlation() -> None:
    result = compare_pair(_group(10, 12, 14), _group(8, 9, 10), "lower")
    assert (result.effect_name, result.effect_size) == ("Cohen's d_z", pytest.approx(-3))
    assert result.correlation == pytest.approx(1)
    assert (result.test, result.favours, result.p_permutation) == ("paired t", 1, 0.25)
    assert math.isnan(compare_pair(_group(1, 2), _group(2, 4), "lower").correlation)
    assert math.isnan(compare_pair(_group(1, 1, 1), _group(2, 4, 5), "lower").correlation)


@pytest.mark.parametrize("kind", ["diverged", NOT_FINITE])
def test_failures_are_the_worst_of_all_whatever_the_direction(kind: str) -> None:
    for direction in ("lower", "higher"):
        broken = Group(label="a", scores={0: 5.0, 1: 6.0}, failures=dict.fromkeys(range(2, 8), kind))
        whole = _group(*([7.0] * 8 if direction == "lower" else [3.0] * 8), label="b")
        result = compare_pair(broken, whole, direction)
        # The two scored pairs speak for `a`, the six failures against it, and louder.
        assert (result.test, result.favours, result.n, result.seen) == ("signed ranks", 1, 2, (8, 8))
        assert result.p == result.p_permutation < 0.05
        assert result.probability_of_improvement == 0.75
        assert (result.difference > 0) == (direction == "lower")
        unpaired = compare_pair(broken, whole, direction, paired=False)
        assert (unpaired.test, unpaired.favours) == ("rank sum", 1)
        assert compare_pair(whole, broken, direction).favours == -1


def test_two_failures_of_one_seed_are_a_tie() -> None:
    both = Group(label="a", scores={0: 1.0, 1: 2.0}, failures={2: "oom", 3: "diverged"})
    other = Group(label="b", scores={0: 2.0, 1: 4.0}, failures={2: "diverged", 3: "error"})
    result = compare_pair(both, other, "lower")
    assert (result.p, result.probability_of_improvement) == (0.5, 0.25)


def test_seeds_without_an_outcome_in_both_arms_are_no_pairs() -> None:
    baseline = Group(label="a", scores={0: 1.0, 1: 2.0, 9: 0.0}, failures={2: "oom"})
    value = Group(label="b", scores={0: 2.0, 1: 4.0, 3: 1.0}, failures={4: "oom"})
    assert compare_pair(baseline, value, "lower").seen == (2, 2)
    assert compare_pair(baseline, value, "lower").test == "paired t"
    assert compare_pair(baseline, value, "lower", paired=False).seen == (4, 4)


def test_arms_without_any_score_are_not_tested() -> None:
    failed = Group(label="a", scores={}, failures=dict.fromkeys(range(5), "oom"))
    result = compare_pair(failed, failed, "lower")
    assert math.isnan(result.p)
    assert result.test == ""
