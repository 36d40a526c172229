"""What a check that does not pass rests on beside the change, and the command that comes next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ganbench.regression.looks import new_seeds, settled_at_once
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
    return (*elsewhere_of(outcome), *_seeds(outcome, open_ones, options)) if open_ones else ()


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


def only_settings_differ(outcome: Outcome) -> bool:
    """Tell whether what is checked was trained by the baseline's code, on its data, with other settings."""
    every = [finding.check.bits for finding in outcome.findings]
    same_code = all(bits is not None and set(bits.changes) == set(bits.machine) for bits in every)
    return same_code and not outcome.same_settings


def _open(outcome: Outcome) -> list[Finding]:
    return [finding for finding in outcome.findings if finding.verdict in ("regression", "inconclusive")]


def _seeds(outcome: Outcome, open_ones: Sequence[Finding], options: Sequence[str]) -> list[str]:
    """Say how few seeds a verdict rests on, and what comes next; nothing where it is settled."""
    if settled_at_once(outcome):
        return []
    old = min(outcomes(finding.baseline) for finding in open_ones)
    new = min(outcomes(finding.value) for finding in open_ones)
    few = [f"it rests on {_counted(new)} against {old}"] if min(old, new) < FEW_SEEDS else []
    # Of samples that another program made: ganbench cannot make more of them.
    external = all(finding.check.bits is None for finding in open_ones)
    needed = [
        need for finding in open_ones if finding.verdict == "inconclusive" and (need := finding.seeds_needed)
    ]
    sides = max((need.each or MAX_SEEDS for need in needed if need.beside is None), default=0)
    more = max((need.beside - new for need in needed if need.beside is not None), default=0)
    if max(sides, more) > _MAX_FACTOR * old:
        step = "next: a larger tolerance, or a metric that varies less"
    elif sides and external:
        step = f"next: {sides} seeds a side, scored into folders beside those that are there"
    elif sides and not only_settings_differ(outcome):
        more_of_baseline = folder_beside(outcome.baseline, "-more-seeds")
        made = _more_of_baseline(outcome, open_ones, sides - old, more_of_baseline, options)
        given = ["--add-seeds", str(sides - min(old, new)), "--more-baseline", str(more_of_baseline)]
        return [
            *few,
            f"next, where the baseline was made: {made}",
            f"then: {_check(outcome, options, given)}",
        ]
    elif external:
        more = max(more, old)
        step = f"next: {more} more seeds of yours, scored into folders beside those in {outcome.path}"
    else:
        add = max(sides - min(old, new), more, old, 3)
        step = f"next: {_check(outcome, options, ['--add-seeds', str(add)])}"
    return [*few, step]


def _check(outcome: Outcome, options: Sequence[str], added: Sequence[str]) -> str:
    """Write the command of the same check with more seeds."""
    folders = [str(outcome.path), "--baseline", str(outcome.baseline)]
    return shlex.join(["ganbench", "check", *folders, *options, *added])


def _more_of_baseline(
    outcome: Outcome, open_ones: Sequence[Finding], count: int, out: Path, options: Sequence[str]
) -> str:
    """Write the command that trains more seeds of the baseline."""
    sides = [finding.baseline for finding in open_ones]
    used = [seed for side in sides for seed in (*side.scores, *side.failures)]
    seeds = ",".join(map(str, new_seeds(used, max(count, 1))))
    plugins = [part for name, value in pairwise(options) if name == "--plugin" for part in (name, value)]
    where = ["--set", f"seeds=[{seeds}]", "--out", str(out)]
    return shlex.join(["ganbench", "run", str(outcome.baseline / "grid.toml"), *where, *plugins])


def folder_beside(folder: Path, suffix: str) -> Path:
    """Name a folder beside another, as `out/gate-more-seeds` beside `out/gate`."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(named.name + suffix)


def _counted(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"
