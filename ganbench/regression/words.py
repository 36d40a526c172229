"""A check in words, as JSON, as Markdown for a pull request, and as JUnit XML for a test dashboard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as xml

from ganbench.analysis.numbers import mean_and_sd, number, p_text, p_value
from ganbench.analysis.records import printable
from ganbench.regression.outcome import Finding, Outcome

_HEADS = ("verdict", "where", "score", "baseline", "now", "change", "tolerance", "p", "seeds")


def text_of(outcome: Outcome) -> str:
    """Write the whole check: verdict, advice, one line per score, the most severe first, then the notes."""
    lines = [headline(outcome), *outcome.advice]
    if outcome.verdict != "identical":
        width = max(len(finding.verdict) for finding in outcome.findings)
        lines += [f"{finding.verdict:<{width}}  {sentence(finding, outcome)}" for finding in outcome.findings]
    return "\n".join([*lines, *outcome.notes])


def headline(outcome: Outcome) -> str:
    """Write the most severe verdict, how many there are of each, and of what against what."""
    counted = ", ".join(f"{count} {verdict}" for verdict, count in outcome.counts.items())
    told = "" if len(outcome.counts) == 1 else f" ({counted})"
    part = f": {share} are bit-identical" if (share := _share(outcome)) else ""
    return f"{outcome.verdict}{told}{part}: {outcome.path} against {outcome.baseline}"


def _share(outcome: Outcome) -> str:
    """Say how much of the baseline is identical, where that is not all of it; empty for other verdicts."""
    if outcome.verdict != "identical":
        return ""
    every = {finding.check.words: finding.check.bits for finding in outcome.findings}
    shares = list(dict.fromkeys(bits.share for bits in every.values() if bits is not None))
    if len(shares) == 1:
        return shares[0]
    run = sum(len(bits.reasons) for bits in every.values() if bits is not None)
    of = sum(bits.seeds for bits in every.values() if bits is not None)
    return f"{run} of the baseline's {of} cells"


def sentence(finding: Finding, outcome: Outcome) -> str:
    """Write about one score: where, which, what became of it, and how sure that is."""
    check = finding.check
    parts = [f"{check.words}: {check.score}"]
    if finding.baseline.scores and finding.value.scores:
        parts.append(f" {number(finding.baseline.mean)} -> {number(finding.value.mean)}")
    said = [finding.reason] if finding.reason else []
    if finding.verdict != "identical" and not math.isnan(finding.evidence.loss):
        left = "those left: " if finding.value.failures or finding.baseline.failures else ""
        said.append(left + worse_by(finding) + _surety(finding, outcome))
    if finding.seeds_needed is not None:
        said.append(finding.seeds_needed.words)
    return "".join(parts) + (f": {'; '.join(said)}" if said else "")


def worse_by(finding: Finding) -> str:
    """Write the estimated loss or gain, and its share of the baseline where that is above 0."""
    loss, mean = finding.evidence.loss, finding.baseline.mean
    if loss == 0:
        return "no difference"
    share = f" ({100 * abs(loss) / mean:.3g}%)" if mean > 0 else ""
    return f"{_signed(loss, 'by ')}{share}"


def interval(finding: Finding, alpha: float) -> str:
    """Write the interval of the loss, as `0.8 better to 3.6 worse with 90% confidence`; empty if none."""
    found = finding.evidence
    if math.isnan(found.low):
        return ""
    return f"{_ended(found.low)} to {_ended(found.high)} with {100 * (1 - 2 * alpha):.3g}% confidence"


def tolerated(finding: Finding) -> str:
    """Write the tolerance, with what a relative one comes to."""
    tolerance = finding.check.tolerance
    if not tolerance.relative or math.isnan(finding.allowed):
        return str(tolerance)
    return f"{tolerance} = {number(finding.allowed)}"


def records(outcome: Outcome) -> list[dict[str, Any]]:
    """Make one JSON object per finding, the most severe first; null for a number that is not defined."""
    return [_record(finding, outcome) for finding in outcome.findings]


def _record(finding: Finding, outcome: Outcome) -> dict[str, Any]:
    check, found = finding.check, finding.evidence
    measure, settled = check.measure, finding.seeds_needed
    sign = 1.0 if check.direction == "lower" else -1.0
    ends = sorted((sign * found.low, sign * found.high))
    numbers = {
        "mean_baseline": finding.baseline.mean,
        "mean_value": finding.value.mean,
        "sd_baseline": finding.baseline.sd,
        "sd_value": finding.value.sd,
        "difference": sign * found.loss,
        "low": ends[0],
        "high": ends[1],
        "p_adjusted": finding.p,
        "allowed": finding.allowed,
    }
    return {
        **check.where,
        "metric": check.metric,
        "direction": check.direction,
        "extractor": measure.extractor if measure else "",
        "samples": measure.samples if measure else None,
        "protocol": measure.protocol if measure else "",
        "verdict": finding.verdict,
        "reason": finding.reason,
        "n_baseline": len(finding.baseline.scores),
        "n_value": len(finding.value.scores),
        "failures_baseline": len(finding.baseline.failures),
        "failures_value": len(finding.value.failures),
        # JSON has no NaN and no infinity.
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
        "test": found.test,
        "tolerance": str(check.tolerance),
        "alpha": outcome.alpha,
        "family": outcome.family,
        "seeds": settled.beside if settled else None,
        "seeds_each": settled.each if settled else None,
        "settling": settled.words if settled else "",
    }


def _surety(finding: Finding, outcome: Outcome) -> str:
    """Write in brackets how sure a loss is; empty where nothing was tested."""
    if not finding.evidence.test:
        return ""
    told = [interval(finding, outcome.alpha), f"tolerance {tolerated(finding)}"]
    if not math.isnan(finding.p) and finding.verdict != "pass":
        told.append(p_value(finding.p) + (f" over {outcome.family} tests" if outcome.family > 1 else ""))
    told.append(f"{len(finding.value.scores)} seeds against {len(finding.baseline.scores)}")
    return f" ({', '.join(filter(None, told))})"


def _signed(loss: float, by: str = "") -> str:
    return f"{'worse' if loss > 0 else 'better'} {by}{number(abs(loss))}"


def _ended(loss: float) -> str:
    return f"{number(abs(loss))} {'worse' if loss > 0 else 'better'}" if loss else "no change"


def markdown_of(outcome: Outcome) -> str:
    """Write a heading, a table with one row per score, the most severe first, and the notes."""
    lines = [f"### ganbench check: {_plain(headline(outcome))}", ""]
    if outcome.advice:
        lines += [*(f"- {_plain(words)}" for words in outcome.advice), ""]
    if outcome.verdict != "identical":
        rows = [_HEADS, ("---",) * len(_HEADS), *(_row(finding, outcome) for finding in outcome.findings)]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    said = [
        f"{finding.check.words}: {finding.check.score}: {words}"
        for finding in outcome.findings
        for words in (finding.reason, finding.seeds_needed.words if finding.seeds_needed else "")
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
    check, found = finding.check, finding.evidence
    change = "-" if math.isnan(found.loss) else worse_by(finding)
    if ends := interval(finding, outcome.alpha):
        change += f"; {ends}"
    verdict = f"**{finding.verdict}**" if finding.verdict == "regression" else finding.verdict
    texts = (
        check.words,
        check.score,
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
        f"{len(group.failures)} failed" if group.failures else ""
        for group in (finding.value, finding.baseline)
    ]
    counts = [len(finding.value.scores), len(finding.baseline.scores)]
    now, before = (
        f"{count} ({words})" if words else str(count) for count, words in zip(counts, failed, strict=True)
    )
    return f"{now} against {before}"


def _plain(text: str) -> str:
    """Text that stays as it is in a table's cell: names come from plugins and files."""
    text = printable(text)
    for character in "\\`*_{}[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def junit_of(outcome: Outcome, inconclusive_passes: bool = False) -> bytes:
    """Write the check as one test suite.

    A regression is a failure. What is inconclusive is one too, of its own type, or is skipped where it is to
    pass.

    Args:
        outcome: what was found.
        inconclusive_passes: whether what is inconclusive does no harm.
    """
    counts = outcome.counts
    inconclusive = counts.get("inconclusive", 0)
    failed = counts.get("regression", 0) + (0 if inconclusive_passes else inconclusive)
    suite = xml.Element(
        "testsuite",
        name="ganbench check",
        tests=str(len(outcome.findings)),
        failures=str(failed),
        errors="0",
        skipped=str(inconclusive if inconclusive_passes else 0),
    )
    for finding in outcome.findings:
        _case(suite, finding, outcome, inconclusive_passes)
    xml.SubElement(suite, "system-out").text = "\n".join(
        map(printable, [headline(outcome), *outcome.advice, *outcome.notes])
    )
    return _document(suite)


def _case(suite: xml.Element, finding: Finding, outcome: Outcome, inconclusive_passes: bool) -> None:
    check = finding.check
    # Dots part packages there.
    where = check.words.replace(".", "_")
    case = xml.SubElement(suite, "testcase", classname=f"ganbench.{where}", name=check.score)
    words = sentence(finding, outcome)
    if finding.verdict == "inconclusive" and inconclusive_passes:
        xml.SubElement(case, "skipped", message=f"inconclusive: {words}")
    elif finding.verdict in ("regression", "inconclusive"):
        failure = xml.SubElement(case, "failure", type=finding.verdict, message=f"{finding.verdict}: {words}")
        failure.text = words
    else:
        xml.SubElement(case, "system-out").text = f"{finding.verdict}: {words}"


def markdown_of_problems(problems: Sequence[str], kind: str) -> str:
    """Say in Markdown why there is no verdict.

    Args:
        problems: one line each.
        kind: what they are, as `bad input`.
    """
    lines = [f"### ganbench check: {kind}", "", *(f"- {_plain(problem)}" for problem in problems)]
    return "\n".join(lines) + "\n"


def junit_of_problems(problems: Sequence[str], kind: str) -> bytes:
    """Say in JUnit XML why there is no verdict: one case with an error, where a test was to be.

    Args:
        problems: one line each.
        kind: what they are, as `bad input`.
    """
    told = [printable(problem) for problem in problems]
    suite = xml.Element("testsuite", name="ganbench check", tests="1", failures="0", errors="1", skipped="0")
    case = xml.SubElement(suite, "testcase", classname="ganbench", name="check")
    error = xml.SubElement(case, "error", type=kind, message=f"{kind}: {'; '.join(told)}")
    error.text = "\n".join(told)
    return _document(suite)


def _document(suite: xml.Element) -> bytes:
    root = xml.Element("testsuites")
    root.append(suite)
    xml.indent(root)
    return bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
