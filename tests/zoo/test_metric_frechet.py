from __future__ import annotations

import pytest
import torch
from plain_data import normal

from ganbench.api import Samples
from ganbench.zoo.metrics.coordinates import PointFrechet


def distance(first, second):
    return PointFrechet()(Samples(x=first), Samples(x=second), None)["frechet"]


def test_equals_the_formula_for_diagonal_covariances():
    # Four points (±a, ±b): mean 0, covariance diag(4/3 a², 4/3 b²).
    def corners(a, b, shift):
        return torch.tensor([[a, b], [a, -b], [-a, b], [-a, -b]]) + shift

    value = distance(corners(1.0, 2.0, 0.0), corners(3.0, 1.0, 0.5))
    assert value == pytest.approx(2 * 0.25 + 4 / 3 * ((1 - 3) ** 2 + (2 - 1) ** 2), rel=1e-6)


def test_equals_the_formula_on_a_line():
    first, second = normal(500, 1), 2 * normal(400, 1, seed=1) + 3
    means = (first.double().mean() - second.double().mean()) ** 2
    expected = means + (first.double().std() - second.double().std()) ** 2
    assert distance(first, second) == pytest.approx(float(expected), rel=1e-6)


def test_shifted_points_are_the_square_of_the_shift_away():
    points = normal(300, 2)
    assert distance(points, points + torch.tensor([3.0, 4.0])) == pytest.approx(25, rel=1e-5)
    assert distance(points, points.flip(0)) == pytest.approx(0, abs=1e-6)
