from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ganbench.api import Features, Metric, Samples
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.feature_metrics import Fid


def ours(first, second):
    return Fid()(Features(features=first), Features(features=second), None)["fid"]


def theirs(first, second):
    statistics = [fid_features_to_statistics(side) for side in (first, second)]
    return fid_statistics_to_metric(*statistics, False)[KEY_METRIC_FID]


def gaussians(count, width, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator) / width**0.5
    return scale * torch.randn(count, width, generator=generator) @ mixing + shift


@settings(max_examples=25, deadline=None)
@given(
    counts=st.tuples(st.integers(2, 300), st.integers(2, 300)),
    width=st.integers(2, 64),
    scale=st.floats(0.1, 10),
    shift=st.floats(1, 5),
    seed=st.integers(0, 1000),
)
def test_equals_torch_fidelity_whatever_the_rank(counts, width, scale, shift, seed):
    first = gaussians(counts[0], width, seed, scale, shift).relu()
    second = gaussians(counts[1], width, seed + 1)
    assert ours(first, second) == pytest.approx(theirs(first, second), rel=1e-6)


def test_equals_torch_fidelity_on_many_features():
    first, second = gaussians(300, 400, 0, 1.1), gaussians(500, 400, 1)
    assert ours(first, second) == pytest.approx(theirs(first, second), rel=1e-6)


def test_equals_the_formula_for_diagonal_covariances():
    # Four points (±a, ±b): mean 0, covariance diag(4/3 a², 4/3 b²).
    def corners(a, b, shift):
        return torch.tensor([[a, b], [a, -b], [-a, b], [-a, -b]]) + shift

    value = ours(corners(1.0, 2.0, 0.0), corners(3.0, 1.0, 0.5))
    assert value == pytest.approx(2 * 0.25 + 4 / 3 * ((1 - 3) ** 2 + (2 - 1) ** 2), rel=1e-6)


def test_one_feature_is_enough():
    first, second = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [7.0]])
    assert ours(first, second) == pytest.approx((4 - 1) ** 2 + (18**0.5 - 2**0.5) ** 2, rel=1e-6)


def test_is_zero_for_equal_features_and_the_same_from_both_sides():
    first, second = gaussians(100, 20, 0), gaussians(80, 20, 1, 2.0)
    assert abs(ours(first, first.flip(0))) < 1e-5
    assert ours(first, second) == pytest.approx(ours(second, first), rel=1e-9)


def test_constant_features_have_a_finite_distance():
    varied, constant = gaussians(50, 10, 0), torch.ones(50, 10)
    variance = float(torch.cov(varied.double().T).trace() + (varied.double().mean(dim=0) - 1).square().sum())
    assert ours(constant, varied) == pytest.approx(variance, rel=1e-5)
    assert ours(varied, constant) == pytest.approx(variance, rel=1e-5)
    assert ours(constant, 3 * constant) == pytest.approx(40)
    assert ours(constant, constant) == 0


def test_what_it_needs_and_gives():
    metric = Fid()
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("features", 2)
    spec = next(spec for spec in ganbench_metrics() if spec.name == "fid")
    assert spec.directions == {"fid": "lower"}
    assert spec.biased_below == {"fid": 10_000}
    with pytest.raises(TypeError, match="features"):
        metric(Samples(x=torch.zeros(2, 1)), Samples(x=torch.zeros(2, 1)), None)
