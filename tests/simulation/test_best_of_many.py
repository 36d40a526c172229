"""The fast form of `best_of_many.py`: fewer rankings, and slack for chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from best_of_many import SLACK, Calibration, Grouping, by_t, calibration, grouping, markdown

DRAWS = 200
GROUP_DRAWS = 2_000


@pytest.mark.parametrize("scores", ["means 1 sd apart", "means 1 sd apart, seeds are no pairs"])
def test_the_likeliest_arm_is_the_best_as_often_as_is_said(scores: str) -> None:
    model, bootstrap, _ = calibration(scores, 4, 3, DRAWS)
    assert model.said <= model.true + SLACK + 3 * math.sqrt(0.25 / DRAWS)
    # One that never commits itself would pass too.
    assert model.said > 0.5
    assert bootstrap.said > model.said
    assert model.loss < bootstrap.loss


def test_the_best_arm_is_seldom_left_out_of_group_1() -> None:
    found = grouping("means 1 sd apart", 4, 10, GROUP_DRAWS)
    assert found.left_out <= 0.05 + 4 * math.sqrt(0.05 / GROUP_DRAWS)
    assert found.size < 3
    equal = grouping("no arm differs", 4, 5, GROUP_DRAWS)
    assert 0.03 < equal.wrong < 1.5 * 0.05 + 4 * math.sqrt(0.075 / GROUP_DRAWS)


def test_the_multivariate_t_is_the_paired_tests_of_two_arms() -> None:
    random = np.random.default_rng(2)
    scores = random.normal(size=(2, 5)) + random.normal(size=5)
    gap = scores[1] - scores[0]
    # One-sided p of a t with 4 degrees of freedom, by its closed form.
    t = gap.mean() / (gap.std(ddof=1) / math.sqrt(5))
    x = t / math.sqrt(t * t + 4)
    below = 0.5 + 0.5 * x * (1.5 - 0.5 * x * x)
    assert by_t(scores, True, random)[0] == pytest.approx(below, abs=0.05)


def test_a_claim_that_does_not_hold_is_marked() -> None:
    known = {"scores": "s", "arms": 4, "n": 3, "draws": 9}
    wrong = Calibration(
        **known, method="model", said=0.9, true=0.5, sure=0, sure_true=math.nan, loss=1, holds=False
    )
    left = Grouping(**known, left_out=0.1, wrong=0.1, size=2, holds=False)
    said = markdown(pd.DataFrame([vars(wrong)]), pd.DataFrame([vars(left)]))
    assert "| s | 4 | 3 | model | 0.900 | 0.500 ✗ |" in said
    assert "| s | 4 | 3 | 0.1000 ✗ |" in said
