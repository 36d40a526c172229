"""DiffAugment, held to the authors' formulas written with loops over pixels, and to its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, Unsupported
from ganbench.zoo.augmentations import diffaugment
from ganbench.zoo.augmentations import draws as draws_of_images
from ganbench.zoo.augmentations.diffaugment import OPERATIONS


class Drawn:
    """A game of which only draws are asked; those that are given, then random ones."""

    def __init__(self, *draws: list[float]) -> None:
        self._given: Iterator[list[float]] = iter(draws)
        self._stream = torch.Generator().manual_seed(3)
        self.shapes: list[tuple[int, ...]] = []

    def uniform(self, *shape: int) -> Tensor:
        self.shapes.append(shape)
        given = next(self._given, None)
        if given is None:
            return torch.rand(shape, generator=self._stream, dtype=torch.float64)
        return torch.tensor(given, dtype=torch.float64).reshape(shape)


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def test_brightness_adds_a_number_per_image() -> None:
    x = images(2, 3, 4, 4)
    seen = diffaugment.brightness(x, Drawn([0.0, 0.75]))  # type: ignore[arg-type]
    torch.testing.assert_close(seen[0], x[0] - 0.5)
    torch.testing.assert_close(seen[1], x[1] + 0.25)


def test_saturation_scales_distances_to_the_mean_of_the_channels() -> None:
    x = images(2, 3, 2, 2)
    seen = diffaugment.saturation(x, Drawn([0.0, 0.75]))  # type: ignore[arg-type]
    grey = (x[:, 0] + x[:, 1] + x[:, 2]) / 3
    for channel in range(3):
        torch.testing.assert_close(seen[0, channel], grey[0])
        torch.testing.assert_close(seen[1, channel], 1.5 * x[1, channel] - 0.5 * grey[1])


def test_contrast_scales_distances_to_the_mean_of_the_image() -> None:
    x = images(2, 3, 2, 2)
    seen = diffaugment.contrast(x, Drawn([0.0, 1.0]))  # type: ignore[arg-type]
    for index, factor in enumerate((0.5, 1.5)):
        mean = sum(x[index].flatten().tolist()) / 12
        torch.testing.assert_close(seen[index], factor * x[index] + (1 - factor) * mean)


def moved(x: Tensor, down: int, right: int) -> Tensor:
    """The image moved pixel by pixel, 0 where nothing comes from."""
    seen = torch.zeros_like(x)
    _, height, width = x.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                seen[:, row, column] = x[:, row - down, column - right]
    return seen


def test_translation_moves_by_whole_pixels_up_to_an_eighth() -> None:
    # 12 pixels: at most int(12/8 + 0.5) = 2; 20 pixels: at most int(20/8 + 0.5) = 3.
    x = images(4, 2, 12, 20)
    downs, rights = [0.0, 0.5, 0.99, 0.3], [0.0, 0.5, 0.99, 0.8]
    seen = diffaugment.translation(x, Drawn(downs, rights))  # type: ignore[arg-type]
    for index, (down, right) in enumerate(((-2, -3), (0, 0), (2, 3), (-1, 2))):
        torch.testing.assert_close(seen[index], moved(x[index], down, right))


def cut(x: Tensor, row: int, column: int) -> Tensor:
    """As the authors' code cuts: clamped indices of a square around a centre are set to 0."""
    _, height, width = x.shape
    high, wide = int(height * 0.5 + 0.5), int(width * 0.5 + 0.5)
    mask = torch.ones(height, width, dtype=x.dtype)
    for one in range(high):
        for other in range(wide):
            y = min(max(one + row - high // 2, 0), height - 1)
            z = min(max(other + column - wide // 2, 0), width - 1)
            mask[y, z] = 0
    return x * mask


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 6), (5, 7)])
def test_cutout_is_that_of_the_authors_code_at_each_centre(height: int, width: int) -> None:
    high, wide = int(height * 0.5 + 0.5), int(width * 0.5 + 0.5)
    # Their centres: 0 to the side for an even length, to one less for an odd one.
    rows, columns = height + 1 - high % 2, width + 1 - wide % 2
    places = [(row, column) for row in range(rows) for column in range(columns)]
    x = images(len(places), 1, height, width)
    draws = [(row + 0.5) / rows for row, _ in places], [(column + 0.5) / columns for _, column in places]
    seen = diffaugment.cutout(x, Drawn(*draws))  # type: ignore[arg-type]
    for index, (row, column) in enumerate(places):
        torch.testing.assert_close(seen[index], cut(x[index], row, column))


def test_all_centres_and_shifts_are_drawn_equally_often() -> None:
    count = 10_000
    draws = [(index + 0.5) / count for index in range(count)]
    whole = draws_of_images.whole(Drawn(draws), count, -2, 2)  # type: ignore[arg-type]
    assert torch.bincount(whole + 2).tolist() == [count // 5] * 5


@pytest.mark.parametrize("policy", [["color"], ["translation", "cutout"], ["cutout", "color"]])
def test_a_policy_is_its_operations_in_the_order_given(policy: Any) -> None:
    x = images(3, 3, 8, 8)
    built: Callable[..., Tensor] = load_catalog().build("augmentation", "diffaugment", {"policy": policy})
    game, again = Drawn(), Drawn()
    expected = x
    for name in policy:
        for operation in OPERATIONS[name]:
            expected = operation(expected, again)  # type: ignore[arg-type]
    assert torch.equal(built(x, game), expected)
    assert game.shapes == again.shapes


def test_it_is_differentiable_twice() -> None:
    x = images(2, 2, 4, 4).requires_grad_()
    augmentation = load_catalog().build("augmentation", "diffaugment", {})

    def seen(inputs: Tensor) -> Tensor:
        result: Tensor = augmentation(
            inputs, Drawn([0.1, 0.8], [0.3, 0.6], [0.2, 0.9], [0.4, 0.4], [0.6, 0.1])
        )
        return result

    assert torch.autograd.gradcheck(seen, (x,))
    assert torch.autograd.gradgradcheck(lambda inputs: seen(inputs).square().sum(), (x,))


def test_wrong_policies_and_points_are_refused() -> None:
    catalog = load_catalog()
    for policy, problem in (
        ([], "at least 1 long"),
        (["colour"], "must be"),
        (["color", "color"], "policy has an operation twice"),
    ):
        with pytest.raises(CatalogError, match=problem):
            catalog.build("augmentation", "diffaugment", {"policy": policy})
    for name in ("flip", "diffaugment"):
        with pytest.raises(
            Unsupported, match=f"augmentation '{name}' is for images, and the data are points"
        ):
            catalog.build("augmentation", name, {})(torch.zeros(4, 2), Drawn())
