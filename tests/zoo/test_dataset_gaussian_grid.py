from __future__ import annotations

import math

import pytest
import torch

from ganbench.errors import DatasetError
from ganbench.zoo.datasets import build_gaussian_grid


def test_default_is_the_recipe_of_pacgan():
    data = build_gaussian_grid()
    train = data.load("train")
    assert train.x.shape == (100_000, 2)
    assert data.signature.classes == 25
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(mode) for mode in data.modes.tolist()} == expected
    assert data.std == 0.05
    away = train.x - data.modes[train.labels]
    assert torch.allclose(away.std(dim=0), torch.full((2,), 0.05), rtol=0.02)
    assert (train.labels.bincount() / 1000 - 4).abs().max() < 0.3


@pytest.mark.parametrize("side", [1, 2, 5, 6])
def test_modes_are_side_by_side_about_the_origin(side):
    modes = build_gaussian_grid(side=side, spacing=0.7, samples=1).modes
    assert modes.shape == (side**2, 2)
    assert torch.allclose(modes.mean(dim=0), torch.zeros(2), atol=1e-6)
    if side > 1:
        nearest = (torch.cdist(modes, modes) + 10 * torch.eye(side**2)).min(dim=1).values
        assert torch.allclose(nearest, torch.full((side**2,), 0.7), atol=1e-5)


def test_density_integrates_to_one_and_is_the_normal_of_each_mode():
    data = build_gaussian_grid(side=3, spacing=1.0, std=0.1, samples=10)
    side = torch.linspace(-2, 2, 401, dtype=torch.float64)
    density = data.density(torch.cartesian_prod(side, side))
    assert float(density.sum() * 0.01**2) == pytest.approx(1, abs=1e-9)
    at_modes = data.density(data.modes)
    assert torch.allclose(at_modes, torch.full((9,), 1 / (9 * 2 * math.pi * 0.01)), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("side", 0),
        ("side", 10**6),
        ("spacing", 0.0),
        ("spacing", math.nan),
        ("spacing", math.inf),
        ("std", 0.0),
        ("std", -1.0),
        ("std", 1e-200),
        ("std", 1e200),
    ],
)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(DatasetError, match=rf"gaussian_grid.*{name} must be .*given ") as caught:
        build_gaussian_grid(**{name: value})
    assert len(caught.value.problems) == 1
    assert repr(value) in str(caught.value)


def test_all_impossible_options_are_named_at_once():
    with pytest.raises(DatasetError) as caught:
        build_gaussian_grid(side=0, std=-1.0, seed=-1)
    assert len(caught.value.problems) == 3
