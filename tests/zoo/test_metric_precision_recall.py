from __future__ import annotations

import pytest
import torch
from plain_data import normal
from torch_fidelity.metric_prc import prc_features_to_metric

from ganbench.api import Features, Metric, Samples
from ganbench.catalog import load_catalog
from ganbench.zoo.metrics import ganbench_metrics

NAMES = ["precision", "recall"]


def build(name, **options):
    return load_catalog().build("metric", name, options)


def score(name, first, second, **options):
    return build(name, **options)(Features(features=first), Features(features=second), None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("options", "theirs"), [({}, {}), ({"neighbours": 5}, {"prc_neighborhood": 5})])
def test_equals_torch_fidelity(name, options, theirs):
    first, second = normal(210, 20) + 0.2, normal(190, 20, seed=1)
    expected = prc_features_to_metric(first, second, verbose=False, **theirs)[name]
    assert score(name, first, second, **options) == {name: pytest.approx(expected, rel=0, abs=1e-9)}
    assert 0.05 < expected < 0.95


def test_few_modes_are_precise_and_all_modes_and_more_are_recalled():
    centres = 20 * torch.eye(6).repeat_interleave(50, dim=0)
    real = centres + normal(300, 6)
    few = real[:100] + 0.1 * normal(100, 6, seed=1)
    assert score("precision", few, real)["precision"] > 0.95
    assert score("recall", few, real)["recall"] < 0.5
    much = torch.cat([centres, 20 + centres]) + normal(600, 6, seed=2)
    assert score("precision", much, real)["precision"] < 0.6
    assert score("recall", much, real)["recall"] > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_and_gives(name):
    metric = build(name)
    assert isinstance(metric, Metric)
    # Each of k neighbours, and the sample itself; torch-fidelity's k is 3.
    assert (metric.needs, metric.minimum) == ("features", 4)
    assert build(name, neighbours=7).minimum == 8
    spec = next(spec for spec in ganbench_metrics() if spec.name == name)
    assert spec.directions == {name: "higher"}
    with pytest.raises(TypeError, match=f"{name} takes features"):
        metric(Samples(x=torch.zeros(9, 1)), Samples(x=torch.zeros(9, 1)), None)
