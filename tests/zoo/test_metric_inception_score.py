from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from ganbench.api import Features, Metric
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.feature_metrics import InceptionScore


def score(logits, splits=10):
    return InceptionScore(splits)(Features(features=logits, logits=logits), None, None)


@pytest.mark.parametrize(("count", "splits"), [(100, 10), (103, 10), (20, 10), (2, 1)])
def test_equals_torch_fidelity_and_leaves_random_state_alone(count, splits):
    logits = 3 * torch.randn(count, 10, generator=torch.Generator().manual_seed(count))
    state = (torch.get_rng_state(), np.random.get_state()[1].copy())
    values = score(logits, splits)
    theirs = isc_features_to_metric(logits, splits=splits)
    assert values["is"] == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    if splits > 1:
        assert values["is_std"] == pytest.approx(theirs["inception_score_std"], rel=1e-9)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])


def test_is_the_number_of_classes_for_sure_and_even_answers_and_one_for_equal_ones():
    assert score(50 * torch.eye(10).repeat(20, 1), splits=1)["is"] == pytest.approx(10, rel=1e-6)
    assert score(torch.ones(200, 10)) == pytest.approx({"is": 1, "is_std": 0})


@pytest.mark.parametrize(("splits", "minimum"), [(1, 2), (10, 20), (37, 74)])
def test_each_part_needs_two_samples(splits, minimum):
    metric = InceptionScore(splits)
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("logits", minimum)
    draws = [torch.randn(minimum, 5, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    values = [score(logits, splits)["is"] for logits in draws]
    assert np.isfinite(values).all()
    # Of one sample a part it is 1, whatever the samples are.
    assert abs(values[0] - values[1]) > 1e-3
    with pytest.raises(ValueError, match=f"logits of at least {minimum} samples are needed"):
        score(draws[0][1:], splits)


def test_a_deviation_over_one_part_is_not_given():
    assert set(score(torch.randn(40, 5), splits=1)) == {"is"}


def test_equals_torch_fidelity_on_many_classes_and_sure_answers():
    logits = 20 * torch.randn(300, 1008, generator=torch.Generator().manual_seed(0))
    values, theirs = score(logits), isc_features_to_metric(logits)
    assert values["is"] == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    assert values["is_std"] == pytest.approx(theirs["inception_score_std"], rel=1e-9)


def test_what_is_added_to_all_of_a_sample_s_logits_plays_no_part():
    logits = 3 * torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    assert score(logits + 2.0**10) == pytest.approx(score(logits), rel=1e-4)


def test_a_class_that_no_sample_can_have_is_left_out():
    # exp(-2000) is 0 in float64, where torch-fidelity's logarithm of it makes NaN.
    logits = 3 * torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    impossible = torch.cat([logits, torch.full((100, 1), -2000.0)], dim=1)
    assert score(impossible) == pytest.approx(score(logits), rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_and_too_few_of_them_are_refused(bad):
    logits = torch.zeros(30, 4)
    logits[4] = bad
    with pytest.raises(ValueError, match="the logits of 1 of 30 samples are not finite"):
        score(logits)
    with pytest.raises(ValueError, match="logits of at least 20 samples are needed, given 19"):
        score(torch.zeros(19, 4))


def test_features_without_logits_are_no_input():
    with pytest.raises(TypeError, match="logits"):
        InceptionScore()(Features(features=torch.zeros(20, 3)), None, None)


def test_its_values_are_those_of_its_directions():
    spec = next(spec for spec in ganbench_metrics() if spec.name == "is")
    # The spread of the splits is neither good nor bad: it is in the tables and never compared.
    assert set(score(torch.zeros(20, 3))) - set(spec.directions) == {"is_std"}
    assert spec.directions["is"] == "higher"
    assert spec.biased_below == {"is": 50_000}
