from __future__ import annotations

import torch

from ganbench.zoo.datasets.point_sets import PointMass


def test_default_is_the_data_of_the_dirac_gan():
    data = PointMass()
    assert data.signature.shape == (1,)
    for split in ("train", "test"):
        assert torch.equal(data.load(split).x, torch.zeros(1000, 1))
    assert torch.equal(data.modes, torch.zeros(1, 1))


def test_every_coordinate_is_the_location():
    data = PointMass(d=3, location=-1.5, samples=7)
    assert torch.equal(data.load("train").x, torch.full((7, 3), -1.5))
    assert torch.equal(data.modes, torch.full((1, 3), -1.5))
    assert data.fingerprint != PointMass(d=3, location=1.5, samples=7).fingerprint
