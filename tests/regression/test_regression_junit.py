"""A check as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as xml

import pytest

from ganbench.regression import check, junit_of


@pytest.mark.slow
def test_a_case_for_each_score(outcome):
    (suite,) = xml.fromstring(junit_of(outcome))
    cases = suite.findall("testcase")
    assert len(cases) == len(outcome.findings) == int(suite.get("tests"))
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("3", "0", "0")
    failures = [case.find("failure") for case in cases]
    assert [each.get("type") for each in failures if each is not None] == ["regression"] * 2 + [
        "inconclusive"
    ]
    assert cases[1].get("classname") == "ganbench.digits, net[a|b=<1>]"
    assert cases[1].get("name") == "fid (digits_cnn)"
    assert "worse by 4 (20%)" in failures[1].get("message")
    assert cases[-1].find("system-out").text.startswith("identical: digits, same")
    assert "torch 2.9.0 -> 2.9.1" in suite.find("system-out").text


@pytest.mark.slow
def test_what_is_inconclusive_may_be_skipped(outcome):
    (suite,) = xml.fromstring(junit_of(outcome, inconclusive_passes=True))
    assert (suite.get("failures"), suite.get("skipped")) == ("2", "1")
    assert [case.find("skipped") is not None for case in suite.findall("testcase")].count(True) == 1


def test_names_that_xml_cannot_hold(tables):
    path = tables("a").add([1.0, 2.0], architecture="<net> \x01 & ☃.x").write()
    (suite,) = xml.fromstring(junit_of(check(path, path)))
    # Dots would part packages.
    assert suite.find("testcase").get("classname") == "ganbench.digits, <net>   & ☃_x"
