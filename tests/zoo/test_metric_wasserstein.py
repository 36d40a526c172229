from __future__ import annotations

import itertools
import math
import os
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_data import normal
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance

from ganbench.api import Samples
from ganbench.zoo.metrics.wasserstein import WassersteinDistance, optimal_transport


def distance(first, second, method="exact", **options):
    values = WassersteinDistance(method, **options)(Samples(x=first), Samples(x=second), None)
    return values["wasserstein" if method == "exact" else "sliced_wasserstein"]


@pytest.mark.parametrize("order", [1, 2])
def test_equals_the_best_of_all_assignments(order):
    first, second = normal(6, 2), normal(6, 2, seed=1)
    best = min(
        sum(math.dist(a, b) ** order for a, b in zip(first.tolist(), chosen, strict=True)) / 6
        for chosen in itertools.permutations(second.tolist())
    )
    assert distance(first, second, order=order) == pytest.approx(best ** (1 / order), rel=1e-9)


def test_equals_scipy_on_many_points():
    first, second = normal(300, 3).double(), normal(300, 3, seed=1).double() * 2
    cost = torch.cdist(first, second).numpy()
    rows, columns = linear_sum_assignment(cost)
    assert distance(first, second) == pytest.approx(cost[rows, columns].mean(), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(counts=st.tuples(st.integers(1, 60), st.integers(1, 60)), seed=st.integers(0, 99))
def test_on_a_line_both_methods_are_the_area_between_the_quantile_functions(counts, seed):
    first, second = normal(counts[0], 1, seed=seed), normal(counts[1], 1, seed=seed + 1) + 0.5
    theirs = wasserstein_distance(first[:, 0].double(), second[:, 0].double())
    assert distance(first, second) == pytest.approx(theirs, rel=1e-6)
    assert distance(first, second, "sliced", projections=3) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_a_shift_is_as_far_as_it_is_long(order):
    points = normal(200, 2)
    shifted = points + torch.tensor([3.0, 4.0])
    assert distance(points, shifted, order=order) == pytest.approx(5, rel=1e-5)
    # Along a direction at angle a to the shift it is 5 |cos a|: on average 2/pi, squared a half.
    expected = 5 * (2 / math.pi if order == 1 else math.sqrt(0.5))
    sliced = distance(points, shifted, "sliced", order=order, projections=10_000)
    assert sliced == pytest.approx(expected, rel=0.02)


def test_is_zero_for_the_same_points_in_another_order():
    points = normal(50, 2)
    for method in ("exact", "sliced"):
        assert distance(points, points.flip(0), method) == pytest.approx(0, abs=1e-7)


def test_parallel_lines_are_as_far_as_their_offset():
    # Fedus et al., 2018: where the Jensen-Shannon divergence is log 2 at any offset.
    along = torch.linspace(-1, 1, 500)
    for offset in (0.1, 2.0):
        lines = [torch.stack([torch.full_like(along, x), along], dim=1) for x in (0.0, offset)]
        assert distance(*lines) == pytest.approx(offset, rel=1e-5)


def test_no_more_points_than_asked_for_are_taken():
    first, second = normal(5000, 2), normal(7000, 2, seed=1)
    few = distance(first, second, samples=50)
    # Of fewer points of one distribution, the distance is larger.
    assert few > 1.5 * distance(first, second, samples=800)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"samples": 10_001}, "samples must be at most 10000 where method is 'exact', given 10001"),
    ],
)
def test_impossible_options_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        WassersteinDistance(**options)


def test_pot_is_told_to_leave_other_frameworks_alone():
    backend = optimal_transport().backend
    for key in (backend.DISABLE_JAX_KEY, backend.DISABLE_CUPY_KEY, backend.DISABLE_TF_KEY):
        assert os.environ[key] == "1"


def test_what_the_compiler_says_of_pot_right_after_an_installation_is_not_shown(tmp_path, monkeypatch):
    # A docstring like those of the real one, which is compiled already.
    (tmp_path / "ot.py").write_text('"""A \\d."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded = [name for name in sys.modules if name.split(".")[0] == "ot"]
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    # Here a warning is an error.
    assert optimal_transport().__doc__ == "A \\d."
    monkeypatch.delitem(sys.modules, "ot")
