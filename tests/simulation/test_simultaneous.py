"""The fast form of `simultaneous.py`: the hardest families with fewer draws, and slack for chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from simultaneous import DESIGNS, EFFECTS, LARGE, Family, family, holm_of_many, markdown

from ganbench.analysis.multiple_testing import holm

DRAWS = 2_000
HARDEST = ("one does not, the others by far", "half do not, half by far")


@pytest.mark.slow
def test_the_fast_form_of_holm_is_holm() -> None:
    p = np.random.default_rng(1).random((20, 4)) ** 3
    assert holm_of_many(p) == pytest.approx(np.array([holm(row) for row in p.tolist()]))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("words", HARDEST)
def test_all_intervals_hold_together_and_agree_with_what_is_shown(design: str, words: str) -> None:
    truth = np.array((EFFECTS[words] + (LARGE,))[:3])
    found = family(design, words, truth, 5, DRAWS)
    assert found.agree == 1
    assert found.coverage >= 0.94 - 4 * math.sqrt(0.06 * 0.94 / DRAWS)
    # Intervals that hold every time would pass too.
    assert found.coverage < 0.99


def test_a_claim_that_does_not_hold_is_marked() -> None:
    line = Family(
        design="d",
        effects="e",
        tests=2,
        n=3,
        draws=9,
        coverage=0.9,
        agree=1,
        bonferroni=1,
        width=1,
        holds=False,
    )
    assert "| e | coverage | 0.900 ✗ |" in markdown(pd.DataFrame([vars(line)]))
