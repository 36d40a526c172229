from __future__ import annotations

import math

import pytest
import torch

from ganbench.errors import DatasetError
from ganbench.zoo.datasets import build_point_mass


def test_default_is_the_data_of_the_dirac_gan():
    data = build_point_mass()
    assert data.signature.shape == (1,)
    for split in ("train", "test"):
        assert torch.equal(data.load(split).x, torch.zeros(1000, 1))
    assert torch.equal(data.modes, torch.zeros(1, 1))


def test_every_coordinate_is_the_location():
    data = build_point_mass(d=3, location=-1.5, samples=7)
    assert torch.equal(data.load("train").x, torch.full((7, 3), -1.5))
    assert torch.equal(data.modes, torch.full((1, 3), -1.5))
    assert data.fingerprint != build_point_mass(d=3, location=1.5, samples=7).fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [("d", 0), ("d", 10**9), ("location", math.nan), ("location", math.inf), ("location", 1e39)],
)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(DatasetError, match=rf"point_mass.*: {name} must be .*given ") as caught:
        build_point_mass(**{name: value})
    assert len(caught.value.problems) == 1
    assert repr(value) in str(caught.value)
