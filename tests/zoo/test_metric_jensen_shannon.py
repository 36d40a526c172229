from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_data import PlainData, normal
from scipy.integrate import quad
from scipy.stats import norm

from ganbench.api import Samples
from ganbench.zoo.datasets.gaussian_mixtures import Gaussian1d, GaussianRing
from ganbench.zoo.datasets.point_sets import ParallelLines
from ganbench.zoo.metrics.jensen_shannon import JensenShannon, integrated_cells, smoothed_counts


def gaussian(width: int, count: int = 20_000, scale: float = 1.0) -> PlainData:
    def density(x):
        return (
            -x.square().sum(dim=1) / (2 * scale**2) - width * math.log(scale * math.sqrt(2 * math.pi))
        ).exp()

    name = f"gaussian {width} {count} {scale}"
    return PlainData(scale * normal(count, width, seed=99), density=density, fingerprint=name)


def scores(points, dataset, bins=400, split="train"):
    return JensenShannon(bins)(Samples(x=points), dataset.load(split), dataset)


def truth(shift: float, scale: float) -> float:
    """JSD of N(0, 1) and N(shift, scale^2) by quadrature."""

    def integrand(x):
        p, q = norm.pdf(x), norm.pdf(x, shift, scale)
        middle = (p + q) / 2
        return sum(side * math.log(side / middle) if side > 0 else 0 for side in (p, q)) / 2

    return quad(integrand, -12, 16, limit=500, epsabs=1e-12)[0]


@pytest.mark.slow
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (2.0, 1.0), (0.0, 1.5), (0.5, 0.7), (6.0, 1.0)])
def test_tends_to_the_truth_of_two_gaussians(width, shift, scale):
    # In two dimensions along the first axis only: the second adds nothing.
    points = normal(30_000, width)
    points[:, 0] = shift + scale * points[:, 0]
    assert scores(points, gaussian(width))["jsd"] == pytest.approx(truth(shift, scale), abs=0.006)


def test_nears_the_truth_with_more_points():
    data = gaussian(1)
    errors = []
    for count in (100, 1_000, 10_000, 100_000):
        found = [scores(normal(count, 1, seed=seed) + 1, data)["jsd"] for seed in range(10)]
        errors.append(np.sqrt(np.mean((np.array(found) - truth(1, 1)) ** 2)))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.05
    assert errors[-1] < 0.002


@pytest.mark.slow
@pytest.mark.parametrize(("width", "highest"), [(1, 0.003), (2, 0.008)])
def test_equal_distributions_are_almost_nothing_apart_and_jsd_data_says_how_much(width, highest):
    data = gaussian(width)
    found = [scores(normal(2_500, width, seed=seed), data) for seed in range(8)]
    mean = np.mean([values["jsd"] for values in found])
    assert 0 < mean < highest
    # One draw of the same thing: the spread of the eight is known.
    spread = np.std([values["jsd"] for values in found], ddof=1)
    assert found[0]["jsd_data"] == pytest.approx(mean, abs=4 * spread)


def test_a_perfect_generator_of_the_ring_has_what_the_documentation_says():
    ring = GaussianRing()
    values = scores(ring.load("test").x[:2500], ring)
    assert values["jsd"] == pytest.approx(0.012, abs=0.004)
    assert values["jsd_data"] == pytest.approx(values["jsd"], abs=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("std", [0.01, 0.05])
def test_a_ring_out_of_place_is_as_far_as_two_gaussians(std):
    # Every mode moved by one standard deviation, and none overlaps another.
    ring = GaussianRing(std=std)
    moved = ring.load("test").x[:20_000] + torch.tensor([std, 0.0])
    assert scores(moved, ring)["jsd"] == pytest.approx(truth(1, 1), abs=0.006)


def test_collapse_onto_half_of_the_modes_is_a_known_divergence():
    ring = GaussianRing(std=0.05)
    test = ring.load("test")
    half = test.x[test.labels % 2 == 0][:20_000]
    # q = 2p on half of the mass: (2 log(4/3) / 2 + log(2/3) / 2 + log 2 / 2) / 2.
    expected = (0.5 * math.log(2 / 3) + 0.5 * math.log(2) + math.log(4 / 3)) / 2
    assert scores(half, ring)["jsd"] == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("away", [50.0, 1e30])
def test_points_outside_are_log_two_apart(width, away):
    values = scores(normal(500, width) + away, gaussian(width))
    assert values["jsd"] == pytest.approx(math.log(2), abs=1e-3)
    assert values["jsd"] <= math.log(2)


def test_a_single_place_is_almost_log_two_apart():
    assert scores(torch.zeros(500, 2), gaussian(2))["jsd"] == pytest.approx(math.log(2), abs=2e-3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(2, 50),
    width=st.sampled_from([1, 2]),
    bins=st.integers(20, 60),
    scale=st.floats(0, 1e6),
)
def test_is_between_zero_and_log_two_whatever_the_points(seed, count, width, bins, scale):
    values = scores(scale * normal(count, width, seed=seed), gaussian(width, 2_000), bins)
    assert 0 <= values["jsd"] <= math.log(2)
    assert 0 <= values["jsd_data"] <= math.log(2)


def test_the_density_is_integrated_to_the_masses_of_the_cells():
    cells = integrated_cells(gaussian(2), 100)
    edges = [(cells.low[axis] + torch.arange(101) * cells.width[axis]).numpy() for axis in range(2)]
    exact = np.multiply.outer(*(np.diff(norm.cdf(edge)) for edge in edges))
    assert cells.masses == pytest.approx(exact, abs=2e-6)
    assert cells.rest == pytest.approx(1 - exact.sum(), abs=1e-6)


@pytest.mark.parametrize("shape", [(50,), (30, 30)])
def test_smoothing_loses_no_point_and_is_never_negative(shape):
    counts = np.zeros(shape)
    # At the border too, where it is reflected.
    counts[(0,) * len(shape)] = 3
    counts[(17,) * len(shape)] = 2
    counts[(18,) * len(shape)] = 4
    smoothed = smoothed_counts(counts)
    assert smoothed.sum() == pytest.approx(9)
    assert smoothed.min() >= 0
    assert (smoothed != counts).any()


def test_smoothing_is_wider_for_fewer_points_and_a_single_point_stays():
    def highest(count):
        counts = np.histogram(normal(count, 1)[:, 0].numpy(), 200, (-4, 4))[0].astype(float)
        return np.abs(np.diff(smoothed_counts(counts) / count)).sum()

    roughness = [highest(count) for count in (30, 300, 3_000)]
    # All are near the density's own rise and fall, 2 times 0.016, and not near those of the counts.
    assert all(0.02 < value < 0.06 for value in roughness)
    alone = np.eye(1, 10)[0]
    assert np.array_equal(smoothed_counts(alone), alone)


def test_fewer_real_points_than_generated_ones_are_all_taken():
    few = gaussian(1, 200)
    values = scores(normal(5_000, 1), few)
    assert values["jsd"] < 0.003 < values["jsd_data"]


def test_the_next_data_set_has_cells_of_its_own():
    metric = JensenShannon()
    points = Samples(x=normal(5_000, 1))
    narrow, wide = gaussian(1), gaussian(1, scale=3.0)
    for _ in range(2):
        assert metric(points, narrow.load("train"), narrow)["jsd"] < 0.003
        assert metric(points, wide.load("train"), wide)["jsd"] == pytest.approx(truth(0, 3), abs=0.01)


def flat(x):
    return torch.full((len(x),), 0.1, dtype=x.dtype)


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        (PlainData(normal(50, 2)), "it needs a known density, and the data have none"),
        (ParallelLines(samples=100), "it needs a known density, and the data have none"),
        (gaussian(3), "in 1 or 2 dimensions, and the data have 3"),
        (PlainData(torch.zeros(50, 1), density=flat), "the data are constant along an axis"),
        (PlainData(normal(50, 1), density=lambda x: flat(x) - 1), "negative or not finite"),
        (PlainData(normal(50, 1), density=lambda x: flat(x) * math.nan), "negative or not finite"),
        (PlainData(normal(50, 1), density=lambda x: flat(x) * math.inf), "integrates to inf instead of 1"),
        (PlainData(normal(50, 1), density=lambda x: flat(x) / 10), r"integrates to 0\.0\d+ instead of 1"),
        (Gaussian1d(stds=(0.001,)), r"over 400 bins an axis: give more"),
    ],
)
def test_data_without_a_usable_density_are_refused(dataset, complaint):
    with pytest.raises(ValueError, match=complaint):
        JensenShannon().check(dataset)


def test_more_bins_resolve_a_narrow_density():
    narrow = Gaussian1d(stds=(0.001,))
    JensenShannon(bins=5_000).check(narrow)


def test_bins_that_would_fill_the_memory_are_refused():
    with pytest.raises(ValueError, match="bins must be at most 2000 in 2 dimensions, given 2001"):
        JensenShannon(2001).check(gaussian(2))
