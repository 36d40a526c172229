"""A check as Markdown, for a pull request's summary."""

from __future__ import annotations

import math

from ganbench.analysis.verdict import mean_and_sd, p_text
from ganbench.regression.outcome import Finding, Outcome
from ganbench.regression.sentences import headline, interval, tolerated, worse_by

_HEADS = ("verdict", "where", "score", "baseline", "now", "change", "tolerance", "p", "seeds")


def markdown_of(outcome: Outcome) -> str:
    """A heading, a table with a row for each score, the most severe first, and what else is to be said."""
    lines = [f"### ganbench check: {_plain(headline(outcome))}", ""]
    if outcome.verdict != "identical":
        rows = [_HEADS, ("---",) * len(_HEADS), *(_row(finding, outcome) for finding in outcome.findings)]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    said = [
        f"{finding.question.words}: {finding.question.score}: {words}"
        for finding in outcome.findings
        for words in (finding.reason, finding.settling.words if finding.settling else "")
        if words
    ]
    lines += [f"- {_plain(words)}" for words in (*said, *outcome.notes)]
    if outcome.family:
        tests = "1 test" if outcome.family == 1 else f"{outcome.family} tests"
        lines += [
            "",
            f"One-sided tests at alpha {outcome.alpha:g}; p adjusted by Holm's method over {tests}.",
        ]
    return "\n".join(lines) + "\n"


def _row(finding: Finding, outcome: Outcome) -> tuple[str, ...]:
    question, found = finding.question, finding.evidence
    change = "-" if math.isnan(found.loss) else worse_by(finding)
    if ends := interval(finding, outcome.alpha):
        change += f"; {ends}"
    verdict = f"**{finding.verdict}**" if finding.verdict == "regression" else finding.verdict
    texts = (
        question.words,
        question.score,
        mean_and_sd(finding.baseline.mean, finding.baseline.sd),
        mean_and_sd(finding.value.mean, finding.value.sd),
        change,
        tolerated(finding),
        "-" if finding.verdict == "pass" else p_text(finding.p),
        _seeds(finding),
    )
    return (verdict, *(_plain(text) for text in texts))


def _seeds(finding: Finding) -> str:
    failed = [
        f"{len(arm.failures)} failed" if arm.failures else "" for arm in (finding.value, finding.baseline)
    ]
    counts = [len(finding.value.scores), len(finding.baseline.scores)]
    now, before = (
        f"{count} ({words})" if words else str(count) for count, words in zip(counts, failed, strict=True)
    )
    return f"{now} against {before}"


def _plain(text: str) -> str:
    """Text that stays as it is in a table's cell: names come from plugins and files."""
    for character in "\\`*_{}[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
