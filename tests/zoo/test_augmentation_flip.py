"""Mirrored images, worked out by hand."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.catalog import load_catalog

X = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]).repeat(3, 1, 1, 1)
MIRRORED = [[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]


class Drawn:
    def uniform(self, *shape: int) -> torch.Tensor:
        assert shape == (3, 1, 1, 1)
        return torch.tensor([0.2, 0.6, 0.49]).reshape(shape)


def seen(options: dict[str, Any]) -> list[bool]:
    result = load_catalog().build("augmentation", "flip", options)(X, Drawn())
    assert all(image.tolist() in (MIRRORED, X[0, 0].tolist()) for image in result[:, 0])
    return [image.tolist() == MIRRORED for image in result[:, 0]]


def test_each_image_is_mirrored_left_for_right_with_its_probability() -> None:
    assert seen({}) == [True, False, True]
    assert seen({"probability": 0.3}) == [True, False, False]
    assert seen({"probability": 0.0}) == [False, False, False]
    assert seen({"probability": 1.0}) == [True, True, True]


def test_none_gives_the_samples_themselves() -> None:
    assert load_catalog().build("augmentation", "none", {})(X, None) is X
