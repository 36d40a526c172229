from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from sklearn.datasets import make_swiss_roll

from ganbench.errors import DatasetError
from ganbench.zoo.datasets import build_swiss_roll


def test_default_is_distributed_as_in_the_toy_of_wgan_gp():
    ours = build_swiss_roll().load("train").x.double().numpy()
    theirs = make_swiss_roll(100_000, noise=0.25, random_state=1)[0][:, [0, 2]] / 7.5
    for direction in ((1, 0), (0, 1), (1, 1), (1, -2)):
        assert ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-4


def test_points_lie_about_the_spiral():
    x = build_swiss_roll(noise=0.01, scale=2.0, samples=800).load("train").x.double().numpy()
    t = np.linspace(1.5 * math.pi, 4.5 * math.pi, 20_001)
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 2
    away = torch.cdist(torch.from_numpy(x), torch.from_numpy(spiral)).min(dim=1).values
    # Across the spiral noise is one normal of deviation .01 / 2.
    assert away.max() < 6 * 0.005
    assert away.square().mean().sqrt().item() == pytest.approx(0.005, rel=0.15)


@pytest.mark.parametrize(("noise", "scale"), [(0.25, 7.5), (2.0, 1.0), (0.5, 3.0)])
def test_density_integrates_to_one(noise, scale):
    data = build_swiss_roll(noise=noise, scale=scale, samples=1)
    extent = (14.2 + 8 * noise) / scale
    # The midpoint rule is exact to all digits on Gaussians of more than a step's deviation.
    count = math.ceil(2 * extent / (0.9 * noise / scale))
    step = 2 * extent / count
    side = -extent + step * (torch.arange(count, dtype=torch.float64) + 0.5)
    density = data.density(torch.cartesian_prod(side, side))
    assert float(density.sum() * step**2) == pytest.approx(1, abs=1e-6)


def test_density_is_the_average_over_the_spiral():
    data = build_swiss_roll(noise=0.5, scale=2.0, samples=50)
    x = data.load("train").x.double()
    t = 1.5 * math.pi + 3 * math.pi * (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    spiral = torch.stack([t * t.cos(), t * t.sin()], dim=1) / 2
    normals = torch.exp(-torch.cdist(x, spiral).square() / (2 * 0.25**2)) / (2 * math.pi * 0.25**2)
    assert torch.allclose(data.density(x), normals.mean(dim=1), rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("noise", 0.0), ("noise", 0.001), ("noise", math.nan), ("scale", 0.0), ("scale", math.inf)],
)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(DatasetError, match=rf"swiss_roll.*{name} must be .*given {value}") as caught:
        build_swiss_roll(**{name: value})
    assert len(caught.value.problems) == 1
