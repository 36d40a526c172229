"""A check in words, and as records."""

from __future__ import annotations

import json
import math

import pytest

from ganbench.regression import check, records, text_of


@pytest.mark.slow
def test_the_whole_text(outcome, tmp_path):
    lines = text_of(outcome).replace(str(tmp_path), "").splitlines()
    seen = "8 seeds against 8"
    # Four pairs of groups of equal spread: sd 1.01, Welch's t with 14 degrees of freedom, over four tests.
    assert lines == [
        "regression (2 regression, 1 inconclusive, 1 improvement, 1 pass, 1 identical): /now against /base",
        "regression    digits, broken: fid (digits_cnn) 1.5 -> 1: 1 of 2 cells failed (1 oom), and none of "
        "the baseline's 2; those left: better by 0.5 (33.3%)",
        "regression    digits, net[a|b=<1>]: fid (digits_cnn) 20 -> 24: worse by 4 (20%) (3.11 worse to 4.89 "
        f"worse with 90% confidence, tolerance 6% = 1.2, p<0.001 over 4 tests, {seen})",
        "inconclusive  digits, unclear: fid (digits_cnn) 20 -> 20.9: worse by 0.9 (4.5%) (0.0115 worse to "
        f"1.79 worse with 90% confidence, tolerance 6% = 1.2, p=0.14 over 4 tests, {seen}); about 13 seeds "
        "against this baseline would settle it",
        "improvement   digits, better: fid (digits_cnn) 20 -> 16: better by 4 (20%) (4.89 better to 3.11 "
        f"better with 90% confidence, tolerance 6% = 1.2, p<0.001 over 4 tests, {seen})",
        "pass          digits, good: fid (digits_cnn) 20 -> 20: no difference (0.888 better to 0.888 worse "
        f"with 90% confidence, tolerance 6% = 1.2, {seen})",
        "identical     digits, same: fid (digits_cnn) 1.5 -> 1.5",
        "3 of 36 cells are bit-identical to the baseline's",
        "33 of 36 cells were made in another environment (torch 2.9.0 -> 2.9.1)",
    ]


def test_identical_folders_are_said_in_two_lines(tables):
    path = tables("a").add([1.0, 2.0]).write()
    assert text_of(check(path, path)) == (
        f"identical: {path} against {path}\nall 2 cells are bit-identical to the baseline's"
    )


@pytest.mark.slow
def test_records_are_json_with_every_number(outcome):
    rows = json.loads(json.dumps(records(outcome), allow_nan=False))
    assert [row["verdict"] for row in rows] == [finding.verdict for finding in outcome.findings]
    by = {row["architecture"]: row for row in rows}
    worse, broken = by["net[a|b=<1>]"], by["broken"]
    assert worse["difference"] == pytest.approx(4)
    assert (worse["tolerance"], worse["allowed"]) == ("6%", pytest.approx(1.2))
    assert worse["low"] < 4 < worse["high"]
    assert (worse["n_baseline"], worse["n_value"], worse["family"], worse["alpha"]) == (8, 8, 4, 0.05)
    assert (worse["loss"], worse["metric"], worse["protocol"]) == ("minimax", "fid", "p1")
    assert (broken["failures_value"], broken["p_adjusted"], broken["sd_value"]) == (1, None, None)
    assert by["unclear"]["seeds"] == 13
    assert by["good"]["seeds"] is None


@pytest.mark.slow
def test_differences_are_in_the_scores_own_sense(tables):
    baseline = tables("a").add([5.0, 5.1, 5.2], "is").write()
    value = tables("b").add([4.0, 4.1, 4.3], "is", environment="e2").write()
    (row,) = records(check(value, baseline))
    assert row["verdict"] == "regression"
    assert row["difference"] == pytest.approx(-0.9667, abs=1e-3)
    assert row["low"] < row["difference"] < row["high"] < 0
    assert not math.isnan(row["p_adjusted"])
