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
    return _said(metric, direction, baseline, value, found, adjusted, family, None)


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
    return _said(metric, direction, baseline, value, found, adjusted, family, interval)


def winner(baseline: Group, value: Group, found: PairwiseResult, adjusted: float) -> str:
    """Name the group that was shown to be better; empty where no difference was shown."""
    if not adjusted < ALPHA:
        return ""
    return {1: value.label, -1: baseline.label}.get(found.favours, "")


def refusal(reason: str) -> str:
    """Say why two groups must not be compared."""
    return f"not compared: {reason}"


def _said(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
    together: tuple[float, float] | None,
) -> str:
    """Say failures first, then the decision.

    Args:
        metric: as for `verdict`, and so on.
        direction: which score is better.
        baseline: the group that is the yardstick.
        value: the other group.
        found: their comparison.
        adjusted: p of the test that decides, adjusted for its family.
        family: number of tests in it.
        together: the simultaneous interval, and both groups are named; None for the interval of one test.
    """
    notes = [note for group in (baseline, value) for note in _notes(group, metric)]
    decision = _decision(metric, direction, baseline, value, found, adjusted, family, together)
    if notes and found.n and not found.ranked:
        decision = f"in the {_scored(found, baseline, value)} left: {decision}"
    return "; ".join([*notes, decision])


def _decision(
    metric: str,
    direction: str,
    baseline: Group,
    value: Group,
    found: PairwiseResult,
    adjusted: float,
    family: int,
    together: tuple[float, float] | None,
) -> str:
    pair = "" if together is None else f"{value.label} against {baseline.label}: "
    if not all(found.seen) or not (baseline.scores or value.scores):
        return pair + _nothing(metric, baseline, value, found)
    gap = _gap(metric, direction, baseline, value, found)
    if min(found.seen) == 1:
        few = "1 pair" if found.paired else "1 seed of a group"
        return f"{pair}{few} is too few to tell ({gap})"
    if math.isnan(adjusted):
        return f"{pair}no interval: the scores are too large to compute with ({gap})"
    test = p_value(adjusted) + (f" adjusted for {family} tests" if family > 1 else "")
    better = winner(baseline, value, found, adjusted)
    said = _shown(better, baseline, value, named=together is not None)
    seen = _scored(found, baseline, value)
    low, high = (found.low, found.high) if together is None else together
    kind = "simultaneous 95% interval" if together is not None and family > 1 else "95% interval"
    between = f"{minus(value.label, baseline.label)}: {kind} {ends(low, high)}"
    if found.ranked:
        left = "" if math.isnan(found.difference) else f"; in the {seen} left {gap}"
        if left and together is None and not math.isnan(low):
            left += f", {between}"
        return f"{said} ({_ranks(test, bool(better), found)}){left}"
    if found.test in (SIGN_FLIP, PERMUTATION):
        return f"{said} ({gap} in each of {seen}, no spread for a t test, {test} by {found.test})"
    if better:
        near, far = sorted((abs(low), abs(high)))
        seeds = f"{found.n} seeds" if found.paired else seen
        by = f"{metric} {direction} by {number(abs(found.difference))}"
        return f"{said} ({by}, {kind} {ends(near, far)}, {test}, {seeds})"
    power = _detectable(found, family)
    shows = f"{seen} would show {number(power)} sd = {number(power * found.sd)} or more"
    return f"{said} ({gap}; {between}, {test}; {shows})"


def _shown(better: str, baseline: Group, value: Group, *, named: bool) -> str:
    if not named:
        return f"{better} better" if better else "no difference shown"
    if not better:
        return f"no difference shown between {value.label} and {baseline.label}"
    return f"{better} is better than {baseline.label if better == value.label else value.label}"


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
