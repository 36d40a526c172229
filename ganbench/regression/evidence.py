"""The evidence of one change in scores: by how much they are worse, and how sure that is.

The rule
--------
A *loss* is how much worse the mean became, in the score's own units, whichever direction is better. Per
context × metric, with the tolerance T and the level alpha:

- `regression`: the estimated loss is above T, and the test of "no loss at all" rejects, Holm-adjusted.
- `improvement`: the estimated gain is above T, and the test of "no gain at all" rejects, Holm-adjusted.
- `pass`: a loss above T is excluded: the upper end of the one-sided 1 - alpha interval of the loss is at
  most T (a non-inferiority test).
- `inconclusive`: none of these.

Why so:

- The tests are one-sided, for each verdict claims one direction. A false `regression` costs somebody an
  afternoon: its rate, anywhere in the family, is at most alpha when nothing changed.
- The gate closes where *any* score regressed, so `regression` claims are adjusted for the family (Holm). It
  opens only where *every* score passes, and a change that harms one score must get past the test of that
  very score: the gate lets it through with probability at most alpha without any adjustment (an
  intersection-union test: Berger, 1982). Adjusting `pass` too would only ask for more seeds.
- Welch's t test, never paired. That one seed stands in both folders makes a pair only as long as the code
  that draws from it is the same, and a check is for changes of code. Were the scores of a seed correlated all
  the same, Welch's test would be too careful, not too bold; and choosing a test by the correlation that was
  seen would void its error rates.
- Without any spread in either group (a count of modes, say) t is undefined: the chance that labels drawn at
  random would part the scores so is taken instead, one of n_old + n_new over n_new.
- A context whose baseline had failures is tested by ranks with failures as the worst; it can pass only where
  no greater share fails now. Where the baseline had none, a failure is a regression without any test.

A relative tolerance is a share of the baseline's mean, which must be clearly above 0 for that; the mean is
then taken as it is, without its own uncertainty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.group import Group
from ganbench.analysis.numbers import finite
from ganbench.analysis.significance import Floats, decide, even, mean_interval, welch_t
from ganbench.grid.tolerance import Tolerance

ALPHA = 0.05

RANKS, WELCH, EXACT = "permutation of ranks", "Welch t", "exact permutation"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the scores of two groups say; numbers are NaN where they are not defined.

    Attributes:
        loss: by how much the mean is worse; negative for a gain.
        low: lower end of the one-sided 1 - alpha interval of the loss.
        high: upper end likewise; the two enclose the loss with 1 - 2 alpha.
        p_worse: one-sided p of "no loss".
        p_better: one-sided p of "no gain".
        test: what gave them; empty where there are too few scores.
        more_fail: whether a greater share of cells fails than in the baseline.
    """

    loss: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_worse: float = math.nan
    p_better: float = math.nan
    test: str = ""
    more_fail: bool = False


def evidence(baseline: Group, value: Group, direction: str, alpha: float) -> Evidence:
    """Compare a group with its baseline.

    Args:
        baseline: the yardstick, at least two outcomes for anything but the loss itself.
        value: what is checked, likewise.
        direction: which score is better, `lower` or `higher`.
        alpha: of each one-sided end of the interval.
    """
    old, new = _costs(baseline, direction), _costs(value, direction)
    loss = loss_of(baseline, value, direction)
    low = high = p_worse = p_better = math.nan
    test = ""
    if min(len(old), len(new)) > 1 and not math.isnan(loss):
        low, high, p_worse, p_better, test = _tested(old, new, loss, alpha)
    if baseline.failures:
        ranked = decide(_with_failures(old, baseline), _with_failures(new, value), paired=False)
        p, favours, test = float(ranked.p), int(ranked.favours), RANKS
        # Two-sided, where the number of arrangements may have no mirror: on the safe side.
        p_worse, p_better = (p if favours < 0 else 1.0), (p if favours > 0 else 1.0)
    return Evidence(
        loss=loss,
        low=low,
        high=high,
        p_worse=p_worse,
        p_better=p_better,
        test=test,
        more_fail=_share(value) > _share(baseline),
    )


def loss_of(baseline: Group, value: Group, direction: str) -> float:
    """Compute by how much the mean is worse; NaN where a group has no score."""
    sign = 1.0 if direction == "lower" else -1.0
    return finite(sign * (value.mean - baseline.mean))


def allowed(tolerance: Tolerance, baseline: Group, alpha: float) -> float:
    """Compute the loss that a tolerance allows, in the score's units; NaN for a share of fewer than 2 scores.

    Raises:
        ValueError: it is relative, and the baseline's mean is not clearly above 0: the lower end of its
            one-sided 1 - alpha interval is not.
    """
    if not tolerance.relative:
        return tolerance.amount
    if len(baseline.scores) < 2:
        return math.nan
    low, _ = mean_interval(list(baseline.scores.values()), 1 - 2 * alpha)
    if not float(low) > 0:
        raise ValueError(
            f"a tolerance of {tolerance} of the baseline needs a mean clearly above 0, and it is "
            f"{baseline.mean:.3g} with sd {baseline.sd:.3g}"
        )
    return tolerance.amount * baseline.mean


def _tested(old: Floats, new: Floats, loss: float, alpha: float) -> tuple[float, float, float, float, str]:
    """Compute the ends of the interval of the loss, p of no loss, p of no gain, and name the test."""
    if even(old, new, paired=False):
        chance = 1 / math.comb(len(old) + len(new), len(new))
        sure = chance <= alpha
        ends = (loss, loss) if sure else (math.nan, math.nan)
        return *ends, chance if loss > 0 else 1.0, chance if loss < 0 else 1.0, EXACT
    estimate = welch_t(old, new, 1 - 2 * alpha)
    half = float(estimate.p) / 2
    p_worse, p_better = (half, 1 - half) if loss > 0 else (1 - half, half)
    return (
        finite(estimate.low),
        finite(estimate.high),
        finite(p_worse),
        finite(p_better),
        WELCH,
    )


def _costs(group: Group, direction: str) -> Floats:
    """Turn scores so that lower is better: a loss is a rise."""
    sign = 1.0 if direction == "lower" else -1.0
    return sign * np.array([group.scores[seed] for seed in sorted(group.scores)], dtype=np.float64)


def _with_failures(costs: Floats, group: Group) -> Floats:
    return np.concatenate([costs, np.full(len(group.failures), math.inf)])


def _share(group: Group) -> float:
    outcomes = len(group.scores) + len(group.failures)
    return len(group.failures) / outcomes if outcomes else 0.0
