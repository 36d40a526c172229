from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, jensenshannon

from ganbench.errors import DatasetError
from ganbench.zoo.datasets import build_parallel_lines


def test_points_are_uniform_on_the_segment():
    x = build_parallel_lines(offset=3.0, length=4.0).load("train").x
    assert torch.equal(x[:, 0], torch.full((100_000,), 3.0))
    counts = x[:, 1].histc(8, -2, 2)
    assert counts.sum() == 100_000
    assert (counts / 1000 - 12.5).abs().max() < 0.5


@pytest.mark.parametrize("gap", [0.25, 1.0, 4.0])
def test_wasserstein_distance_of_parallel_lines_is_their_gap_and_their_jsd_log_two(gap):
    here = build_parallel_lines(offset=1.0, samples=300).load("train").x.double().numpy()
    there = build_parallel_lines(offset=1.0 + gap, samples=300).load("train").x.double().numpy()
    costs = cdist(here, there)
    assert costs[linear_sum_assignment(costs)].mean() == pytest.approx(gap, rel=1e-6)
    # With respect to any measure on both lines, the shares of the two in its parts.
    shares = [[(x[:, 0] == offset).mean() for offset in (1.0, 1.0 + gap)] for x in (here, there)]
    assert jensenshannon(*shares) ** 2 == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("name", "value"),
    [("offset", math.nan), ("offset", math.inf), ("length", 0.0), ("length", -1.0), ("length", math.nan)],
)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(DatasetError, match=rf"parallel_lines.*{name} must be .*given {value}") as caught:
        build_parallel_lines(**{name: value})
    assert len(caught.value.problems) == 1
