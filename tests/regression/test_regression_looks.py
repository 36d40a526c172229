"""The looks at a check whose seeds are added to: how many, at which levels, and when the first is enough."""

from __future__ import annotations

import pytest

from ganbench.regression import check
from ganbench.regression.looks import FIRST_SHARE, looks, new_seeds, settled_at_once


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 9, 100])
def test_the_looks_share_the_level_and_end_with_the_last_seed(seeds: int) -> None:
    planned = looks(seeds, 0.05)
    assert sum(look.alpha for look in planned) + FIRST_SHARE * 0.05 == pytest.approx(0.05)
    ends = [look.added for look in planned]
    assert ends == sorted(set(ends))
    assert (ends[0] >= 1, ends[-1]) == (True, seeds)
    assert [look.alpha for look in planned] == sorted(look.alpha for look in planned)


def test_nine_seeds_are_looked_at_by_threes() -> None:
    assert [look.added for look in looks(9, 0.05)] == [3, 6, 9]


def test_new_seeds_are_the_smallest_that_are_free() -> None:
    assert new_seeds([0, 2, 3], 3) == (1, 4, 5)


BASE = [19.0, 20.0, 21.0, 20.0, 20.5, 19.5]


@pytest.mark.parametrize(
    ("now", "verdict", "settled"),
    [
        (BASE, "identical", True),
        ([value + 0.01 for value in BASE], "pass", True),
        ([value - 8 for value in BASE], "improvement", True),
        ([value + 8 for value in BASE], "regression", True),
        # Significant at 0.05, and not at a tenth of that.
        ([value + 1.2 for value in BASE], "regression", False),
        ([value + 0.6 for value in BASE], "inconclusive", False),
    ],
)
def test_only_what_is_clear_is_settled_at_the_first_look(tables, now, verdict, settled) -> None:
    outcome = check(tables("now").add(now).write(), tables("base").add(BASE).write())
    assert outcome.verdict == verdict
    assert settled_at_once(outcome) == settled


def test_a_failure_where_none_was_needs_no_more_seeds(tables) -> None:
    now = tables("now").add(BASE[:5]).add(None, seed=5, status="diverged")
    outcome = check(now.write(), tables("base").add(BASE).write())
    assert outcome.verdict == "regression"
    assert settled_at_once(outcome)
