"""A comparison in words, honest about how many seeds stand behind it."""

from __future__ import annotations

import math

from ganbench.analysis.context import minus
from ganbench.analysis.detectable_effects import detectable_paired, detectable_welch
from ganbench.analysis.group import Group
from ganbench.analysis.numbers import ends, number, p_value
from ganbench.analysis.pairwise import PairwiseResult
from ganbench.analysis.significance import ALPHA, PERMUTATION, SIGN_FLIP


def verdict(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
) -> str:
    """Say what the scores of one metric show about two groups in one context.

    Args:
        metric: the score's name; empty where nothing was scored.
        direction: which score is better, `lower` or `higher`.
        baseline: the group that is the yardstick.
        value: the other group.
        found: their comparison.
        adjusted: p of the test that decides, adjusted for its family.
        family: number of tests in it.

    Returns:
        Failures first, for they outweigh a mean of survivors; then the decision with its interval.
    """
    notes = [note for group in (baseline, value) for note in _notes(group, metric)]
    decision = _decision(metric, direction, baseline, value, found, adjusted, family)
    if notes and found.n and not found.ranked:
        decision = f"in the {_scored(found, baseline, value)} left: {decision}"
    return "; ".join([*notes, decision])


def sentence(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
    interval: tuple[float, float],
) -> str:
    """Say the same with both groups named, and with the interval that holds for all of the family together.

    Args:
        metric: as for `verdict`, and so on.
        direction: which score is better.
        baseline: the group that is the yardstick.
        value: the other group.
        found: their comparison.
        adjusted: p of the test that decides, adjusted for its family.
        family: number of tests in it.
        interval: the simultaneous interval of value - baseline; NaN where no t test decides.

    Returns:
        Failures first; then the decision. An interval is given only where it agrees with the decision.
    """
    notes = [note for group in (baseline, value) for note in _notes(group, metric)]
    decision = _decision_of_both(metric, direction, baseline, value, found, adjusted, family, interval)
    if notes and found.n and not found.ranked:
        decision = f"in the {_scored(found, baseline, value)} left: {decision}"
    return "; ".join([*notes, decision])


def _decision_of_both(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
    interval: tuple[float, float],
) -> str:
    if not all(found.seen) or not (baseline.scores or value.scores):
        return f"{value.label} against {baseline.label}: {_nothing(metric, baseline, value, found)}"
    gap = _gap(metric, direction, baseline, value, found)
    if min(found.seen) == 1:
        few = "1 pair" if found.paired else "1 seed of a group"
        return f"{value.label} against {baseline.label}: {few} is too few to tell ({gap})"
    if math.isnan(adjusted):
        large = "the scores are too large to compute with"
        return f"{value.label} against {baseline.label}: no interval: {large} ({gap})"
    test = p_value(adjusted) + (f" adjusted for {family} tests" if family > 1 else "")
    said = {
        1: f"{value.label} is better than {baseline.label}",
        -1: f"{baseline.label} is better than {value.label}",
    }.get(found.favours if adjusted < ALPHA else 0, f"no difference shown between {_both(value, baseline)}")
    if found.ranked:
        left = (
            "" if math.isnan(found.difference) else f"; in the {_scored(found, baseline, value)} left {gap}"
        )
        return f"{said} ({_ranks(test, adjusted < ALPHA, found)}){left}"
    if found.test in (SIGN_FLIP, PERMUTATION):
        each = f"{gap} in each of {_scored(found, baseline, value)}"
        return f"{said} ({each}, no spread for a t test, {test} by {found.test})"
    kind = "simultaneous 95% interval" if family > 1 else "95% interval"
    if adjusted < ALPHA:
        near, far = sorted(map(abs, interval))
        seeds = f"{found.n} seeds" if found.paired else _scored(found, baseline, value)
        by = f"{metric} {direction} by {number(abs(found.difference))}"
        return f"{said} ({by}, {kind} {ends(near, far)}, {test}, {seeds})"
    power, seen = _detectable(found, family), _scored(found, baseline, value)
    between = f"{minus(value.label, baseline.label)}: {kind} {ends(*interval)}"
    shows = f"{seen} would show {number(power)} sd = {number(power * found.sd)} or more"
    return f"{said} ({gap}; {between}, {test}; {shows})"


def _both(value: Group, baseline: Group) -> str:
    return f"{value.label} and {baseline.label}"


def winner(baseline: Group, value: Group, found: PairwiseResult, adjusted: float) -> str:
    """Name the group that was shown to be better; empty where no difference was shown."""
    if not adjusted < ALPHA:
        return ""
    return {1: value.label, -1: baseline.label}.get(found.favours, "")


def refusal(reason: str) -> str:
    """Say why two groups must not be compared."""
    return f"not compared: {reason}"


def _decision(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
) -> str:
    if not all(found.seen) or not (baseline.scores or value.scores):
        return _nothing(metric, baseline, value, found)
    gap = _gap(metric, direction, baseline, value, found)
    if min(found.seen) == 1:
        few = "1 pair" if found.paired else "1 seed of a group"
        return f"{few} is too few to tell ({gap})"
    if math.isnan(adjusted):
        return f"no interval: the scores are too large to compute with ({gap})"
    test = p_value(adjusted) + (f" adjusted for {family} tests" if family > 1 else "")
    better = winner(baseline, value, found, adjusted)
    if found.ranked:
        return _by_ranks(gap, better, test, baseline, value, found)
    if found.test in (SIGN_FLIP, PERMUTATION):
        each = f"{gap} in each of {_scored(found, baseline, value)}"
        said = f"{each}, no spread for a t test, {test} by {found.test}"
        return f"{better} better ({said})" if better else f"no difference shown ({said})"
    if better:
        near, far = sorted((abs(found.low), abs(found.high)))
        seeds = f"{found.n} seeds" if found.paired else _scored(found, baseline, value)
        return (
            f"{better} better ({metric} {direction} by {number(abs(found.difference))}, "
            f"95% interval {ends(near, far)}, {test}, {seeds})"
        )
    power, seen = _detectable(found, family), _scored(found, baseline, value)
    return (
        f"no difference shown ({gap}; {_interval(baseline, value, found)}, {test}; "
        f"{seen} would show {number(power)} sd = {number(power * found.sd)} or more)"
    )


def _by_ranks(gap: str, better: str, test: str, baseline: Group, value: Group, found: PairwiseResult) -> str:
    """Word the decision where a cell failed: of all outcomes first, then of the scores that are left."""
    how = _ranks(test, bool(better), found)
    decision = f"{better} better ({how})" if better else f"no difference shown ({how})"
    if math.isnan(found.difference):
        return decision
    left = f"in the {_scored(found, baseline, value)} left {gap}"
    return f"{decision}; {left}" + ("" if math.isnan(found.low) else f", {_interval(baseline, value, found)}")


def _ranks(test: str, shown: bool, found: PairwiseResult) -> str:
    outcomes = _pairs(found.seen[0]) if found.paired else _seeds(*found.seen)
    how = f"failures ranked as worst: {test} by {found.test}, {outcomes}"
    if not shown and found.smallest_p >= ALPHA:
        how += f", which give no p below {number(found.smallest_p)}"
    return how


def _nothing(metric: str, baseline: Group, value: Group, found: PairwiseResult) -> str:
    scored = f"a final {metric}" if metric else "a score"
    if found.paired and (baseline.scores or value.scores):
        return f"nothing to compare: no seed has {scored} in both groups"
    empty = [group.label for group in (baseline, value) if not group.scores]
    return f"nothing to compare: no cell of {' or '.join(empty)} has {scored}"


def _gap(metric: str, direction: str, baseline: Group, value: Group, found: PairwiseResult) -> str:
    """Word the difference, as far as there is one."""
    if found.difference == 0:
        return f"the same mean {metric}"
    if math.isnan(found.difference):
        return f"{metric} {direction}"
    leads = value if (found.difference < 0) == (direction == "lower") else baseline
    return f"{metric} {direction} by {number(abs(found.difference))} for {leads.label}"


def _interval(baseline: Group, value: Group, found: PairwiseResult) -> str:
    return f"{minus(value.label, baseline.label)}: 95% interval {ends(found.low, found.high)}"


def _detectable(found: PairwiseResult, family: int) -> float:
    """Compute what the seeds at hand would show, in sd, at the level of the family's smallest p."""
    level = ALPHA / max(family, 1)
    return detectable_paired(found.n, level) if found.paired else detectable_welch(*found.seen, level)


def _notes(group: Group, metric: str) -> list[str]:
    notes = []
    if group.failed:
        notes.append(f"{group.label} failed in {group.failed} of {group.failed + group.ok}")
    if group.skipped:
        notes.append(f"{group.label} skipped in {group.skipped}")
    if group.unfinished:
        notes.append(f"{group.label} unfinished in {group.unfinished}")
    not_finite = len(group.failures) - group.failed
    if not_finite:
        notes.append(f"{group.label} has no finite final {metric} in {not_finite} of {group.ok}")
    # Not asked for there, by the grid, or not measured yet: nothing failed.
    unmeasured = group.ok - group.n - not_finite
    if metric and unmeasured > 0:
        notes.append(f"{group.label} was not scored by {metric} in {unmeasured} of {group.ok}")
    return notes


def _scored(found: PairwiseResult, baseline: Group, value: Group) -> str:
    return _pairs(found.n) if found.paired else _seeds(baseline.n, value.n)


def _pairs(n: int) -> str:
    return f"{n} pair" if n == 1 else f"{n} pairs"


def _seeds(baseline: int, value: int) -> str:
    return f"{baseline} + {value} seeds"
