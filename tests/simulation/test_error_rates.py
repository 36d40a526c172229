"""The fast form of `error_rates.py`: the same claims with fewer draws, and slack for chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from error_rates import (
    Line,
    coverage,
    false_positives,
    family_wise,
    groups,
    markdown,
    power,
    smallest_adjusted,
)

from ganbench.analysis.multiple_testing import holm

DRAWS = 2_000


def _slack(rate: float) -> float:
    """Four standard errors of a share of DRAWS."""
    return 4 * math.sqrt(rate * (1 - rate) / DRAWS)


@pytest.fixture(scope="module")
def false() -> list[Line]:
    return list(false_positives(DRAWS))


@pytest.mark.slow
def test_no_difference_is_rarely_taken_for_one(false: list[Line]) -> None:
    claimed = [line for line in false if line.claim]
    # Two designs, two kinds of scores, three rates of failures, four numbers of seeds.
    assert len(claimed) == 2 * 2 * 3 * 4
    for line in claimed:
        assert line.rate <= 0.055 + _slack(0.05), line
    # A test that never rejects would pass too.
    assert all(0 < line.rate < 0.2 for line in false if line.n == 20)


def test_on_normal_scores_the_rate_is_the_exact_one(false: list[Line]) -> None:
    known = [line for line in false if not math.isnan(line.expected)]
    # Two designs, and Welch with three times the seeds in one group.
    assert len(known) == 3 * 4
    for line in known:
        assert line.rate == pytest.approx(line.expected, abs=_slack(line.expected)), line


def test_a_family_errs_no_more_than_one_test() -> None:
    for line in family_wise(DRAWS):
        assert line.rate <= 0.055 + _slack(0.05), line


@pytest.mark.slow
def test_the_fast_form_of_holm_is_holm() -> None:
    p = np.random.default_rng(1).random((20, 4))
    assert smallest_adjusted(p) == pytest.approx([min(holm(row)) for row in p.tolist()])


def test_intervals_hold_the_truth() -> None:
    found = [line for line in coverage(DRAWS) if line.claim]
    assert len(found) == 2 * 4 * 3
    for line in found:
        floor = 0.94 if line.scores == "normal" else 0.93
        assert line.rate >= floor - _slack(0.05), line
        if not math.isnan(line.expected):
            assert line.rate == pytest.approx(line.expected, abs=_slack(0.05)), line


@pytest.mark.slow
def test_differences_are_found_as_often_as_the_noncentral_t_says() -> None:
    found = list(power(DRAWS))
    assert len(found) == 2 * 4 * 2
    for line in found:
        assert line.rate == pytest.approx(line.expected, abs=_slack(0.5)), line
        if line.effect != 1.0:
            assert line.expected == pytest.approx(0.8)


def test_pairs_share_half_of_their_variance() -> None:
    old, new = groups(np.random.default_rng(0), "normal", (4_000, 5), paired=True)
    assert np.corrcoef(old.ravel(), new.ravel())[0, 1] == pytest.approx(0.5, abs=0.03)
    assert old.std() == pytest.approx(1, abs=0.03)


def test_a_claim_that_does_not_hold_is_marked() -> None:
    line = Line(question="power", method="m", scores="normal", n=5, draws=9, rate=0.3, claim="c", holds=False)
    said = markdown(pd.DataFrame([vars(line)]))
    assert "| m | normal | 0% | as the verdict says |  | 0.300 ✗ |  |  | c |" in said
