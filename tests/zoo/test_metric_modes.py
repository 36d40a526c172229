from __future__ import annotations

import math

import pytest
import torch
from plain_data import PlainData, normal

from ganbench.api import Samples
from ganbench.zoo.datasets.gaussian_mixtures import Gaussian1d, GaussianGrid, GaussianRing
from ganbench.zoo.metrics.modes import HighQuality, Modes, ReverseKl

BUILDS = [Modes, HighQuality, ReverseKl]
# Four modes, a std of one: distances can be read off.
CROSS = PlainData(
    torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, 0.0], [0.0, -10.0]]).repeat(25, 1),
    modes=torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, 0.0], [0.0, -10.0]]),
    std=1.0,
)


def scores(points, dataset=CROSS, **options):
    generated = Samples(x=torch.as_tensor(points, dtype=torch.float32))
    values = {}
    for build in BUILDS:
        values |= build(**options)(generated, dataset.load("train"), dataset)
    return values


def by_loops(points, dataset, stds):
    """As PacGAN's code does it, one distance at a time."""
    counts = [0] * len(dataset.modes)
    for point in points.tolist():
        distances = [math.dist(point, mode) / dataset.std for mode in dataset.modes.tolist()]
        if min(distances) < stds:
            counts[distances.index(min(distances))] += 1
    return counts


def test_points_of_known_distances():
    points = [[10, 0], [10, 2.9], [10, -3.1], [0, 12.99], [0, 0], [-1e9, 5]]
    values = scores(points)
    assert values["modes"] == 2
    assert values["high_quality"] == 3 / 6
    # Shares (2/3, 1/3) against a quarter each.
    expected = 2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(4 / 3)
    assert values["reverse_kl"] == pytest.approx(expected, rel=1e-12)
    assert scores(points, stds=3.2)["high_quality"] == 4 / 6
    assert scores(points, stds=2.0) | {"reverse_kl": 0} == {
        "modes": 1,
        "high_quality": 1 / 6,
        "reverse_kl": 0,
    }


@pytest.mark.parametrize("stds", [1.0, 3.0])
@pytest.mark.parametrize("block", [2**24, 100])
def test_equals_loops_over_samples_and_modes(stds, block, monkeypatch):
    for metric in BUILDS:
        monkeypatch.setattr(metric, "max_distances", block)
    grid = GaussianGrid(samples=5000)
    points = grid.load("test").x[:400] + 0.05 * normal(400, 2)
    counts, real = by_loops(points, grid, stds), by_loops(grid.load("train").x, grid, stds)
    values = scores(points, grid, stds=stds)
    assert values["modes"] == sum(count > 0 for count in counts)
    assert values["high_quality"] == sum(counts) / 400
    kl = sum(
        count / sum(counts) * math.log(count / sum(counts) / (other / sum(real)))
        for count, other in zip(counts, real, strict=True)
        if count
    )
    assert values["reverse_kl"] == pytest.approx(kl, rel=1e-9)


def test_no_more_distances_are_held_at_once_than_stated(monkeypatch):
    exact, made = torch.cdist, []

    def watched(x, y, **options):
        made.append((len(x), len(y)))
        return exact(x, y, **options)

    monkeypatch.setattr(torch, "cdist", watched)
    monkeypatch.setattr(Modes, "max_distances", 100)
    Modes()(Samples(x=CROSS.load("train").x), CROSS.load("train"), CROSS)
    assert made == [(25, 4)] * 4


def test_real_points_have_all_modes_and_the_quality_of_a_gaussian():
    ring = GaussianRing()
    values = scores(ring.load("test").x, ring)
    assert values["modes"] == 8
    # The share of a 2-D Gaussian within three standard deviations.
    assert values["high_quality"] == pytest.approx(1 - math.exp(-9 / 2), abs=1e-3)
    assert 0 <= values["reverse_kl"] < 1e-3


@pytest.mark.parametrize(("captured", "divergence"), [(1, math.log(8)), (4, math.log(2)), (8, 0)])
def test_collapse_onto_some_modes_is_a_known_divergence(captured, divergence):
    # Against a real side that has exactly an eighth in each mode.
    ring = GaussianRing()
    even = PlainData(ring.modes.repeat(10, 1), modes=ring.modes, std=0.01)
    values = scores(ring.modes[:captured].repeat(100, 1), even)
    assert values == {
        "modes": captured,
        "high_quality": 1,
        "reverse_kl": pytest.approx(divergence, abs=1e-12),
    }


def test_shares_are_held_against_those_of_the_data_not_against_equal_ones():
    uneven = Gaussian1d(means=(-5.0, 5.0), stds=(0.1,), weights=(9.0, 1.0), samples=20_000)
    like_the_data = scores(uneven.load("test").x, uneven)["reverse_kl"]
    equal = scores(uneven.modes.repeat(100, 1), uneven)["reverse_kl"]
    assert like_the_data < 1e-3
    assert equal == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1), rel=0.05)


def test_without_a_sample_near_a_mode_there_are_no_shares():
    values = scores(torch.full((50, 2), 100.0))
    assert (values["modes"], values["high_quality"]) == (0, 0)
    assert math.isnan(values["reverse_kl"])


def test_a_mode_that_the_reference_lacks_is_infinitely_unlikely():
    lacking = PlainData(CROSS.modes[:3].repeat(10, 1), modes=CROSS.modes, std=1.0)
    assert scores(CROSS.modes, lacking)["reverse_kl"] == math.inf
    assert scores(CROSS.modes[:3], lacking)["reverse_kl"] == pytest.approx(0, abs=1e-12)


def test_modes_far_from_the_origin_lose_no_digits():
    far = PlainData(torch.zeros(2, 2), modes=torch.tensor([[3e5, 0.0], [3e5, 1.0]]), std=0.01)
    values = scores([[3e5, 0.0], [3e5, 0.5]], far)
    assert (values["modes"], values["high_quality"]) == (1, 0.5)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("known", "complaint"),
    [
        ({}, "needs data with known modes, and the data have no `modes` and `std`"),
        ({"modes": torch.zeros(1, 2)}, "the data have no `std`"),
        ({"std": 1.0}, "the data have no `modes`"),
        ({"modes": torch.zeros(4, 3), "std": 1.0}, r"must be \(k, 2\), given shape \(4, 3\)"),
        ({"modes": torch.zeros(0, 2), "std": 1.0}, r"must be \(k, 2\), given shape \(0, 2\)"),
        ({"modes": torch.zeros(4, 2), "std": 0.0}, "std must be above 0 and finite, given 0"),
        ({"modes": torch.zeros(4, 2), "std": math.nan}, "std must be above 0 and finite, given nan"),
    ],
)
def test_data_without_modes_are_refused(build, known, complaint):
    with pytest.raises(ValueError, match=complaint):
        build().check(PlainData(normal(10, 2), **known))
