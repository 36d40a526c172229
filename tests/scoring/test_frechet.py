from __future__ import annotations

import math

import pytest
import torch
from drawn_features import Kept, drawn, one_thread, side
from threadpoolctl import threadpool_limits
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ganbench.scoring.frechet import frechet_distance


def theirs(first, second):
    statistics = [fid_features_to_statistics(features) for features in (first, second)]
    with one_thread():
        return fid_statistics_to_metric(*statistics, False)[KEY_METRIC_FID]


# Fewer samples than features or more, on either side: each way to the cross term.
@pytest.mark.parametrize("counts", [(300, 400), (300, 20), (50, 400), (50, 40), (20, 30), (2, 3), (64, 65)])
def test_equals_torch_fidelity_however_many_samples_there_are(counts):
    first, second = drawn(counts[0], 64, scale=1.3), drawn(counts[1], 64, seed=1, shift=0.2)
    assert frechet_distance(side(first), side(second)) == pytest.approx(theirs(first, second), rel=1e-6)


@pytest.mark.parametrize("counts", [(24, 28), (500, 40), (40, 500)])
def test_few_samples_of_many_features_lose_no_digits(counts):
    # tr (S1 S2)^(1/2) is the sum of the singular values of X Y^T, centred and scaled: no root of a number
    # that is 0 but for rounding, of which torch-fidelity adds up hundreds here.
    first, second = drawn(counts[0], 300, shift=2.0), drawn(counts[1], 300, seed=1, shift=2.0)
    x, y = ((part - part.mean(dim=0)) / (len(part) - 1) ** 0.5 for part in (first.double(), second.double()))
    means = (first.double().mean(dim=0) - second.double().mean(dim=0)).square().sum()
    expected = means + x.square().sum() + y.square().sum() - 2 * torch.linalg.svdvals(x @ y.T).sum()
    assert frechet_distance(side(first), side(second)) == pytest.approx(expected.item(), rel=1e-6)


def test_a_large_mean_takes_no_digits():
    first, second = drawn(300, 16) + 1000, drawn(400, 16, seed=1, scale=2.0) + 1000
    expected = frechet_distance(side(first - 1000), side(second - 1000))
    # float32 itself keeps 1e-4 of what stands beside 1000.
    assert frechet_distance(side(first), side(second)) == pytest.approx(expected, rel=1e-3)
    assert frechet_distance(side(first), side(second)) == pytest.approx(theirs(first, second), rel=1e-6)


def test_bits_do_not_depend_on_how_many_threads_there_are():
    first, second = drawn(700, 300), drawn(500, 300, seed=1)
    values = set()
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads, user_api="blas"):
            values.add(frechet_distance(side(first), side(second)))
    assert len(values) == 1


def test_a_reference_on_disk_needs_no_features(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    kept = Kept(drawn(80, 16, seed=1))
    first = frechet_distance(side(drawn(40, 16)), kept.reference())
    assert frechet_distance(side(drawn(40, 16)), kept.reference()) == first
    assert kept.extractions == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_features_that_are_no_numbers_are_refused(bad, place):
    sides = [drawn(40, 16), drawn(50, 16)]
    sides[place][3, 5] = sides[place][7, 1] = bad
    with pytest.raises(ValueError, match=f"the features of 2 of {len(sides[place])} samples are not finite"):
        frechet_distance(side(sides[0]), side(sides[1]))


def test_sides_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="equally many features: 16 of a generated sample, 8 of one of the"):
        frechet_distance(side(drawn(40, 16)), side(drawn(40, 8)))
    for counts in ((1, 40), (40, 1), (0, 40)):
        with pytest.raises(ValueError, match=r"features of at least 2 samples are needed, given [01]"):
            frechet_distance(side(torch.ones(counts[0], 4)), side(torch.ones(counts[1], 4)))
