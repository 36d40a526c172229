"""The number of seeds that a check would need, estimated from a baseline alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.catalog import PluginSource, load_catalog
from ganbench.errors import GridError
from ganbench.grid.tolerance import Tolerance
from ganbench.regression.checks import CheckRequest, ScoreCheck, list_checks, read_finished
from ganbench.regression.evidence import allowed
from ganbench.regression.gate import checked_alpha, refused
from ganbench.regression.power import (
    MAX_SEEDS,
    PASSES,
    sd_bound,
    seeds_beside,
    seeds_to_find,
    seeds_to_part,
    seeds_to_pass,
)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one score of one context needs.

    Attributes:
        check: the score to be checked.
        n: the baseline's seeds.
        sd: the spread that is planned with: the upper bound of the baseline's, see `sd_bound`.
        allowed: the loss that is accepted, in the score's units.
        to_pass: seeds per side with which no change passes with probability PASSES; None above MAX_SEEDS.
        to_find: seeds per side that find a loss of twice the tolerance with FINDS; likewise.
        beside: seeds that do both against the baseline as it is; None where no number will do.
        together: seeds per side with which all scores pass together and each loss is found.
    """

    check: ScoreCheck
    n: int
    sd: float
    allowed: float
    to_pass: int | None
    to_find: int | None
    beside: int | None
    together: int | None


@dataclass(frozen=True, kw_only=True)
class SeedPlan:
    """What a check of a baseline needs.

    Attributes:
        baseline: the folder.
        alpha: one-sided level.
        needs: one for each score of each context.
        together: seeds per side with which everything passes where nothing changed, with probability PASSES,
            and a loss of twice the tolerance in any one score is found with FINDS; None above MAX_SEEDS.
    """

    baseline: Path
    alpha: float
    needs: tuple[Need, ...]
    together: int | None


def plan(
    baseline: str | Path,
    *,
    metrics: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    alpha: float = 0.05,
    plugins: Sequence[PluginSource] = (),
) -> SeedPlan:
    """Tell from the spread of a baseline how many seeds a check needs.

    A few seeds may lie closer together than their kind does, so the spread is taken at its upper bound: in
    four of five baselines it is less. That of what is to be checked is taken to be the same. All scores
    together are taken to be independent, by Bonferroni's bound: scores that rise and fall together need fewer
    seeds.

    Args:
        baseline: a results folder.
        metrics: the scores to check; unless given, those of its grid's [check], else all with a direction.
        tolerance: of each of them; unless given, the grid's [check], else 5% of the baseline.
        alpha: one-sided level, above 0 and below 0.5.
        plugins: files and modules without a package, as for `check`.

    Raises:
        GanbenchError: the folder or an option cannot be used, or a score has fewer than two seeds.
    """
    request = CheckRequest(
        metrics=tuple(dict.fromkeys(metrics)), tolerance=tolerance, alpha=checked_alpha(alpha)
    )
    every = list_checks(read_finished(baseline), None, request, lambda: load_catalog(plugins=plugins))
    needs = tuple(_need(check, request.alpha, len(every)) for check in every)
    known = [need.together for need in needs if need.together is not None]
    return SeedPlan(
        baseline=Path(baseline),
        alpha=request.alpha,
        needs=needs,
        together=max(known) if len(known) == len(needs) else None,
    )


def plan_records(made: SeedPlan) -> list[dict[str, Any]]:
    """Write one JSON object per need; null for more than MAX_SEEDS, or where no number will do."""
    return [
        {
            **need.check.where,
            "metric": need.check.metric,
            "direction": need.check.direction,
            "extractor": need.check.measure.extractor if need.check.measure else "",
            "n_baseline": need.n,
            "mean_baseline": need.check.baseline.mean,
            "sd_baseline": need.check.baseline.sd,
            "sd_bound": need.sd,
            "tolerance": str(need.check.tolerance),
            "allowed": need.allowed,
            "alpha": made.alpha,
            "family": len(made.needs),
            "seeds_to_pass": need.to_pass,
            "seeds_to_find": need.to_find,
            "seeds_each": need.together,
            "seeds": need.beside,
        }
        for need in made.needs
    ]


def _need(check: ScoreCheck, alpha: float, family: int) -> Need:
    group = check.baseline
    n = len(group.scores)
    if n < 2 or math.isnan(group.sd):
        raise GridError(
            f"{check.words}: {check.score}: the baseline has {n} "
            f"{'score' if n == 1 else 'scores'}, and at least 2 are needed to know the spread"
        )
    try:
        loss = allowed(check.tolerance, group, alpha)
    except ValueError as problem:
        raise refused(check, problem) from None
    if group.sd == 0:
        each, beside = seeds_to_part(alpha / family), seeds_to_part(alpha / family, n)
        return Need(
            check=check, n=n, sd=0.0, allowed=loss, to_pass=each, to_find=each, beside=beside, together=each
        )
    sd = sd_bound(group.sd, n)
    to_find = seeds_to_find(sd, loss, alpha, family)
    all_pass = seeds_to_pass(sd, loss, alpha, 1 - (1 - PASSES) / family)
    return Need(
        check=check,
        n=n,
        sd=sd,
        allowed=loss,
        to_pass=seeds_to_pass(sd, loss, alpha),
        to_find=to_find,
        beside=seeds_beside(sd, n, sd, loss, alpha, family),
        together=None if to_find is None or all_pass is None else max(to_find, all_pass),
    )


def seeds(count: int | None) -> str:
    """Format a number of seeds."""
    return f"over {MAX_SEEDS}" if count is None else str(count)
