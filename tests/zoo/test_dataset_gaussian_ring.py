from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench.errors import DatasetError
from ganbench.zoo.datasets import build_gaussian_ring


def test_default_is_the_recipe_of_pacgan():
    data = build_gaussian_ring()
    train = data.load("train")
    assert train.x.shape == (100_000, 2)
    assert train.x.dtype == torch.float32
    assert data.modes.shape == (8, 2)
    assert data.signature.kind == "points"
    assert data.signature.classes == 8
    assert torch.allclose(data.modes.norm(dim=1), torch.ones(8))
    away = train.x - data.modes[train.labels]
    assert torch.allclose(away.std(dim=0), torch.full((2,), 0.01), rtol=0.02)
    assert away.mean(dim=0).abs().max() < 1e-3
    assert (train.labels.bincount() / 1000 - 12.5).abs().max() < 0.5


@pytest.mark.parametrize("modes", [1, 2, 7, 8, 25])
def test_modes_are_distinct_and_evenly_spaced(modes):
    centres = build_gaussian_ring(modes=modes, radius=2.0, samples=1).modes
    angles = torch.atan2(centres[:, 1], centres[:, 0]) % (2 * math.pi)
    gaps = torch.diff(torch.cat([angles.sort().values, angles.min().view(1) + 2 * math.pi]))
    assert torch.allclose(gaps, torch.full((modes,), 2 * math.pi / modes), atol=1e-4)


def test_density_integrates_to_one_and_is_highest_at_the_modes():
    data = build_gaussian_ring(modes=5, radius=1.0, std=0.1, samples=10)
    side = torch.linspace(-2, 2, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    density = data.density(grid)
    assert float(density.sum() * 0.01**2) == pytest.approx(1, abs=1e-6)
    at_modes = data.density(data.modes)
    assert at_modes.dtype == torch.float32
    assert torch.allclose(at_modes, torch.full((5,), 1 / (5 * 2 * math.pi * 0.01)), rtol=1e-3)
    assert data.density(torch.full((1, 2), 1e6)).item() == 0


def test_same_seed_same_points_in_any_random_state_and_another_seed_other_points():
    torch.manual_seed(3)
    np.random.seed(3)
    state = (torch.get_rng_state(), np.random.get_state()[1].copy())
    first = build_gaussian_ring(samples=50)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])
    torch.manual_seed(4)
    again, other = build_gaussian_ring(samples=50), build_gaussian_ring(samples=50, seed=1)
    assert torch.equal(first.load("train").x, again.load("train").x)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert not torch.equal(first.load("train").x, other.load("train").x)


def test_splits_are_drawn_apart_and_of_one_size():
    data = build_gaussian_ring(samples=500)
    train, test = data.load("train").x, data.load("test").x
    assert train.shape == test.shape
    assert not (train.unsqueeze(1) == test).all(dim=2).any()


def test_points_are_these_for_ever():
    # Pinned: a changed stream would silently part old results from new ones.
    pinned = [[-1.02199101, -0.00125710], [0.70393163, 0.71768838], [0.00265319, -0.99608654]]
    first = build_gaussian_ring(samples=3).load("train").x
    assert torch.allclose(first, torch.tensor(pinned), atol=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("modes", 0),
        ("modes", 10**9),
        ("radius", -1.0),
        ("radius", math.nan),
        ("std", 0.0),
        ("std", math.inf),
        ("samples", 0),
        ("samples", 10**12),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(DatasetError, match=rf"gaussian_ring.*{name} must be .*given {value}") as caught:
        build_gaussian_ring(**{name: value})
    assert len(caught.value.problems) == 1


def test_all_impossible_options_are_named_at_once():
    with pytest.raises(DatasetError) as caught:
        build_gaussian_ring(modes=0, std=-1.0)
    assert len(caught.value.problems) == 2
