from __future__ import annotations

import pytest

from ganbench.analysis.group import Group
from ganbench.analysis.numbers import number, p_value
from ganbench.analysis.pairwise import compare_pair
from ganbench.analysis.verdict import sentence, verdict


def _verdict(
    old: list[float],
    new: list[float],
    direction: str = "lower",
    family: int = 1,
    paired: bool = True,
    **counts,
) -> str:
    baseline = Group(label="minimax", scores=dict(enumerate(old)), ok=len(old), **counts)
    value = Group(label="ns", scores=dict(enumerate(new)), ok=len(new))
    pair = compare_pair(baseline, value, direction, paired=paired)
    return verdict("fid" if direction == "lower" else "is", direction, baseline, value, pair, pair.p, family)


def test_the_better_one_is_named_with_its_interval() -> None:
    assert (
        _verdict([10, 12, 14], [8, 9, 10])
        == "ns better (fid lower by 3, 95% interval 0.516 to 5.48, p=0.035, 3 seeds)"
    )


def test_the_baseline_can_win_and_higher_can_be_better() -> None:
    assert _verdict([8, 9, 10], [10, 12, 14]).startswith("minimax better (fid lower by 3, 95% interval 0.516")
    assert _verdict([8, 9, 10], [10, 12, 14], "higher").startswith("ns better (is higher by 3, ")


def test_no_difference_says_what_these_pairs_would_show() -> None:
    said = _verdict([1, 2, 3, 4, 5], [2, 1, 4, 3, 6])
    assert said.startswith("no difference shown (fid lower by 0.2 for minimax; ns - minimax: 95% interval ")
    assert said.endswith("5 pairs would show 1.68 sd = 1.84 or more)")


def test_the_family_is_named() -> None:
    assert "p=0.035 adjusted for 4 tests" in _verdict([10, 12, 14], [8, 9, 10], family=4)


def test_failures_come_first() -> None:
    said = _verdict([10, 12, 14], [8, 9, 10, 11, 12], failures={3: "diverged", 4: "oom"})
    assert said == (
        "minimax failed in 2 of 5; no difference shown (failures ranked as worst: p=0.062 by signed ranks, "
        "5 pairs, which give no p below 0.0625); in the 3 pairs left fid lower by 3 for ns, ns - minimax: "
        "95% interval -5.48 to -0.516"
    )


def test_failures_decide_where_there_are_enough() -> None:
    failures = dict.fromkeys(range(3, 8), "diverged")
    said = _verdict([10, 12, 14], [8, 9, 10, 11, 12, 13, 14, 15], failures=failures)
    assert said.startswith(
        "minimax failed in 5 of 8; ns better (failures ranked as worst: p=0.0078 by signed ranks, 8 pairs); "
    )
    # The worse scores win where the better ones came with failures.
    said = _verdict([5], list(range(10, 18)), failures=dict.fromkeys(range(1, 8), "error"))
    assert "ns better (failures ranked as worst" in said
    assert said.endswith("in the 1 pair left fid lower by 5 for minimax")


def test_an_arm_of_failures_alone_is_compared() -> None:
    said = _verdict([], [1.0, 2.0, 3.0], failures=dict.fromkeys(range(3), "oom"))
    assert said.startswith("minimax failed in 3 of 3; no difference shown (failures ranked as worst: p=0.25")
    both = _verdict([], [], failures=dict.fromkeys(range(3), "oom"))
    assert both == "minimax failed in 3 of 3; nothing to compare: no cell of minimax or ns has a final fid"


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"skipped": 3}, "minimax skipped in 3; nothing to compare: no seed has a final fid in both groups"),
        ({"unfinished": 1}, "minimax unfinished in 1; nothing to compare"),
    ],
)
def test_an_arm_without_scores(counts: dict, said: str) -> None:
    assert _verdict([], [1.0, 2.0, 3.0], **counts).startswith(said)


def test_seeds_that_are_no_pairs() -> None:
    said = _verdict([10, 12, 14], [8, 9, 10], paired=False)
    assert said.startswith("no difference shown (fid lower by 3 for ns; ns - minimax: 95% interval ")
    assert said.endswith("3 + 3 seeds would show 3.51 sd = 5.55 or more)")
    assert _verdict([10, 12, 14], [1, 2, 2], paired=False).endswith(", 3 + 3 seeds)")
    assert _verdict([10], [1, 2], paired=False) == (
        "1 seed of a group is too few to tell (fid lower by 8.5 for ns)"
    )
    failed = _verdict([10, 12], [8, 9, 10, 11], paired=False, failures={2: "oom", 3: "oom", 4: "oom"})
    assert "p=0.04 by rank sum, 5 + 4 seeds); in the 2 + 4 seeds left fid lower by 1.5 for ns, " in failed


def test_what_would_be_shown_meets_the_family() -> None:
    assert "5 pairs would show 1.68 sd" in _verdict([1, 2, 3, 4, 5], [2, 1, 4, 3, 6])
    # .05 / 8: Holm's smallest p has to meet it.
    assert "5 pairs would show 2.98 sd" in _verdict([1, 2, 3, 4, 5], [2, 1, 4, 3, 6], family=8)


def test_one_pair_tells_nothing() -> None:
    assert _verdict([10], [8]) == "1 pair is too few to tell (fid lower by 2 for ns)"


def test_no_spread() -> None:
    assert _verdict([1, 2], [1, 2]) == (
        "no difference shown (the same mean fid in each of 2 pairs, no spread for a t test, "
        "p=1 by sign flips)"
    )
    assert _verdict([1, 2], [2, 3]) == (
        "no difference shown (fid lower by 1 for minimax in each of 2 pairs, no spread for a t test, "
        "p=0.5 by sign flips)"
    )
    # Counted modes: the same step in every pair is evidence, though t is not defined.
    assert _verdict([8] * 6, [7] * 6, "higher") == (
        "minimax better (is higher by 1 for minimax in each of 6 pairs, no spread for a t test, "
        "p=0.031 by sign flips)"
    )


def test_scores_too_large_to_compute_with() -> None:
    assert _verdict([1e308, -1e308], [-1e308, 1e308]).startswith("no interval: ")


def test_a_score_that_was_not_asked_for_is_no_failure() -> None:
    baseline = Group(label="a", scores={0: 1.0, 1: 2.0}, ok=3)
    value = Group(label="b", scores={0: 2.0, 1: 5.0, 2: 1.0}, ok=3)
    pair = compare_pair(baseline, value, "lower")
    said = verdict("fid", "lower", baseline, value, pair, pair.p, 1)
    assert said.startswith("a was not scored by fid in 1 of 3; in the 2 pairs left: ")


def test_numbers_for_reading() -> None:
    assert [number(value) for value in (float("nan"), 0.012345, 1234567.0)] == ["-", "0.0123", "1.23e+06"]
    assert [p_value(p) for p in (0.0, 0.0009, 0.0123)] == ["p<0.001", "p<0.001", "p=0.012"]


def _sentence(old: list[float], new: list[float], paired: bool = True, family: int = 1, **counts) -> str:
    baseline = Group(label="minimax", scores=dict(enumerate(old)), ok=len(old), **counts)
    value = Group(label="ns", scores=dict(enumerate(new)), ok=len(new))
    pair = compare_pair(baseline, value, "lower", paired=paired)
    return sentence("fid", "lower", baseline, value, pair, pair.p, family, (-7.0, -0.25))


def test_a_sentence_names_both_and_gives_the_interval_of_all_tests_together() -> None:
    assert _sentence([10, 12, 14], [8, 9, 10]) == (
        "ns is better than minimax (fid lower by 3, 95% interval 0.25 to 7, p=0.035, 3 seeds)"
    )
    assert _sentence([8, 9, 10], [10, 12, 14], family=4).startswith(
        "minimax is better than ns (fid lower by 3, simultaneous 95% interval 0.25 to 7, p=0.035 adjusted for"
    )
    assert _sentence([1, 2, 3], [2, 1, 4]).startswith(
        "no difference shown between ns and minimax (fid lower by 0.333 for minimax; ns - minimax: 95% "
        "interval -7 to -0.25, p="
    )


def test_a_sentence_names_both_where_nothing_can_be_told() -> None:
    assert _sentence([10], [8]) == "ns against minimax: 1 pair is too few to tell (fid lower by 2 for ns)"
    assert _sentence([], [1.0, 2.0]) == (
        "ns against minimax: nothing to compare: no seed has a final fid in both groups"
    )
    assert _sentence([1e308, -1e308], [-1e308, 1e308]).startswith("ns against minimax: no interval: ")
    assert _sentence([8] * 6, [7] * 6) == (
        "ns is better than minimax (fid lower by 1 for ns in each of 6 pairs, no spread for a t test, "
        "p=0.031 by sign flips)"
    )


def test_a_sentence_about_ranks_has_no_interval() -> None:
    failures = dict.fromkeys(range(3, 8), "diverged")
    said = _sentence([10, 12, 14], [8, 9, 10, 11, 12, 13, 14, 15], failures=failures)
    assert said == (
        "minimax failed in 5 of 8; ns is better than minimax (failures ranked as worst: p=0.0078 by signed "
        "ranks, 8 pairs); in the 3 pairs left fid lower by 3 for ns"
    )
