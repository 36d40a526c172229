"""How many seeds a check would need, from a baseline alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ganbench.errors import GanbenchError
from ganbench.grid.tolerance import read_tolerance
from ganbench.regression import plan, plan_records, seeds
from ganbench.regression.power import FINDS, PASSES, chance_to_find, chance_to_pass


def spread(n, sd=1.0, mean=20.0):
    scores = np.linspace(-1, 1, n)
    return (mean + sd * scores / scores.std(ddof=1)).tolist()


def test_seeds_a_side_for_one_score(tables):
    made = plan(tables("a").add(spread(8)).write(), tolerance=read_tolerance(1))
    (need,) = made.needs
    # The bound of a spread of 1 over 8 seeds: sqrt(7 / 3.822), by the 20% quantile of chi-square.
    assert need.sd == pytest.approx(1.3533, abs=1e-4)
    assert (need.n, need.allowed, need.to_pass, need.to_find) == (8, 1.0, 24, 9)
    assert made.together == 24
    assert need.beside is None


def test_a_baseline_that_is_large_enough_stays_as_it_is(tables):
    made = plan(tables("a").add(spread(30)).write(), tolerance=read_tolerance(1))
    assert (made.needs[0].to_pass, made.needs[0].beside) == (17, 12)


def test_all_scores_together_need_more(tables):
    folder = tables("a")
    for index in range(4):
        folder.add(spread(8, sd=1 + index / 10), architecture=f"net_{index}")
    made = plan(folder.write(), tolerance=read_tolerance(1))
    widest = made.needs[-1]
    n = made.together
    assert n == widest.together > widest.to_pass > made.needs[0].to_pass
    assert chance_to_pass(1.3, n, 1.3, n, 1, 0.05) >= 1 - (1 - PASSES) / 4
    assert chance_to_find(1.3, n, 1.3, n, 1, 0.05 / 4, 2) >= FINDS


def test_records_are_json(tables):
    made = plan(tables("a").add(spread(5)).add([7.0] * 5, "is").write(), metrics=("fid", "is"))
    rows = json.loads(json.dumps(plan_records(made), allow_nan=False))
    assert [row["metric"] for row in rows] == ["fid", "is"]
    assert rows[0]["allowed"] == pytest.approx(1)
    assert rows[0]["seeds"] is None
    # A count without spread: as many as arrangements ask for.
    assert (rows[1]["sd_baseline"], rows[1]["seeds_to_pass"], rows[1]["seeds"]) == (0, 4, 3)


def test_what_no_grid_can_have(tables):
    made = plan(tables("a").add(spread(5)).write(), tolerance=read_tolerance(1e-6))
    assert made.together is None
    assert seeds(made.together) == "over 10000"


def test_one_seed_tells_nothing(tables):
    with pytest.raises(GanbenchError, match=r"digits, mlp: fid .* has 1 score, and at least 2 are needed"):
        plan(tables("a").add([1.0]).write())


def test_a_share_of_zero(tables):
    with pytest.raises(
        GanbenchError, match="kid: a tolerance of 5% of the baseline needs a mean clearly above"
    ):
        plan(tables("a").add([-0.1, 0.1], "kid").write())
