from __future__ import annotations

import math

import pytest
import torch
from plain_data import PlainData, normal

from ganbench.api import Samples
from ganbench.zoo.metrics import build_mmd
from ganbench.zoo.metrics import mmd as mmd_module

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(first, second, **options):
    return build_mmd(**options)(Samples(x=first), Samples(x=second), None)["mmd"]


def by_loops(first, second, bandwidth):
    def kernel(a, b):
        return sum(math.exp(-0.5 * (math.dist(a, b) / (s * bandwidth)) ** 2) for s in SCALES) / 5

    def within(side):
        pairs = [kernel(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(a, b) for a in first for b in second]
    return within(first) + within(second) - 2 * sum(across) / len(across)


@pytest.mark.parametrize("block", [2**22, 100])
def test_equals_loops_over_all_pairs(block, monkeypatch):
    monkeypatch.setattr(mmd_module, "_BLOCK", block)
    first, second = normal(40, 2), 1.5 * normal(30, 2, seed=1) + 0.5
    expected = by_loops(first.tolist(), second.tolist(), 0.7)
    assert mmd(first, second, bandwidth=0.7) == pytest.approx(expected, rel=1e-9)


def test_the_bandwidth_is_the_median_distance_of_the_reference_alone():
    first, second = normal(40, 2), normal(31, 2, seed=1)
    median = sorted(math.dist(a, b) for i, a in enumerate(second.tolist()) for b in second.tolist()[:i])
    # 31 points have 465 distances, of which one is in the middle.
    assert mmd(first, second) == pytest.approx(mmd(first, second, bandwidth=median[232]), rel=1e-6)
    # Another generator is measured with the same kernel.
    assert mmd(9 * first, second) == pytest.approx(mmd(9 * first, second, bandwidth=median[232]), rel=1e-6)


def test_tends_to_the_closed_form_of_two_gaussians():
    # E k for x - y ~ N(m, v I) in two dimensions: s^2 / (s^2 + v) exp(-|m|^2 / (2 (s^2 + v))).
    def expected_kernel(shift, variance):
        squares = [scale**2 for scale in SCALES]
        return sum(s / (s + variance) * math.exp(-(shift**2) / (2 * (s + variance))) for s in squares) / 5

    shift = 0.8
    truth = 2 * expected_kernel(0, 2) - 2 * expected_kernel(shift, 2)
    first, second = normal(3000, 2), normal(3000, 2, seed=1)
    first[:, 0] += shift
    assert mmd(first, second, samples=3000, bandwidth=1.0) == pytest.approx(truth, rel=0.1)


def test_is_without_bias_for_one_distribution():
    values = torch.tensor([mmd(normal(60, 2, seed=2 * i), normal(60, 2, seed=2 * i + 1)) for i in range(100)])
    assert abs(values.mean()) < 3 * values.std() / 10
    assert values.min() < 0 < values.max()
    # The estimate with each point's kernel with itself would be about 2 (1 - E k) / 60 above 0.
    assert abs(values.mean()) < 0.005


def test_points_without_spread_need_a_bandwidth():
    same = PlainData(torch.ones(50, 2))
    with pytest.raises(ValueError, match="give mmd a bandwidth"):
        build_mmd().check(same)
    build_mmd(bandwidth=1.0).check(same)
    with pytest.raises(ValueError, match="give mmd a bandwidth"):
        mmd(normal(50, 2), torch.ones(50, 2))
    # Two point masses at a distance of one bandwidth.
    expected = 2 - 2 * sum(math.exp(-0.5 / s**2) for s in SCALES) / 5
    assert mmd(torch.zeros(50, 1), torch.ones(50, 1), bandwidth=1.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"samples": 1}, "samples must be from 2 to 100000, given 1"),
        ({"bandwidth": 0.0}, "bandwidth must be above 0, given 0"),
        ({"bandwidth": -1.0}, "bandwidth must be above 0, given -1"),
    ],
)
def test_impossible_options_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        build_mmd(**options)
