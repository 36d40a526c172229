from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from sklearn.datasets import make_swiss_roll

from ganbench.zoo.datasets.swiss_roll import SwissRoll


def test_default_is_distributed_as_in_the_toy_of_wgan_gp():
    ours = SwissRoll().load("train").x.double().numpy()
    theirs = make_swiss_roll(100_000, noise=0.25, random_state=1)[0][:, [0, 2]] / 7.5
    for direction in ((1, 0), (0, 1), (1, 1), (1, -2)):
        assert ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-4


def test_points_lie_about_the_spiral():
    x = SwissRoll(noise=0.01, scale=2.0, samples=800).load("train").x.double().numpy()
    t = np.linspace(1.5 * math.pi, 4.5 * math.pi, 20_001)
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 2
    away = torch.cdist(torch.from_numpy(x), torch.from_numpy(spiral)).min(dim=1).values
    # Across the spiral noise is one normal of deviation .01 / 2.
    assert away.max() < 6 * 0.005
    assert away.square().mean().sqrt().item() == pytest.approx(0.005, rel=0.15)
