"""What the scores of two groups say: sizes, intervals, p; checked against scipy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.analysis.group import Group
from ganbench.grid.tolerance import read_tolerance
from ganbench.regression.evidence import EXACT, RANKS, WELCH, allowed, evidence


def group(*values: float, failed: int = 0) -> Group:
    failures = {100 + index: "diverged" for index in range(failed)}
    return Group(label="group", scores=dict(enumerate(values)), failures=failures, ok=len(values))


def test_one_sided_welch_whichever_direction_is_better():
    rng = np.random.default_rng(1)
    old, new = rng.normal(20, 2, 9), rng.normal(22, 3, 6)
    found = evidence(group(*old), group(*new), "lower", 0.05)
    worse = stats.ttest_ind(new, old, equal_var=False, alternative="greater")
    better = stats.ttest_ind(new, old, equal_var=False, alternative="less")
    assert found.test == WELCH
    assert found.loss == pytest.approx(new.mean() - old.mean())
    assert (found.p_worse, found.p_better) == pytest.approx((worse.pvalue, better.pvalue))
    # A one-sided interval reaches from one end to infinity.
    assert found.low == pytest.approx(worse.confidence_interval(0.95).low)
    assert found.high == pytest.approx(better.confidence_interval(0.95).high)
    turned = evidence(group(*-old), group(*-new), "higher", 0.05)
    assert (turned.loss, turned.low, turned.high) == pytest.approx((found.loss, found.low, found.high))
    assert (turned.p_worse, turned.p_better) == pytest.approx((found.p_worse, found.p_better))
    swapped = evidence(group(*new), group(*old), "lower", 0.05)
    assert (swapped.loss, swapped.low, swapped.high) == pytest.approx((-found.loss, -found.high, -found.low))
    assert (swapped.p_worse, swapped.p_better) == pytest.approx((found.p_better, found.p_worse))


def test_without_spread_the_arrangements_are_counted():
    found = evidence(group(8, 8, 8), group(7, 7, 7), "higher", 0.05)
    assert found.test == EXACT
    assert found.loss == 1
    assert (found.p_worse, found.p_better) == (1 / 20, 1.0)
    assert (found.low, found.high) == (1, 1)
    gained = evidence(group(8, 8, 8), group(9, 9, 9, 9), "higher", 0.05)
    assert (gained.loss, gained.p_worse, gained.p_better) == (-1, 1.0, 1 / 35)
    few = evidence(group(8, 8), group(8, 8), "higher", 0.05)
    assert (few.loss, few.p_worse) == (0, 1.0)
    # Six arrangements cannot exclude anything at 5%.
    assert math.isnan(few.high)


def test_rounding_is_no_spread():
    base = [0.1 + 0.2, 0.3, 0.3]
    assert evidence(group(*base), group(*base), "lower", 0.05).test == EXACT


def test_failures_of_the_baseline_are_ranked_as_the_worst():
    good = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]
    found = evidence(group(*good, failed=1), group(*good[:1], failed=6), "lower", 0.05)
    assert found.test == RANKS
    assert found.more_fail
    assert found.p_worse < 0.05
    assert found.p_better == 1.0
    back = evidence(group(*good[:1], failed=6), group(*good, failed=1), "lower", 0.05)
    assert not back.more_fail
    assert back.p_better < 0.05
    assert back.p_worse == 1.0
    gone = evidence(group(*good, failed=1), group(failed=7), "lower", 0.05)
    assert gone.more_fail
    assert gone.p_worse < 0.05
    assert math.isnan(gone.loss)


@pytest.mark.parametrize(("old", "new"), [((), (1, 2)), ((1, 2), ()), ((1,), (1, 2)), ((1, 2), (3,))])
def test_too_few_scores_are_not_tested(old, new):
    found = evidence(group(*old), group(*new), "lower", 0.05)
    assert found.test == ""
    assert math.isnan(found.p_worse)
    assert math.isnan(found.high)
    assert math.isnan(found.loss) == (not old or not new)


def test_scores_too_large_to_compute_with_say_nothing():
    found = evidence(group(1e308, -1e308, 1e308), group(1e308, 1e308, 1.7e308), "lower", 0.05)
    assert not found.p_worse <= 0.05
    assert not found.high <= 1e300


def test_a_tolerance_in_units():
    baseline = group(19, 20, 21)
    assert allowed(read_tolerance("5%"), baseline, 0.05) == pytest.approx(1.0)
    assert allowed(read_tolerance(0.3), baseline, 0.05) == 0.3
    assert math.isnan(allowed(read_tolerance("5%"), group(20), 0.05))


@pytest.mark.parametrize("values", [(-0.001, 0.002, 0.001), (-3, -4, -5), (0, 0, 0), (1e-3, 5e-3)])
def test_a_share_of_what_may_be_zero_is_refused(values):
    with pytest.raises(ValueError, match="needs a mean clearly above 0, and it is"):
        allowed(read_tolerance("5%"), group(*values), 0.05)
    assert allowed(read_tolerance(0.002), group(*values), 0.05) == 0.002
