"""A results folder against a baseline: the verdict on every score of every context, with notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ganbench.analysis.multiple_testing import holm
from ganbench.analysis.read_tables import Tables
from ganbench.analysis.tables import current_rows
from ganbench.catalog import PluginSource, load_catalog
from ganbench.errors import GridError, did_you_mean
from ganbench.grid.document import default_train
from ganbench.grid.tolerance import Tolerance
from ganbench.regression.advice import advice_of
from ganbench.regression.bit_identity import bits_sentences
from ganbench.regression.checks import CheckRequest, ScoreCheck, list_checks, read_finished
from ganbench.regression.evidence import ALPHA, Evidence, allowed, evidence, loss_of
from ganbench.regression.outcome import CheckVerdict, Finding, Outcome, failures, outcomes

# How training is carried out, not what it is.
_BESIDE = ("train.checkpoint_seconds",)


def check(
    path: str | Path,
    baseline: str | Path,
    *,
    metrics: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    alpha: float = 0.05,
    plugins: Sequence[PluginSource] = (),
) -> Outcome:
    """Say of each score in each context whether it got worse; `evidence` has the rule and its reasons.

    Cells that are the baseline's bit by bit are `identical` and need no statistics. Only grid.toml,
    cells.csv and scores.csv of either folder are read.

    Args:
        path: a results folder.
        baseline: the one to hold it against.
        metrics: the scores to check; unless given, those of the grid's [check], else all with a direction.
        tolerance: of each of them; unless given, the grid's [check], else 5% of the baseline.
        alpha: one-sided level, above 0 and below 0.5.
        plugins: files and modules without a package, as for `ganbench.run`; needed only where the grid has a
            [check].

    Raises:
        GanbenchError: a folder, the pair of them, or an option cannot be used.
    """
    request = request_of(metrics, tolerance, alpha)
    return check_tables(read_finished(path), read_finished(baseline), request, plugins)


def check_tables(
    now: Tables, before: Tables, request: CheckRequest, plugins: Sequence[PluginSource] = ()
) -> Outcome:
    """Check tables that were read already, as `check` does.

    Args:
        now: what is checked.
        before: the baseline.
        request: which scores, how much they may lose, and the level.
        plugins: as for `check`.

    Raises:
        GanbenchError: the pair of tables, or an option cannot be used.
    """
    every = list_checks(before, now, request, lambda: load_catalog(plugins=plugins))
    findings = judge(every, request.alpha)
    outcome = Outcome(
        path=now.path,
        baseline=before.path,
        alpha=request.alpha,
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),
        notes=notes_of(before, now, every),
        same_settings=not changed_settings(before.grid, now.grid),
    )
    return replace(outcome, advice=advice_of(outcome, _options(request, plugins)))


def check_baseline(
    baseline: str | Path,
    *,
    metrics: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    alpha: float = 0.05,
) -> None:
    """Refuse a baseline or options that no results could be checked with, before anything is trained.

    Args:
        baseline: a results folder.
        metrics: as for `check`; each must be among the baseline's scores.
        tolerance: likewise.
        alpha: likewise.

    Raises:
        GanbenchError: the baseline or an option cannot be used.
    """
    request = request_of(metrics, tolerance, alpha)
    before = read_finished(baseline)
    known = set(current_rows(before.scores)["metric"])
    if unknown := [name for name in request.metrics if name not in known]:
        raise GridError(
            *(f"--metric: {before.path} has no score {name!r}{did_you_mean(name, known)}" for name in unknown)
        )


def _options(request: CheckRequest, plugins: Sequence[PluginSource]) -> list[str]:
    """Write the options of a check as its command takes them."""
    options = [part for name in request.metrics for part in ("--metric", name)]
    if request.tolerance is not None:
        options += ["--tolerance", str(request.tolerance)]
    if request.alpha != ALPHA:
        options += ["--alpha", f"{request.alpha:g}"]
    return options + [part for plugin in plugins for part in ("--plugin", str(plugin))]


def request_of(metrics: Sequence[str], tolerance: Tolerance | None, alpha: float) -> CheckRequest:
    """Gather the options of a check.

    Raises:
        GridError: one of them cannot be used.
    """
    if isinstance(metrics, str):
        raise GridError(f"metrics: must be a list of names, as [{metrics!r}], given {metrics!r}")
    return CheckRequest(
        metrics=tuple(dict.fromkeys(metrics)), tolerance=tolerance, alpha=checked_alpha(alpha)
    )


def judge(every: Sequence[ScoreCheck], alpha: float) -> list[Finding]:
    """Decide each check; the family is all of them.

    Args:
        every: with the cells of both folders.
        alpha: one-sided level.

    Raises:
        GridError: a relative tolerance where the baseline is not clearly above 0.
    """
    cases = [_case(check, alpha) for check in every]
    worse = holm([case.found.p_worse for case in cases])
    better = holm([case.found.p_better for case in cases])
    family = sum(not math.isnan(p) for p in worse)
    return [
        _decide(case, p_worse, p_better, alpha, family)
        for case, p_worse, p_better in zip(cases, worse, better, strict=True)
    ]


def checked_alpha(alpha: float) -> float:
    """Check that a level can be tested at.

    Raises:
        GridError: it is not above 0 and below 0.5.
    """
    if not 0 < alpha < 0.5:
        raise GridError(f"--alpha: must be above 0 and below 0.5, given {alpha:g}")
    return alpha


def refused(check: ScoreCheck, problem: ValueError) -> GridError:
    """Make the error about a tolerance that says nothing of this baseline."""
    name = check.metric
    return GridError(
        f"{check.words}: {name}: {problem}; give an absolute one: [check] {name} = 0.002 in the grid, "
        f"or --metric {name} --tolerance 0.002"
    )


class _Case(NamedTuple):
    """A check before p is adjusted: its evidence, and its verdict where none of the tests decides."""

    check: ScoreCheck
    found: Evidence
    allowed: float = math.nan
    verdict: CheckVerdict | None = None
    reason: str = ""


def _case(check: ScoreCheck, alpha: float) -> _Case:
    baseline, value = check.baseline, check.value
    assert value is not None
    plain = Evidence(loss=loss_of(baseline, value, check.direction))
    if check.bits is not None and check.bits.identical:
        share = check.bits.share
        return _Case(check, plain, verdict="identical", reason=f"only {share} were run" if share else "")
    if value.failures and not baseline.failures:
        reason = f"{failures(value)}, and none of the baseline's {outcomes(baseline)}"
        return _Case(check, plain, verdict="regression", reason=reason)
    if not baseline.scores:
        reason = (
            f"nothing to compare with: of the baseline, {failures(baseline)}"
            if baseline.failures
            else "no scores"
        )
        return _Case(check, plain, verdict="inconclusive", reason=reason)
    few = min(outcomes(baseline), outcomes(value))
    if few < 2:
        reason = "one seed has no spread to judge by; at least 2 a side are needed, `--plan` says how many"
        return _Case(check, plain, verdict="inconclusive", reason=reason)
    found = evidence(baseline, value, check.direction, alpha)
    try:
        return _Case(check, found, allowed(check.tolerance, baseline, alpha))
    except ValueError as problem:
        raise refused(check, problem) from None


def _decide(case: _Case, p_worse: float, p_better: float, alpha: float, family: int) -> Finding:
    if case.verdict is not None:
        return Finding(
            check=case.check,
            verdict=case.verdict,
            reason=case.reason,
            evidence=case.found,
            alpha=alpha,
            family=family,
        )
    found, tolerance = case.found, case.allowed
    baseline, value = case.check.baseline, case.check.value
    assert value is not None
    said = f"{failures(value)}; of the baseline, {failures(baseline)}" if baseline.failures else ""
    p = p_worse if found.loss > 0 or math.isnan(found.loss) else p_better
    verdict: CheckVerdict = "inconclusive"
    if p_worse <= alpha and (found.loss > tolerance or found.more_fail):
        verdict, p = "regression", p_worse
    elif p_better <= alpha and -found.loss > tolerance and not found.more_fail:
        verdict, p = "improvement", p_better
    elif found.high <= tolerance and not found.more_fail:
        verdict = "pass"
    return Finding(
        check=case.check,
        verdict=verdict,
        reason=said,
        evidence=found,
        allowed=tolerance,
        p=p,
        alpha=alpha,
        family=family,
    )


def notes_of(before: Tables, now: Tables, every: Sequence[ScoreCheck]) -> tuple[str, ...]:
    """Say whether the cells are identical, or why not; settings that changed; what is not checked.

    Args:
        before: the baseline.
        now: what is checked.
        every: what was asked of them.
    """
    contexts = {check.words: check.bits for check in every if check.bits is not None}
    notes = bits_sentences(contexts.values()) if contexts else []
    if changed := changed_settings(before.grid, now.grid):
        notes.append(f"settings differ from the baseline's: {'; '.join(changed)}")
    if extra := len(now.contexts().keys() - before.contexts().keys()):
        what = "1 context" if extra == 1 else f"{extra} contexts"
        notes.append(f"not checked: {what} that the baseline lacks")
    checked = {check.metric for check in every}
    scores = current_rows(now.scores)
    directions = dict(zip(scores["metric"], scores["direction"], strict=True))
    if rest := sorted(name for name, direction in directions.items() if direction and name not in checked):
        notes.append(f"not checked: {', '.join(rest)}")
    return tuple(notes)


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List settings of training that differ, varied ones aside, as `train.steps 100 -> 200`.

    A grid that was stored before a setting existed was trained with the setting's default.
    """
    defaults = default_train()
    old, new = (dict(_flat("train", {**defaults, **grid.get("train", {})})) for grid in (before, now))
    return [
        f"{key} {old.get(key, 'unset')} -> {new.get(key, 'unset')}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and key not in _BESIDE
    ]


def _flat(prefix: str, table: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(table, dict):
        yield prefix, table
        return
    for name, value in table.items():
        yield from _flat(f"{prefix}.{name}", value)
