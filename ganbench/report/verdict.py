"""A comparison in words, honest about how many pairs stand behind it."""

from __future__ import annotations

import math

from ganbench.report.contrast import ALPHA, Arm, Paired, detectable


def verdict(
    metric: str, direction: str, baseline: Arm, value: Arm, paired: Paired, adjusted: float, family: int
) -> str:
    """What the scores of one metric say about two arms in one context.

    Args:
        metric: the score's name; empty where nothing was scored.
        direction: which score is better, `lower` or `higher`.
        baseline: the arm that is the yardstick.
        value: the other arm.
        paired: their comparison.
        adjusted: its p, adjusted for the whole table.
        family: number of tests in that table.

    Returns:
        Failures first, for they outweigh a mean of survivors; then the decision with its interval.
    """
    notes = [note for arm in (baseline, value) for note in _notes(arm, metric)]
    decision = _decision(metric, direction, baseline, value, paired, adjusted, family)
    if notes and paired.n:
        decision = f"in the {_pairs(paired.n)} left: {decision}"
    return "; ".join([*notes, decision])


def refusal(reason: str) -> str:
    """The verdict on arms that must not be compared."""
    return f"not compared: {reason}"


def number(value: float) -> str:
    """A number of three digits for reading; the tables have all of them."""
    return "-" if math.isnan(value) else f"{value:.3g}"


def p_value(p: float, symbol: str = "p") -> str:
    """A p to two digits, never a bare zero."""
    return f"{symbol}<0.001" if p < 0.001 else f"{symbol}={p:.2g}"


def _decision(
    metric: str, direction: str, baseline: Arm, value: Arm, paired: Paired, adjusted: float, family: int
) -> str:
    if paired.n == 0:
        scored = f"a final {metric}" if metric else "a score"
        return f"nothing to compare: no seed has {scored} in both arms"
    improved = (paired.difference < 0) == (direction == "lower")
    winner = value if improved else baseline
    gap = f"{metric} {direction} by {number(abs(paired.difference))}"
    if paired.difference == 0:
        gap = f"the same mean {metric}"
    elif not math.isnan(paired.difference):
        gap += f" for {winner.label}"
    if paired.n == 1:
        return f"1 pair is too few to tell ({gap})"
    if math.isnan(paired.low):
        return f"no interval: the scores are too large to compute with ({gap})"
    if paired.low == paired.high:
        return f"{gap} in each of {_pairs(paired.n)}: no spread to test against"
    ends = sorted((abs(paired.low), abs(paired.high)))
    test = p_value(adjusted) + (f" adjusted for {family} tests" if family > 1 else "")
    if adjusted < ALPHA:
        return (
            f"{winner.label} better ({metric} {direction} by {number(abs(paired.difference))}, "
            f"95% interval {number(ends[0])} to {number(ends[1])}, {test}, {paired.n} seeds)"
        )
    power = detectable(paired.n)
    return (
        f"no difference shown ({gap}; {value.label} - {baseline.label}: 95% interval "
        f"{number(paired.low)} to {number(paired.high)}, {test}; {_pairs(paired.n)} would show "
        f"{number(power)} sd = {number(power * paired.sd)} or more)"
    )


def _notes(arm: Arm, metric: str) -> list[str]:
    notes = []
    if arm.failed:
        notes.append(f"{arm.label} failed in {arm.failed} of {arm.failed + arm.ok}")
    if arm.skipped:
        notes.append(f"{arm.label} skipped in {arm.skipped}")
    if arm.unfinished:
        notes.append(f"{arm.label} unfinished in {arm.unfinished}")
    unscored = arm.ok - len(arm.scores)
    if metric and unscored > 0:
        notes.append(f"{arm.label} has no finite final {metric} in {unscored} of {arm.ok}")
    return notes


def _pairs(n: int) -> str:
    return f"{n} pair" if n == 1 else f"{n} pairs"
