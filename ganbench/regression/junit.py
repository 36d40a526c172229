"""A check as JUnit XML, which test dashboards read: a case for each score of each context."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from ganbench.regression.outcome import Finding, Outcome
from ganbench.regression.sentences import headline, sentence


def junit_of(outcome: Outcome, inconclusive_passes: bool = False) -> bytes:
    """The check as one test suite.

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
    xml.SubElement(suite, "system-out").text = "\n".join([headline(outcome), *outcome.notes])
    root = xml.Element("testsuites")
    root.append(suite)
    xml.indent(root)
    return bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: xml.Element, finding: Finding, outcome: Outcome, inconclusive_passes: bool) -> None:
    question = finding.question
    # Dots part packages there.
    where = question.words.replace(".", "_")
    case = xml.SubElement(suite, "testcase", classname=f"ganbench.{where}", name=question.score)
    words = sentence(finding, outcome)
    if finding.verdict == "inconclusive" and inconclusive_passes:
        xml.SubElement(case, "skipped", message=f"inconclusive: {words}")
    elif finding.verdict in ("regression", "inconclusive"):
        failure = xml.SubElement(case, "failure", type=finding.verdict, message=f"{finding.verdict}: {words}")
        failure.text = words
    else:
        xml.SubElement(case, "system-out").text = f"{finding.verdict}: {words}"
