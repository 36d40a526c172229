from __future__ import annotations

import torch

from ganbench.zoo.datasets.point_sets import ParallelLines


def test_points_are_uniform_on_the_segment():
    x = ParallelLines(offset=3.0, length=4.0).load("train").x
    assert torch.equal(x[:, 0], torch.full((100_000,), 3.0))
    counts = x[:, 1].histc(8, -2, 2)
    assert counts.sum() == 100_000
    assert (counts / 1000 - 12.5).abs().max() < 0.5
