from __future__ import annotations

import math

import pytest
import torch

from ganbench.errors import DatasetError
from ganbench.zoo.datasets.gaussian_mixtures import Gaussian1d

LINE = torch.linspace(-12, 12, 24_001, dtype=torch.float64).unsqueeze(1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"means": (0.0,), "stds": (1.0,)},
        {"means": (-3.0, 0.0, 4.0), "stds": (0.2, 1.0, 0.5), "weights": (1.0, 5.0, 2.0)},
    ],
)
def test_density_integrates_to_one(options):
    density = Gaussian1d(samples=1, **options).density(LINE)
    assert float(density.sum() * 0.001) == pytest.approx(1, abs=1e-9)


def test_density_is_the_weighted_sum_of_normals():
    data = Gaussian1d(means=(-1.0, 2.0), stds=(0.5, 0.25), weights=(3.0, 1.0), samples=1)
    x = LINE[:, 0]
    expected = 0.75 * torch.exp(-((x + 1) ** 2) / 0.5) / math.sqrt(2 * math.pi * 0.25)
    expected += 0.25 * torch.exp(-((x - 2) ** 2) / 0.125) / math.sqrt(2 * math.pi * 0.0625)
    assert torch.allclose(data.density(LINE), expected, rtol=1e-12, atol=1e-300)


def test_points_are_drawn_as_often_and_as_far_as_weights_and_stds_say():
    data = Gaussian1d(means=(-4.0, 4.0), stds=(0.5, 1.0), weights=(9.0, 1.0))
    train = data.load("train")
    assert data.modes.tolist() == [[-4.0], [4.0]]
    assert train.labels.bincount().tolist() == pytest.approx([90_000, 10_000], rel=0.03)
    for label, (mean, std) in enumerate([(-4, 0.5), (4, 1)]):
        drawn = train.x[train.labels == label]
        assert drawn.mean().item() == pytest.approx(mean, abs=0.05)
        assert drawn.std().item() == pytest.approx(std, rel=0.03)


def test_only_the_ratio_of_weights_counts():
    ones, tens = (Gaussian1d(weights=(w, 3 * w), samples=100) for w in (1.0, 10.0))
    assert ones.fingerprint == tens.fingerprint
    assert torch.allclose(ones.density(LINE), tens.density(LINE))


def test_one_std_holds_for_all_means():
    one = Gaussian1d(means=(-1.0, 0.0, 1.0), stds=(0.3,), samples=10)
    three = Gaussian1d(means=(-1.0, 0.0, 1.0), stds=(0.3, 0.3, 0.3), samples=10)
    assert one.std == three.std == 0.3
    assert one.fingerprint == three.fingerprint


def test_there_is_no_std_where_there_are_several():
    assert not hasattr(Gaussian1d(stds=(0.3, 0.4), samples=1), "std")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"stds": ()}, "stds must be one, or as many as the means, which are 2, given 0"),
        ({"stds": (1.0, 2.0, 3.0)}, "stds must be one, or as many as the means, which are 2, given 3"),
        ({"weights": (1.0,)}, "weights must be as many as the means, which are 2, given 1"),
    ],
)
def test_impossible_options_are_refused_in_one_line(options, line):
    with pytest.raises(DatasetError) as caught:
        Gaussian1d(**options)
    assert caught.value.problems == (f"dataset 'gaussian_1d': {line}",)
