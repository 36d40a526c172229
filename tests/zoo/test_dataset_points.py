"""What all data sets of points drawn from a seed have in common."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError

# Pinned: a changed stream would silently part old results from new ones.
FINGERPRINTS = {
    "gaussian_ring": "3222accb969410214b48f7900612d9fb95e91f8b8b0a2500f8aa6c70a23c0df0",
    "gaussian_grid": "7b33ddac755c327dd088ab6611a50ab68839cde14bb8174dca95646e33db8fb5",
    "gaussian_1d": "41d3be9bbd01bc74672d5d0c31b222b99806c840a1850c4341348cba92a60959",
    "point_mass": "a1d5ae14e281d82621a15a6ab0761359d9b0db4db3eb5c21f3360a8ec1000f1e",
    "parallel_lines": "193ac8263bbf0cdbfb3876f4a6fdbee6632e31667ceccb3f42565f5f57882357",
    "swiss_roll": "4666999290ffa846bdf4a6eadbfed8d799cee0a2d015b374a4e60b7761c6e89f",
}
DRAWN = sorted(set(FINGERPRINTS) - {"point_mass"})
# Of the noise about modes or curve, where that makes a density.
DEVIATIONS = {"gaussian_ring": 0.01, "gaussian_grid": 0.05, "gaussian_1d": 0.5, "swiss_roll": 0.25 / 7.5}


def build(name, **options):
    return load_catalog().build("dataset", name, options)


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_content_is_this_for_ever(name):
    assert build(name).fingerprint == FINGERPRINTS[name]


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_points_are_what_the_signature_says(name):
    data = build(name, samples=40)
    for split in ("train", "test"):
        samples = data.load(split)
        assert samples.x.dtype == torch.float32
        assert samples.x.shape == (40, *data.signature.shape)
        assert torch.isfinite(samples.x).all()
        assert (samples.labels is None) == (data.signature.classes is None)
        if samples.labels is not None:
            assert samples.labels.dtype == torch.int64
            assert samples.labels.min() >= 0
            assert samples.labels.max() < data.signature.classes
    assert data.signature.kind == "points"


@pytest.mark.parametrize("name", DRAWN)
def test_same_seed_same_points_in_any_random_state_and_another_seed_other_points(name):
    torch.manual_seed(3)
    np.random.seed(3)
    state = (torch.get_rng_state(), np.random.get_state()[1].copy())
    first = build(name, samples=50)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])
    torch.manual_seed(4)
    np.random.seed(4)
    again, other = build(name, samples=50), build(name, samples=50, seed=1)
    assert torch.equal(first.load("train").x, again.load("train").x)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert not torch.equal(first.load("train").x, other.load("train").x)


@pytest.mark.parametrize("name", DRAWN)
def test_splits_are_drawn_apart(name):
    data = build(name, samples=200)
    train, test = data.load("train").x, data.load("test").x
    assert not (train.unsqueeze(1) == test).all(dim=2).any()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "std"), DEVIATIONS.items())
def test_density_is_that_of_the_points(name, std):
    data = build(name)
    points = torch.cat([data.load("train").x, data.load("test").x]).double()
    centres = points[:: len(points) // 50]
    radius = std / 5
    inside = (torch.cdist(centres, points, compute_mode="donot_use_mm_for_euclid_dist") < radius).sum()
    volume = {1: 2 * radius, 2: math.pi * radius**2}[points.shape[1]]
    expected = data.density(centres).sum() * volume * len(points)
    # Each of them finds itself.
    assert (inside - len(centres)).item() == pytest.approx(expected.item(), rel=0.1)
    assert expected > 1000
    single = data.density(centres.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single, data.density(centres).float(), rtol=1e-4)


@pytest.mark.parametrize("name", sorted(set(FINGERPRINTS) - set(DEVIATIONS)))
def test_there_is_no_density_on_a_null_set(name):
    assert not hasattr(build(name, samples=1), "density")


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_no_data_set_of_no_points(name):
    for samples in (0, -1, 10**12):
        with pytest.raises(CatalogError, match=rf"'samples' of dataset '{name}' must be .*given {samples}"):
            build(name, samples=samples)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(name, seed):
    with pytest.raises(CatalogError, match=rf"'seed' of dataset '{name}' must be .*given {seed}"):
        build(name, seed=seed, samples=1)
