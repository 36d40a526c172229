from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.report.contrast import Arm, detectable, paired


def _arm(*scores: float, label: str = "a") -> Arm:
    return Arm(label=label, scores=dict(enumerate(scores)), ok=len(scores))


def test_against_the_formula() -> None:
    result = paired(_arm(10, 12, 14), _arm(8, 9, 10), "lower")
    # differences -2, -3, -4: mean -3, sd 1, standard error 1/sqrt(3), t(2) quantile 4.302653
    assert result.n == 3
    assert result.difference == pytest.approx(-3)
    assert result.sd == pytest.approx(1)
    assert result.low == pytest.approx(-3 - 4.302652729911275 / math.sqrt(3))
    assert result.high == pytest.approx(-3 + 4.302652729911275 / math.sqrt(3))
    assert result.p == pytest.approx(2 * stats.t.sf(3 * math.sqrt(3), 2))
    assert result.probability_of_improvement == 1.0


def test_only_shared_seeds_count() -> None:
    baseline = Arm(label="a", scores={0: 1.0, 1: 5.0, 2: 9.0})
    value = Arm(label="b", scores={1: 4.0, 2: 9.0, 3: 100.0})
    result = paired(baseline, value, "lower")
    assert result.n == 2
    assert result.difference == pytest.approx(-0.5)
    assert result.probability_of_improvement == 0.75


def test_direction_decides_what_is_better() -> None:
    assert paired(_arm(1, 2), _arm(2, 4), "higher").probability_of_improvement == 1.0
    assert paired(_arm(1, 2), _arm(2, 4), "lower").probability_of_improvement == 0.0


@pytest.mark.parametrize(("old", "new", "p"), [((1, 2, 3), (1, 2, 3), 1.0), ((1, 2, 3), (2, 3, 4), math.nan)])
def test_no_spread_is_no_warning_and_no_certainty(old: tuple, new: tuple, p: float) -> None:
    result = paired(_arm(*old), _arm(*new), "lower")
    assert result.low == result.high == result.difference
    assert result.p == p or (math.isnan(result.p) and math.isnan(p))


def test_too_few_pairs_have_no_interval() -> None:
    assert paired(_arm(), _arm(), "lower").n == 0
    one = paired(_arm(3), _arm(1), "lower")
    assert (one.n, one.difference, one.probability_of_improvement) == (1, -2.0, 1.0)
    assert all(math.isnan(number) for number in (one.sd, one.low, one.high, one.p))


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=8))
def test_any_finite_scores_give_numbers_or_nan_but_no_warning(scores: list) -> None:
    old, new = zip(*scores, strict=True)
    result = paired(_arm(*old), _arm(*new), "lower")
    assert not math.isinf(result.low)
    assert not math.isinf(result.difference)
    if not math.isnan(result.low):
        assert result.low <= result.difference <= result.high
    mirrored = paired(_arm(*new), _arm(*old), "higher")
    assert mirrored.probability_of_improvement == result.probability_of_improvement


def test_moments_of_an_arm() -> None:
    arm = _arm(1.0, 2.0, 4.0)
    assert arm.mean == pytest.approx(7 / 3)
    assert arm.sd == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert math.isnan(_arm().mean)
    assert math.isnan(_arm(1.0).sd)


# references: n pairs that find d with power .8, rounded up
@pytest.mark.parametrize(("d", "n"), [(0.5, 34), (0.75, 16), (1, 10), (1.5, 6), (2, 5), (3, 4)])
def test_detectable_effect_agrees_with_published_sample_sizes(d: float, n: int) -> None:
    assert detectable(n) <= d < detectable(n - 1)


def test_detectable_effect_of_two_pairs() -> None:
    assert detectable(2) == pytest.approx(11.55, abs=0.01)
