"""What would settle an inconclusive check."""

from __future__ import annotations

import numpy as np

from ganbench.analysis.group import Group
from ganbench.regression.evidence import evidence
from ganbench.regression.seeds_needed import seeds_needed


def group(n, mean=20.0):
    """n scores of sd 1."""
    scores = np.linspace(-1, 1, n)
    return Group(label="group", scores=dict(enumerate((mean + scores / scores.std(ddof=1)).tolist())))


def settled(n_old, n_new, loss=0.0, tolerance=1.0, family=1):
    old, new = group(n_old), group(n_new, 20 + loss)
    return seeds_needed(old, new, evidence(old, new, "lower", 0.05), tolerance, 0.05, family)


def test_more_seeds_against_the_baseline_as_it_is():
    found = settled(20, 4)
    assert (found.beside, found.each) == (11, 14)
    assert found.words == "about 11 seeds against this baseline would settle it"


def test_a_baseline_that_is_too_small():
    found = settled(5, 5)
    assert found.beside is None
    assert found.words == (
        "no number of new seeds can settle it: the baseline's 5 are too few; about 14 seeds a side would"
    )
    assert "too few; more than 10000 seeds a side would" in settled(5, 5, tolerance=0.001).words


def test_a_loss_by_the_tolerance_itself():
    found = settled(30, 30, loss=0.9)
    assert found.beside is None
    assert found.each > 1000
    assert found.words == f"so near the tolerance it takes about {found.each} seeds a side"
    assert settled(30, 30, loss=0.5).each < 100
    assert settled(30, 30, loss=1.0).words == "so near the tolerance it takes more than 10000 seeds a side"


def test_a_family_needs_more():
    assert settled(14, 4, tolerance=2.0).each < settled(14, 4, tolerance=2.0, family=100).each
