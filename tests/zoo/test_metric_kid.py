from __future__ import annotations

import pytest
import torch
from plain_data import normal
from threadpoolctl import threadpool_limits
from torch_fidelity.metric_kid import kid_features_to_metric

from ganbench.api import Features, Metric, Samples
from ganbench.zoo.metrics import build_kid, ganbench_metrics


def kid(first, second, **options):
    return build_kid(**options)(Features(features=first), Features(features=second), None)


@pytest.mark.parametrize(
    ("options", "theirs"),
    [({}, {}), ({"subsets": 7, "subset_size": 20}, {"kid_subsets": 7, "kid_subset_size": 20})],
)
def test_equals_torch_fidelity(options, theirs):
    first, second = 1.1 * normal(1100, 16).relu(), normal(1050, 16, seed=1).relu()
    # On some processors two threads give it other bits, up to 1e-7, than one.
    with threadpool_limits(limits=1, user_api="blas"):
        expected = kid_features_to_metric(first, second, verbose=False, **theirs)
    values = kid(first, second, **options)
    # Absolute: the value itself may be 0.
    assert values["kid"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=0, abs=1e-9)
    assert values["kid_std"] == pytest.approx(expected["kernel_inception_distance_std"], rel=0, abs=1e-9)


def test_grows_with_the_distance_of_the_sides():
    first, second = normal(200, 8), normal(200, 8, seed=1)
    near, far = (kid(first, second + shift, subsets=20, subset_size=100)["kid"] for shift in (0.2, 0.5))
    assert 0 < near < far


def test_what_it_needs_and_gives():
    metric = build_kid()
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("features", 1000)
    assert build_kid(subset_size=50).minimum == 50
    spec = next(spec for spec in ganbench_metrics() if spec.name == "kid")
    # Unbiased, so that few samples make it uncertain and nothing else; the spread is never compared.
    assert (spec.directions, spec.biased_below) == ({"kid": "lower"}, {})
    assert set(kid(normal(9, 2), normal(9, 2), subsets=2, subset_size=5)) == {"kid", "kid_std"}
    # Over one subset, or over subsets that are all the samples, there is no deviation.
    assert set(kid(normal(9, 2), normal(9, 2), subsets=1, subset_size=5)) == {"kid"}
    assert set(kid(normal(9, 2), normal(9, 2), subsets=7, subset_size=9)) == {"kid"}
    assert set(kid(normal(9, 2), normal(10, 2), subsets=7, subset_size=9)) == {"kid", "kid_std"}
    with pytest.raises(TypeError, match="kid takes features"):
        metric(Samples(x=torch.zeros(9, 1)), Samples(x=torch.zeros(9, 1)), None)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"subsets": 0}, "subsets must be from 1 to 10000, given 0"),
        ({"subsets": 10_001}, "subsets must be from 1 to 10000, given 10001"),
        ({"subset_size": 1}, "subset_size must be at least 2, given 1"),
        ({"subset_size": -5}, "subset_size must be at least 2, given -5"),
    ],
)
def test_impossible_options_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        build_kid(**options)
