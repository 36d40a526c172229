"""Identical cells, and why others are not."""

from __future__ import annotations

import pytest

from ganbench.regression import check, junit_of, markdown_of, records, text_of
from ganbench.regression.bit_identity import bits_sentences, compare_bits, final_values
from ganbench.regression.checks import read_finished


@pytest.fixture
def compared(tables):
    """The bits of two folders of one context each."""

    def compare(baseline, value):
        sides = [read_finished(folder.write()) for folder in (baseline, value)]
        (old,), (new,) = (side.contexts().values() for side in sides)
        return compare_bits(old, new, *(final_values(side.cells, side.scores) for side in sides))

    return compare


def test_equal_weights_and_scores_are_identical(tables, compared):
    bits = compared(tables("a").add([1, 2, 3]), tables("b").add([1, 2, 3]))
    assert bits.identical
    assert bits_sentences([bits]) == ["all 3 cells are bit-identical to the baseline's"]


def test_the_baseline_may_have_more_seeds(tables, compared):
    fewer = compared(tables("a").add([1, 2, 3]), tables("b").add([1, 2]))
    assert fewer.identical
    assert bits_sentences([fewer]) == [
        "all 2 cells are bit-identical to the baseline's; 1 more of the baseline's cells were not run"
    ]
    more = compared(tables("a").add([1, 2]), tables("b").add([1, 2, 3]))
    assert not more.identical
    assert bits_sentences([more]) == [
        "2 of 3 cells are bit-identical to the baseline's",
        "1 of 3 cells are of seeds that the baseline lacks",
    ]


def test_equal_weights_are_proof_in_another_environment_too(tables, compared):
    bits = compared(tables("a").add([1, 2]), tables("b").add([1, 2], environment="e2", torch="2.9.1"))
    assert bits.identical
    (words,) = bits_sentences([bits])
    assert words.endswith("baseline's, though they were made in another environment (torch 2.9.0 -> 2.9.1)")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": "ab"}, "have other weights in the same environment: what is trained has changed"),
        ({"weights": ""}, "have other weights in the same environment: what is trained has changed"),
        (
            {"weights": "ab", "environment": "e2", "device": "Other CPU", "plugins": "foo 1"},
            "were made in another environment (device Test CPU -> Other CPU; foo absent -> 1)",
        ),
        (
            {"weights": "ab", "environment": "e2"},
            "were made in another environment (the number of threads, or a plugin's source)",
        ),
    ],
)
def test_why_not(tables, compared, changes, words):
    bits = compared(tables("a").add([1, 2]), tables("b").add([1, 2], **changes))
    assert not bits.identical
    assert bits_sentences([bits]) == [f"2 of 2 cells {words}"]


def test_the_same_weights_with_other_scores(tables, compared):
    old, new = tables("a").add([1, 2], weights="ab"), tables("b").add([1, 2.5], weights="ab")
    assert bits_sentences([compared(old, new)])[1] == (
        "1 of 2 cells have the same weights and other scores: what is measured has changed"
    )
    # Scores on the way are not what is checked.
    old.scores.append({**old.scores[0], "step": 50, "value": "7.0"})
    new.scores.append({**new.scores[0], "step": 50, "value": "8.0"})
    assert compared(old, new).reasons == ("alike", "scores")


def test_cells_that_failed(tables, compared):
    diverged = {"values": None, "status": "diverged", "reason": "NaN at step 40", "step": 40, "weights": ""}
    assert compared(tables("a").add(**diverged), tables("b").add(**diverged)).identical
    later = compared(tables("a").add(**diverged), tables("b").add(**{**diverged, "step": 50}))
    assert bits_sentences([later]) == ["1 of 1 cells ended otherwise in the same environment"]
    elsewhere = compared(tables("a").add(**diverged), tables("b").add(**{**diverged, "environment": "e2"}))
    # Without weights nothing proves that the bits are the same.
    assert not elsewhere.identical
    assert compared(tables("a").add([1]), tables("b").add(**diverged)).reasons == ("status",)
    skipped = {"values": None, "status": "skipped", "environment": "e2"}
    assert compared(tables("a").add(None, status="skipped"), tables("b").add(**skipped)).identical


def test_identical_says_of_how_many_of_the_baselines_seeds(tables):
    both = ("minimax", "hinge")
    old, new, less = (tables(name) for name in ("old", "new", "less"))
    for loss in both:
        old.add(range(1, 10), loss=loss)
        new.add([1, 2], loss=loss)
        less.add([1, 2] if loss == "hinge" else [1], loss=loss)
    before = old.write()
    outcome = check(new.write(), before)
    assert (outcome.verdict, outcome.exit_code) == ("identical", 0)
    share = "2 of the baseline's 9 seeds"
    told = f"identical: {share} are bit-identical: {new.path} against {before}"
    assert text_of(outcome).splitlines()[0] == told
    assert text_of(outcome).splitlines()[1].endswith("; 14 more of the baseline's cells were not run")
    assert {row["reason"] for row in records(outcome)} == {f"only {share} were run"}
    assert f"ganbench check: {told}" in markdown_of(outcome).replace("\\", "")
    junit = junit_of(outcome).decode()
    assert told in junit
    assert junit.count(f"only {share} were run") == 2
    # Where contexts differ, their cells are counted.
    assert "identical: 3 of the baseline's 18 cells are" in text_of(check(less.write(), before))
    whole = text_of(check(before, before))
    assert whole.startswith(f"identical: {before} against {before}\n")
    assert "were not run" not in whole
