"""What is built in keeps to the contracts that plugins are held to."""

from __future__ import annotations

from typing import Any

import pytest
from test_names_trained import ARCHITECTURES

from ganbench.catalog import Kind, load_catalog
from ganbench.testing import Finding, check


def built_in(kind: Kind) -> list[str]:
    """The names of a kind; `none` is the absence of a penalty or an augmentation."""
    entries = [entry for entry in load_catalog().entries(kind) if entry.plugin.builtin]
    return [entry.name for entry in entries if entry.name != "none"]


def not_passed(kind: Kind, name: str, options: dict[str, Any] | None = None) -> list[Finding]:
    return [finding for finding in check(kind, name, options) if finding.status != "passed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("loss"))
def test_losses(name: str) -> None:
    assert not_passed("loss", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("penalty"))
def test_penalties(name: str) -> None:
    assert not_passed("penalty", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("augmentation"))
def test_augmentations(name: str) -> None:
    assert not_passed("augmentation", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("architecture"))
def test_architectures(name: str) -> None:
    found = not_passed("architecture", name, ARCHITECTURES[name])
    assert [finding for finding in found if finding.status == "failed"] == []
    # Most leave it to ganbench to find out whether samples are coupled.
    assert {finding.check for finding in found} <= {"it_says_rightly_whether_samples_are_coupled"}
