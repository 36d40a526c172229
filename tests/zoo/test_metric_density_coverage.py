from __future__ import annotations

import pytest
import torch
from plain_data import normal

from ganbench.api import Features, Metric, Samples
from ganbench.catalog import load_catalog
from ganbench.zoo.metrics import ganbench_metrics

NAMES = ["density", "coverage"]


def build(name, **options):
    return load_catalog().build("metric", name, options)


def score(name, first, second, **options):
    ((_, value),) = build(name, **options)(Features(features=first), Features(features=second), None).items()
    return value


def test_an_outlier_of_the_data_raises_precision_and_not_density():
    # Generated samples around one real outlier, as in figure 1 of Naeem et al., 2020.
    real, fake = normal(100, 4), normal(100, 4, seed=1) + 9
    outlier = torch.full((1, 4), 9.0)
    with_outlier = torch.cat([real, outlier])
    assert score("precision", fake, real) == score("density", fake, real) == 0
    assert score("precision", fake, with_outlier) > 0.9
    assert score("density", fake, with_outlier) < 0.25


def test_far_and_various_samples_raise_recall_and_not_coverage():
    real, fake = normal(200, 4), 12 * normal(200, 4, seed=1)
    assert score("recall", fake, real, neighbours=5) > 0.9
    assert score("coverage", fake, real) < 0.2


def test_samples_in_the_middle_of_the_data_are_dense_and_cover_little():
    real, fake = normal(300, 4), 0.2 * normal(300, 4, seed=1)
    assert score("density", fake, real) > 1.2
    assert score("coverage", fake, real) < 0.6


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_and_gives(name):
    metric = build(name)
    assert isinstance(metric, Metric)
    # The authors' k is 5; the sample itself comes beside.
    assert (metric.needs, metric.minimum) == ("features", 6)
    assert build(name, neighbours=7).minimum == 8
    spec = next(spec for spec in ganbench_metrics() if spec.name == name)
    assert spec.directions == {name: "higher"}
    assert set(metric(*[Features(features=normal(20, 3))] * 2, None)) == {name}
    with pytest.raises(TypeError, match=f"{name} takes features"):
        metric(Samples(x=torch.zeros(9, 1)), Samples(x=torch.zeros(9, 1)), None)
