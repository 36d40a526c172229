"""What holds for every metric on points, and what they share."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from plain_data import PlainData, normal, pixels

from ganbench.api import Features, Metric, Samples
from ganbench.errors import GridError
from ganbench.scoring import Scorer
from ganbench.zoo.datasets.gaussian_mixtures import GaussianRing
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.coordinates import PointFrechet, coordinates, subset
from ganbench.zoo.metrics.jensen_shannon import JensenShannon
from ganbench.zoo.metrics.mmd import Mmd
from ganbench.zoo.metrics.modes import HighQuality, Modes, ReverseKl
from ganbench.zoo.metrics.wasserstein import WassersteinDistance

BUILDS = {
    "modes": Modes,
    "high_quality": HighQuality,
    "reverse_kl": ReverseKl,
    "wasserstein": lambda: WassersteinDistance(samples=100),
    "sliced_wasserstein": lambda: WassersteinDistance("sliced", samples=100),
    "frechet": PointFrechet,
    "mmd": lambda: Mmd(samples=100),
    "jsd": lambda: JensenShannon(bins=100),
}
RING = GaussianRing(samples=600, std=0.1)


def near_the_ring(count: int = 200, seed: int = 0) -> Samples:
    return Samples(x=RING.load("test").x[:count] + 0.1 * normal(count, 2, seed=seed))


@pytest.mark.parametrize("name", BUILDS)
def test_gives_the_value_of_its_name_and_better_for_better_points(name: str) -> None:
    metric = BUILDS[name]()
    assert isinstance(metric, Metric)
    assert metric.needs == "samples"
    metric.check(RING)
    spec = next(spec for spec in ganbench_metrics() if name in spec.directions)
    good = metric(RING.load("test"), RING.load("train"), RING)
    bad = metric(Samples(x=RING.modes[:1] + 0.5 * normal(200, 2)), RING.load("train"), RING)
    assert set(good) & set(spec.directions) == {name}
    assert (good[name] > bad[name]) == (spec.directions[name] == "higher")
    assert good[name] != bad[name]


@pytest.mark.parametrize("name", BUILDS)
def test_repeats_bit_by_bit_and_leaves_random_state_alone(name: str) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    before = (torch.get_rng_state(), np.random.get_state()[1].copy())
    first = BUILDS[name]()(near_the_ring(), RING.load("train"), RING)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    torch.manual_seed(1)
    np.random.seed(1)
    assert BUILDS[name]()(near_the_ring(), RING.load("train"), RING) == first


@pytest.mark.parametrize("name", BUILDS)
def test_does_not_depend_on_the_number_of_threads(name: str) -> None:
    before = torch.get_num_threads()
    values = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        values.append(dict(BUILDS[name]()(near_the_ring(), RING.load("train"), RING)))
    torch.set_num_threads(before)
    assert values[0] == pytest.approx(values[1], rel=1e-9)


@pytest.mark.parametrize("name", BUILDS)
def test_images_are_refused_before_training(name: str) -> None:
    metric = BUILDS[name]()
    images = PlainData(pixels(50, 1, 8, 8))
    with pytest.raises(ValueError, match="it takes points, and the data are images"):
        metric.check(images)
    scoring = Scorer(
        dataset=images,
        reference_split="train",
        metrics=[(name, metric, {})],
        extractor=None,
        extractor_label="",
        samples=50,
    )
    with pytest.raises(GridError, match=f"metric '{name}': it takes points, and the data are images"):
        scoring.check()


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize(
    ("x", "complaint"),
    [
        (pixels(50, 1, 8, 8), r"takes points, float \(N, d\), given torch.uint8 of shape \(50, 1, 8, 8\)"),
        (torch.tensor([[0.0, math.nan]]).repeat(50, 1), "not finite"),
        (torch.tensor([[0.0, -math.inf]]).repeat(50, 1), "not finite"),
    ],
)
def test_what_are_no_points_is_no_input(name: str, x: torch.Tensor, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BUILDS[name]()(Samples(x=x), RING.load("train"), RING)
    with pytest.raises(TypeError, match="samples"):
        BUILDS[name]()(Features(features=normal(50, 2)), RING.load("train"), RING)


@pytest.mark.parametrize("name", BUILDS)
def test_one_sample_is_refused_where_it_has_no_score_and_else_scored(name: str) -> None:
    metric = BUILDS[name]()
    scoring = Scorer(
        dataset=RING,
        reference_split="train",
        metrics=[(name, metric, {})],
        extractor=None,
        extractor_label="",
        samples=1,
    )
    if metric.minimum > 1:
        with pytest.raises(GridError, match=f"metric '{name}' needs at least 2 samples"):
            scoring.check()
    else:
        scoring.check()
        values = {row.metric: row.value for row in scoring.score(Samples(x=RING.modes[:1]))}
        assert math.isfinite(values[name])


def test_a_subset_is_random_fixed_and_without_repetition() -> None:
    rows = torch.arange(1000)
    chosen = subset(rows, 100)
    assert len(set(chosen.tolist())) == 100
    assert torch.equal(chosen, subset(rows, 100))
    # Neither the first ones nor in a cycle: data may be sorted, or run through the classes in turn.
    assert chosen.max() > 900
    assert len({int(row) % 10 for row in chosen}) == 10
    assert sorted(subset(rows, 5000).tolist()) == rows.tolist()
    # Pinned: other rows would silently part old scores from new ones.
    assert subset(rows, 4).tolist() == [312, 366, 936, 406]


def test_coordinates_are_float64() -> None:
    assert coordinates(Samples(x=normal(3, 2))).dtype == torch.float64
