"""The verdicts, from two folders on disk."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ganbench.errors import GanbenchError
from ganbench.grid.tolerance import read_tolerance
from ganbench.regression import check, text_of

# Eight seeds around 20 with sd 1: se of a difference is .5.
NOISE = np.array([-1.5, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 1.5])
BASE = (20 + NOISE).tolist()


@pytest.fixture
def checked(tables):
    """The outcome of a check of one context against another, each as (values, options)."""
    numbers = itertools.count()

    def checked(old, new, tolerance=None, alpha=0.05, metric="fid", metrics=(), **options):
        number = next(numbers)
        baseline = tables(f"a{number}").add(old, metric)
        value = tables(f"b{number}").add(new, metric, **{"environment": "e2", **options})
        given = None if tolerance is None else read_tolerance(tolerance)
        return check(value.write(), baseline.write(), tolerance=given, alpha=alpha, metrics=metrics)

    return checked


def shifted(by, scale=1.0):
    return (20 + by + scale * NOISE[::-1]).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "tolerance", "verdict", "code"),
    [
        (0, 2, "pass", 0),
        (0, 0.5, "inconclusive", 3),
        (0.9, 1, "inconclusive", 3),
        (3, 2, "regression", 1),
        # Significantly worse, yet by less than is put up with.
        (3, 5, "pass", 0),
        (-3, 2, "improvement", 0),
        (-3, 5, "pass", 0),
    ],
)
def test_verdicts_of_a_score_that_should_be_low(checked, by, tolerance, verdict, code):
    outcome = checked(BASE, shifted(by), tolerance)
    assert (outcome.verdict, outcome.exit_code) == (verdict, code)
    (finding,) = outcome.findings
    assert finding.evidence.loss == pytest.approx(by)


@pytest.mark.slow
@pytest.mark.parametrize(("by", "verdict"), [(3, "improvement"), (0, "pass"), (-3, "regression")])
def test_of_a_score_that_should_be_high(checked, by, verdict):
    outcome = checked(BASE, shifted(by), 2, metric="is")
    assert outcome.verdict == verdict
    assert outcome.findings[0].evidence.loss == pytest.approx(-by)


@pytest.mark.slow
def test_a_large_loss_that_is_not_significant_is_inconclusive(checked):
    assert checked(BASE, shifted(3, scale=8), 2).verdict == "inconclusive"
    assert checked(BASE, shifted(3), 2, alpha=1e-6).verdict == "inconclusive"


@pytest.mark.slow
def test_five_percent_unless_told_otherwise(checked):
    outcome = checked(BASE, shifted(3))
    (finding,) = outcome.findings
    assert finding.allowed == pytest.approx(1.0)
    assert outcome.verdict == "regression"


def test_identical_bits_need_no_tolerance(checked):
    outcome = checked([-0.1, 0.1], [-0.1, 0.1], environment="e1")
    assert (outcome.verdict, outcome.exit_code) == ("identical", 0)
    assert text_of(outcome).splitlines()[1:] == ["all 2 cells are bit-identical to the baseline's"]


@pytest.mark.slow
def test_a_share_of_a_baseline_near_zero_is_refused(checked):
    near = [0.001, -0.001, 0.002, 0.0]
    with pytest.raises(GanbenchError) as caught:
        checked(near, [each + 0.0005 for each in near], metric="kid")
    (line,) = caught.value.problems
    assert line.startswith("digits, mlp: kid: a tolerance of 5% of the baseline needs a mean clearly above 0")
    assert line.endswith("or --metric kid --tolerance 0.002")
    assert checked(near, [each + 0.0005 for each in near], 0.1, metric="kid").verdict == "pass"


def test_one_seed_has_no_spread(checked):
    for old, new in (([20], [25, 26]), ([20, 21], [25]), ([20], [25])):
        outcome = checked(old, new)
        assert outcome.exit_code == 3
        assert "one seed has no spread to judge by" in text_of(outcome)
        assert outcome.findings[0].seeds_needed is None


@pytest.mark.slow
def test_a_count_without_spread(checked):
    def verdict(old, new, tolerance):
        return checked(old, new, tolerance, metric="is", weights="other").verdict

    assert verdict([8] * 4, [8] * 4, 1) == "pass"
    assert verdict([8] * 4, [7] * 4, 0.5) == "regression"
    assert verdict([8] * 2, [8] * 2, 1) == "inconclusive"
    (finding,) = checked([8] * 2, [8] * 2, 1, metric="is", weights="other").findings
    assert (finding.seeds_needed.each, finding.seeds_needed.beside) == (3, 5)


def test_a_failure_is_a_regression_where_there_was_none(tables):
    baseline = tables("a").add(BASE)
    for status in ("diverged", "error", "oom"):
        value = tables(f"b-{status}").add(shifted(-5)[:7], environment="e2").add(None, seed=7, status=status)
        outcome = check(value.write(), baseline.write(), tolerance=read_tolerance(5))
        assert outcome.exit_code == 1
        assert f"1 of 8 cells failed (1 {status}), and none of the baseline's 8" in text_of(outcome)
    everything = tables("c").add(None, status="diverged")
    assert check(everything.write(), baseline.write()).verdict == "regression"


def test_a_score_that_is_not_finite_is_a_failure(tables):
    value = tables("b").add([*BASE[:7], math.nan], environment="e2")
    outcome = check(value.write(), tables("a").add(BASE).write())
    assert outcome.verdict == "regression"
    assert "1 of 8 cells failed (1 not finite)" in text_of(outcome)


@pytest.mark.slow
def test_failures_on_both_sides_are_ranked(tables):
    def folder(name, good, failed, environment):
        made = tables(name).add((20 + np.linspace(-1, 1, good)).tolist(), environment=environment)
        for seed in range(good, good + failed):
            made.add(None, seed=seed, status="diverged", environment=environment)
        return made.write()

    baseline = folder("a", 8, 2, "e1")
    wide = read_tolerance(5)
    assert check(folder("same", 8, 2, "e2"), baseline, tolerance=wide).verdict == "pass"
    assert check(folder("fewer", 10, 0, "e2"), baseline, tolerance=wide).verdict == "pass"
    one_more = check(folder("more", 7, 3, "e2"), baseline, tolerance=wide)
    assert one_more.verdict == "inconclusive"
    assert "3 of 10 cells failed (3 diverged); of the baseline, 2 of 10" in text_of(one_more)
    assert check(folder("most", 1, 9, "e2"), baseline, tolerance=wide).verdict == "regression"
    assert check(folder("all", 0, 10, "e2"), baseline, tolerance=wide).verdict == "regression"


@pytest.mark.slow
def test_a_baseline_that_failed_throughout_has_nothing_to_say(tables):
    baseline = tables("a").add(BASE)
    for seed in range(3):
        baseline.add(None, seed=seed, loss="non_saturating", status="diverged")
    value = (
        tables("b").add(shifted(0), environment="e2").add(BASE[:3], loss="non_saturating", environment="e2")
    )
    outcome = check(value.write(), baseline.write(), tolerance=read_tolerance(2))
    verdicts = {finding.check.where["loss"]: finding.verdict for finding in outcome.findings}
    assert verdicts == {"minimax": "pass", "non_saturating": "inconclusive"}
    assert "nothing to compare with: of the baseline, 3 of 3 cells failed (3 diverged)" in text_of(outcome)


@pytest.mark.slow
def test_holm_over_contexts_and_metrics(tables):
    # By itself each is significant at 5%; eight of them would be so by chance too often.
    loss = 1.1
    alone = check(
        tables("b").add(shifted(loss), environment="e2").write(),
        tables("a").add(BASE).write(),
        tolerance=read_tolerance(1),
    )
    assert alone.verdict == "regression"
    p = alone.findings[0].p
    assert 0.05 / 8 < p < 0.05
    baseline, value = tables("c"), tables("d")
    for index, metric in itertools.product(range(4), ("fid", "is")):
        where = {"architecture": f"net_{index}"}
        baseline.add(BASE, metric, **where)
        value.add(shifted(loss if (index, metric) == (0, "fid") else 0), metric, **where, environment="e2")
    together = check(value.write(), baseline.write(), tolerance=read_tolerance(1))
    assert together.verdict == "inconclusive"
    worst = next(finding for finding in together.findings if finding.evidence.loss > 0.5)
    assert worst.p == pytest.approx(8 * p)
    assert (worst.family, together.family) == (8, 8)
    assert "over 8 tests" in text_of(together)


@pytest.mark.slow
def test_identical_contexts_are_no_part_of_the_family(tables):
    baseline = tables("a").add(BASE).add(BASE, loss="non_saturating")
    value = tables("b").add(shifted(3.1)).add(BASE, loss="non_saturating")
    outcome = check(value.write(), baseline.write())
    assert [finding.verdict for finding in outcome.findings] == ["regression", "identical"]
    assert outcome.family == 1
    assert outcome.notes[0] == "8 of 16 cells are bit-identical to the baseline's"


@pytest.mark.slow
def test_the_most_severe_comes_first(tables):
    baseline, value = tables("a"), tables("b")
    for name, by in (("good", 0.0), ("bad", 3.0), ("worst", 9.0), ("unclear", 0.5), ("better", -9.0)):
        baseline.add(BASE, architecture=name)
        value.add(shifted(by), architecture=name, environment="e2")
    baseline.add(BASE, architecture="broken")
    value.add(None, architecture="broken", environment="e2", status="error")
    outcome = check(value.write(), baseline.write(), tolerance=read_tolerance(1.2))
    order = [finding.check.where["architecture"] for finding in outcome.findings]
    assert order == ["broken", "worst", "bad", "unclear", "better", "good"]
    assert list(outcome.counts) == ["regression", "inconclusive", "improvement", "pass"]


@pytest.mark.parametrize("alpha", [0, 0.5, -1, 1, math.nan, math.inf])
def test_alpha_must_be_a_level(checked, alpha):
    with pytest.raises(GanbenchError, match=r"^--alpha: must be above 0 and below 0.5, given "):
        checked(BASE, BASE, alpha=alpha)


@pytest.mark.slow
def test_notes_say_what_changed_and_what_is_not_checked(tables):
    baseline = tables("a").add(BASE)
    value = tables("b", baseline.grid.replace("steps = 100", "steps = 200"))
    value.add(shifted(0), environment="e2").add(BASE, "is").add(BASE, loss="non_saturating")
    outcome = check(value.write(), baseline.write())
    assert outcome.notes[1:] == (
        "settings differ from the baseline's: train.steps 100 -> 200",
        "not checked: 1 context that the baseline lacks",
        "not checked: is",
    )


@pytest.mark.slow
def test_a_setting_that_the_baselines_grid_does_not_know_has_its_default(tables):
    baseline = tables("a").add(BASE)

    def notes(name, accumulate):
        known = f'steps = 100\nupdate = "alternating"\ngradient_clip = 0.0\naccumulate = {accumulate}\n'
        value = tables(name, baseline.grid.replace("steps = 100", known)).add(shifted(0), environment="e2")
        return check(value.write(), baseline.write()).notes

    assert not any("settings differ" in note for note in notes("b", 1))
    assert "settings differ from the baseline's: train.accumulate 1 -> 2" in notes("c", 2)
