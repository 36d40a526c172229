"""What a check that does not pass rests on beside the change, and the command that comes next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ganbench.regression.looks import settled_at_once
from ganbench.regression.outcome import Finding, Outcome, outcomes
from ganbench.regression.power import MAX_SEEDS

FEW_SEEDS = 10
# More than this, and people would rather think again than wait.
_MAX_FACTOR = 10


def advice_of(outcome: Outcome, options: Sequence[str] = ()) -> tuple[str, ...]:
    """Say what a verdict rests on beside the change, and what to do next, a line each; empty where it passes.

    Args:
        outcome: what was found.
        options: of the command that found it, beside its two folders, to be given again.
    """
    open_ones = _open(outcome)
    return (*elsewhere_of(outcome), *filter(None, _seeds(outcome, open_ones, options))) if open_ones else ()


def elsewhere_of(outcome: Outcome) -> tuple[str, ...]:
    """Say that what does not pass was made on another machine than its baseline: a line, or none."""
    bits = [finding.check.bits for finding in _open(outcome) if finding.check.bits is not None]
    machine = "; ".join(dict.fromkeys(change for each in bits for change in each.machine))
    if not machine:
        return ()
    if outcome.same_settings and all(each.machine == each.changes for each in bits):
        return (
            "versions, plugin sources, data and settings are the baseline's; only the machine differs "
            f"({machine}), which changes every bit, and then chance decides the scores",
        )
    return (
        f"the baseline was made on another machine ({machine}), which alone changes every bit; its code, "
        "trained here, would tell the machine from the change",
    )


def _open(outcome: Outcome) -> list[Finding]:
    return [finding for finding in outcome.findings if finding.verdict in ("regression", "inconclusive")]


def _seeds(outcome: Outcome, open_ones: Sequence[Finding], options: Sequence[str]) -> list[str]:
    if settled_at_once(outcome):
        return []
    old, new = (
        min(outcomes(getattr(finding, side)) for finding in open_ones) for side in ("baseline", "value")
    )
    few = f"it rests on {_counted(new)} against {old}" if min(old, new) < FEW_SEEDS else ""
    needed = [finding.seeds_needed for finding in open_ones if finding.verdict == "inconclusive"]
    beside = [each.beside for each in needed if each is not None]
    if any(each is None for each in beside):
        sides = [each.each or MAX_SEEDS for each in needed if each is not None and each.beside is None]
        if max(sides) > _MAX_FACTOR * old:
            return [few, "next: a larger tolerance, or a metric that varies less"]
        if all(finding.check.bits is None for finding in open_ones):
            return [few, f"next: {max(sides)} seeds a side, scored into folders beside those that are there"]
        return [few, _larger_baseline(outcome.baseline, max(sides), options)]
    wanted = max((each - new for each in beside if each is not None), default=0)
    if wanted > _MAX_FACTOR * old:
        return [few, "next: a larger tolerance, or a metric that varies less"]
    add = max(wanted, old, 3)
    if all(finding.check.bits is None for finding in open_ones):
        return [few, f"next: {add} more seeds of yours, scored into folders beside those in {outcome.path}"]
    command = ["ganbench", "check", str(outcome.path), "--baseline", str(outcome.baseline), *options]
    return [few, f"next: {shlex.join([*command, '--add-seeds', str(add)])}"]


def _larger_baseline(baseline: Path, seeds: int, options: Sequence[str]) -> str:
    larger = baseline.with_name(f"{baseline.name}-{seeds}-seeds")
    plugins = [part for name, value in pairwise(options) if name == "--plugin" for part in (name, value)]
    command = [
        "ganbench",
        "run",
        str(baseline / "grid.toml"),
        "--set",
        f"seeds={seeds}",
        "--out",
        str(larger),
    ]
    return f"next, where the baseline was made: {shlex.join([*command, *plugins])}"


def _counted(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"
