"""The other ways to resize before a pretrained network, held to Pillow and to clean-fid's formula."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ganbench.scoring.torch_fidelity import resize_by
from ganbench.zoo.extractors.pillow_resizing import resized

SIZES = [(32, 32), (300, 200), (8, 60), (64, 48)]
TARGET = (48, 64)


def images_of(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return torch.randint(256, (3, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("size", SIZES)
def test_clean_is_clean_fids_formula(size: tuple[int, int]) -> None:
    images = images_of(*size)
    found = resized(images.to(torch.float32), TARGET, "clean")
    assert (found.dtype, tuple(found.shape)) == (torch.float32, (3, 3, *TARGET))
    for image, pixels in zip(images.numpy(), found.numpy(), strict=True):
        for channel, row in zip(image, pixels, strict=True):
            whole = Image.fromarray(channel.astype(np.float32))
            assert whole.mode == "F"
            assert np.array_equal(row, np.asarray(whole.resize((64, 48), Image.Resampling.BICUBIC)))
    if size == (32, 32):
        # Not rounded, and not cut to what a picture can show.
        assert found.min() < 0
        assert found.max() > 255
        assert (found != found.round()).any()


@pytest.mark.parametrize("size", SIZES)
def test_bicubic_is_pillows_of_the_picture(size: tuple[int, int]) -> None:
    images = images_of(*size)
    found = resized(images.to(torch.float32), TARGET, "bicubic")
    for image, pixels in zip(images.numpy(), found.numpy(), strict=True):
        whole = Image.fromarray(image.transpose(1, 2, 0).copy())
        theirs = np.asarray(whole.resize((64, 48), Image.Resampling.BICUBIC))
        assert np.array_equal(pixels.transpose(1, 2, 0), theirs)


@pytest.mark.parametrize("resize", ["clean", "bicubic"])
def test_images_of_the_right_size_stay_as_they_are(resize: Literal["clean", "bicubic"]) -> None:
    images = images_of(*TARGET)
    assert torch.equal(resized(images, TARGET, resize), images.to(torch.float32))


def test_a_network_that_resizes_elsewhere_is_not_taken_for_one_that_can_be_changed() -> None:
    with pytest.raises(RuntimeError, match="resizes elsewhere"):
        resize_by(nn.Identity(), lambda images, size: images)
