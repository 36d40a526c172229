"""What a check found, score by score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from ganbench.analysis.group import Group
from ganbench.regression.checks import ScoreCheck
from ganbench.regression.evidence import Evidence
from ganbench.regression.seeds_needed import SeedsNeeded, seeds_needed

CheckVerdict = Literal["regression", "inconclusive", "improvement", "pass", "identical"]
# Most severe first.
VERDICTS: tuple[CheckVerdict, ...] = ("regression", "inconclusive", "improvement", "pass", "identical")
EXIT_CODES: Mapping[CheckVerdict, int] = {
    "regression": 1,
    "inconclusive": 3,
    "improvement": 0,
    "pass": 0,
    "identical": 0,
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict on one score in one context.

    Attributes:
        check: the score that was checked, with both groups.
        verdict: the answer.
        reason: the answer in words, where numbers do not say it.
        evidence: what the scores say.
        allowed: the loss that is accepted, in the score's units; NaN where it does not matter.
        p: of the claim that the verdict makes or would have made, adjusted over the family; NaN for none.
        alpha: one-sided level.
        family: number of tests over which p is adjusted.
    """

    check: ScoreCheck
    verdict: CheckVerdict
    alpha: float
    family: int
    evidence: Evidence
    reason: str = ""
    allowed: float = math.nan
    p: float = math.nan

    @cached_property
    def seeds_needed(self) -> SeedsNeeded | None:
        """Estimate the seeds that would decide it, where it is inconclusive and the scores have a spread."""
        measurable = min(len(self.baseline.scores), len(self.value.scores)) > 1
        if self.verdict != "inconclusive" or not measurable or math.isnan(self.evidence.loss):
            return None
        return seeds_needed(self.baseline, self.value, self.evidence, self.allowed, self.alpha, self.family)

    @property
    def baseline(self) -> Group:
        """The baseline's scores."""
        return self.check.baseline

    @property
    def value(self) -> Group:
        """The scores that are checked."""
        assert self.check.value is not None
        return self.check.value

    @property
    def severity(self) -> tuple[float, ...]:
        """The key that sorts the most severe first: by verdict; failures, then losses by tolerances."""
        loss = self.evidence.loss / self.allowed if self.allowed > 0 else math.nan
        failed = self.verdict == "regression" and math.isnan(loss)
        return VERDICTS.index(self.verdict), -failed, -loss if math.isfinite(loss) else 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a check found.

    Attributes:
        path: what was checked.
        baseline: against what.
        alpha: one-sided level.
        findings: the most severe first.
        notes: whether the cells are identical, or why not; and what else a reader must know.
        same_settings: whether both were trained with the same settings, varied ones aside.
        advice: what a verdict that is no pass rests on beside the change, and the next command, a line each.
    """

    path: Path
    baseline: Path
    alpha: float
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    same_settings: bool = True
    advice: tuple[str, ...] = ()

    @property
    def verdict(self) -> CheckVerdict:
        """The most severe verdict."""
        return self.findings[0].verdict

    @property
    def family(self) -> int:
        """Number of tests over which p is adjusted."""
        return self.findings[0].family

    @property
    def counts(self) -> dict[CheckVerdict, int]:
        """The number of findings of each verdict, the most severe first."""
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]}

    @property
    def exit_code(self) -> int:
        """0 for pass, identical and improvement; 1 for a regression; 3 for inconclusive."""
        return EXIT_CODES[self.verdict]


def failures(group: Group) -> str:
    """Say how many cells failed, and how: `2 of 8 cells failed (1 diverged, 1 oom)`."""
    kinds = Counter(group.failures.values())
    how = f" ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})" if kinds else ""
    return f"{len(group.failures)} of {outcomes(group)} cells failed{how}"


def outcomes(group: Group) -> int:
    """Count the cells that ended, with a score or without."""
    return len(group.scores) + len(group.failures)
