from __future__ import annotations

import math

import pytest

from ganbench.analysis.multiple_testing import family_of, holm


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, math.nan, 0.03]) == pytest.approx([0.03, 0.06, math.nan, 0.06], nan_ok=True)
    assert holm([]) == []
    assert all(math.isnan(p) for p in holm([math.nan]))


def test_a_family_is_named_by_what_it_holds() -> None:
    family = family_of("loss", "minimax", contexts=2, metrics=1, values=3, size=5)
    assert (family.name, family.size) == ("loss against minimax: 2 contexts × 1 metric × 3 values", 5)
