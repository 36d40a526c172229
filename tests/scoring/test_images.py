from __future__ import annotations

import math

import pytest
import torch

from ganbench.scoring import NonFiniteSamples, to_rgb, to_uint8
from ganbench.scoring.images import require_finite


def test_every_uint8_value_survives_the_way_to_the_generator_and_back():
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(values.float() / 127.5 - 1), values)
    assert torch.equal(to_uint8(values.double() / 127.5 - 1), values)


def test_rounds_to_the_nearest_and_clamps():
    given = torch.tensor([-3.0, -1.0, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 0.0, 1 - 0.6 / 127.5, 1.0, 1e30])
    assert to_uint8(given.view(1, 1, 2, 4)).flatten().tolist() == [0, 0, 0, 1, 128, 254, 255, 255]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(bad):
    images = torch.zeros(5, 1, 2, 2)
    images[1, 0, 0, 0] = images[1, 0, 1, 1] = images[4, 0, 0, 1] = bad
    with pytest.raises(NonFiniteSamples, match="2 of 5"):
        to_uint8(images)
    with pytest.raises(NonFiniteSamples, match="2 of 5"):
        require_finite(images.flatten(1))


def test_grey_is_tiled_and_colour_left():
    grey, colour = torch.randint(256, (2, 1, 4, 4)), torch.randint(256, (2, 3, 4, 4))
    assert torch.equal(to_rgb(grey), torch.cat([grey] * 3, dim=1))
    assert to_rgb(colour) is colour


def test_half_precision_rounds_as_float32_does():
    images = torch.linspace(-1, 1, 1000, dtype=torch.bfloat16).view(1, 1, 10, 100)
    assert torch.equal(to_uint8(images), to_uint8(images.float()))
