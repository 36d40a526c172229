from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.analysis.group import NOT_FINITE, Group


def test_moments() -> None:
    group = Group(
        label="a", scores={0: 1.0, 5: 4.0, 2: 2.0}, failures={1: "diverged", 3: "oom", 4: NOT_FINITE}
    )
    assert (group.n, group.failed) == (3, 2)
    assert (group.mean, group.median) == (pytest.approx(7 / 3), 2.0)
    assert group.sd == pytest.approx(np.std([1, 2, 4], ddof=1))
    low, high = stats.t.interval(0.95, 2, loc=7 / 3, scale=group.sd / math.sqrt(3))
    assert group.interval == (pytest.approx(low), pytest.approx(high))


def test_too_few_scores_have_no_spread() -> None:
    none, one = Group(label="a", scores={}), Group(label="a", scores={0: 3.0})
    assert all(math.isnan(number) for number in (none.mean, none.median, none.sd, *none.interval))
    assert (one.mean, one.median) == (3.0, 3.0)
    assert all(math.isnan(number) for number in (one.sd, *one.interval))


def test_scores_too_large_to_compute_with() -> None:
    group = Group(label="a", scores={0: 1.7e308, 1: 1.7e308, 2: -1.7e308, 3: 1.7e308})
    assert all(math.isnan(number) for number in (group.sd, *group.interval))
