"""Adaptive augmentation: operations at known draws, what they leave alone, how their probability moves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, Unsupported
from ganbench.zoo.augmentations import ada, geometry
from ganbench.zoo.augmentations.ada import Ada
from ganbench.zoo.augmentations.geometry import Warp

YES = torch.tensor(1.0, dtype=torch.float64)


class Drawn:
    """A game of which only draws and states are asked; draws that are given, then random ones."""

    def __init__(self, *draws: list[float], p: float = 0.0, seed: int = 3) -> None:
        self._given: Iterator[list[float]] = iter(draws)
        self._stream = torch.Generator().manual_seed(seed)
        self.states: dict[str, Tensor] = {"p": torch.tensor(p, dtype=torch.float64)}
        self.real = torch.zeros(8, 1)
        self.shapes: list[tuple[int, ...]] = []

    def uniform(self, *shape: int) -> Tensor:
        return self._draw(torch.rand, shape)

    def normal(self, *shape: int) -> Tensor:
        return self._draw(torch.randn, shape)

    def state(self, name: str, initial: float) -> Tensor:
        return self.states.setdefault(name, torch.tensor(initial))

    def _draw(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        self.shapes.append(shape)
        given = next(self._given, None)
        if given is None:
            return draw(shape, generator=self._stream, dtype=torch.float64)
        return torch.tensor(given, dtype=torch.float64).reshape(shape)


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 3, 6, 9), (2, 2, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_probability_0_images_stay_to_the_bit(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = images(*shape).to(dtype)
    assert torch.equal(Ada()(x, Drawn()), x)  # type: ignore[arg-type]


def test_at_probability_1_every_group_changes_every_image() -> None:
    x = images(16, 3, 8, 8)
    for policy in ("blit", "geometry", "color"):
        seen = Ada(policy=[policy])(x, Drawn(p=1.0))  # type: ignore[arg-type, list-item]
        assert seen.shape == x.shape
        changed = (seen != x).flatten(1).any(1)
        # Of the three ways to move whole pixels each leaves some images as they are.
        assert changed.all() if policy != "blit" else changed.sum() > 8


def test_draws_are_the_same_whatever_the_probability() -> None:
    games = [Drawn(p=p) for p in (0.0, 1.0)]
    for game in games:
        Ada()(images(4, 3, 8, 8), game)  # type: ignore[arg-type]
    assert games[0].shapes == games[1].shapes


def test_images_are_chosen_one_by_one() -> None:
    x = images(400, 1, 4, 4)
    seen = ada.brightness(x, YES * 0.25, Drawn())  # type: ignore[arg-type]
    share = float((seen != x).flatten(1).any(1).double().mean())
    assert share == pytest.approx(0.25, abs=0.06)


def test_flips_turns_and_moves_are_exact() -> None:
    x = images(4, 2, 8, 8)
    flipped = geometry.flipped(x, YES * 0.5, Drawn([0.1, 0.1, 0.6, 0.6], [0.1, 0.6, 0.1, 0.6]))  # type: ignore[arg-type]
    assert torch.equal(flipped[0], x[0].flip(2))
    assert torch.equal(flipped[1:], x[1:])
    turned = geometry.turned(x, YES * 0.5, Drawn([0.1, 0.3, 0.6, 0.8], [0.1, 0.1, 0.1, 0.7]))  # type: ignore[arg-type]
    assert torch.equal(turned[0], x[0])
    assert torch.equal(turned[1], x[1].rot90(1, (1, 2)))
    assert torch.equal(turned[2], x[2].rot90(2, (1, 2)))
    assert torch.equal(turned[3], x[3])
    # Up to an eighth of eight pixels, rounded: down by one, and left by one.
    moved = geometry.moved(x, YES, Drawn([0.9, 0.5, 0.5, 0.5], [0.5, 0.1, 0.5, 0.5]))  # type: ignore[arg-type]
    assert torch.equal(moved[0, :, 1:], x[0, :, :-1])
    assert torch.equal(moved[0, :, 0], x[0, :, 1])
    assert torch.equal(moved[1, :, :, :-1], x[1, :, :, 1:])
    assert torch.equal(moved[1, :, :, -1], x[1, :, :, -2])
    assert torch.equal(moved[2:], x[2:])
    wide = images(2, 1, 4, 8)
    assert torch.equal(geometry.turned(wide, YES, Drawn([0.3, 0.6]))[0], wide[0])  # type: ignore[arg-type]
    assert torch.equal(geometry.turned(wide, YES, Drawn([0.3, 0.6]))[1], wide[1].flip(1, 2))  # type: ignore[arg-type]


def by_matrix(x: Tensor, *rows: list[float]) -> Tensor:
    warp = Warp().double()
    return warp._resampled(x, torch.tensor([rows], dtype=torch.float64).expand(len(x), 2, 3))


def test_the_filter_enlarges_and_reduces_to_the_same_image() -> None:
    taps = Warp().filter
    assert float(taps.sum()) == pytest.approx(1)
    for shift in range(0, 12, 2):
        # Orthogonal to its even shifts, as a wavelet's filter is.
        product = float((taps[: len(taps) - shift] * taps[shift:]).sum())
        assert product == pytest.approx(0.5 * (shift == 0), abs=1e-10)
    x = images(2, 3, 20, 24)
    inside = slice(6, -6)
    same = by_matrix(x, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    torch.testing.assert_close(same[:, :, inside, inside], x[:, :, inside, inside], rtol=0, atol=1e-10)
    moved = by_matrix(x, [1.0, 0.0, 2.0], [0.0, 1.0, -1.0])
    torch.testing.assert_close(moved[:, :, 7:-6, 6:-8], x[:, :, 6:-7, 8:-6], rtol=0, atol=1e-10)


def test_a_slope_is_read_where_a_matrix_says() -> None:
    side, angle = 24, 0.3
    cos, sin = 0.9 * math.cos(angle), 0.9 * math.sin(angle)
    centred = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    right, down = centred[None, :].expand(side, side), centred[:, None].expand(side, side)

    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 0.03 * x - 0.05 * y

    seen = by_matrix(slope(right, down)[None, None], [cos, -sin, 0.4], [sin, cos, -0.7])[0, 0]
    expected = slope(cos * right - sin * down + 0.4, sin * right + cos * down - 0.7)
    torch.testing.assert_close(seen[7:-7, 7:-7], expected[7:-7, 7:-7], rtol=0, atol=1e-3)


def test_operations_of_places_follow_one_another() -> None:
    # A normal draw of 5 is a scale of 2; a quarter turn; 1 / 0.125 of a fraction of a side.
    never, always = [0.9], [0.0]
    quarter = [0.75]
    draws = [[5.0], always, quarter, always, [5.0], always, quarter, never, [0.5, -0.25], always]
    inverse, changes = Warp()._drawn(images(1, 1, 8, 8), YES * 0.5, Drawn(*draws))  # type: ignore[arg-type]
    assert changes.all()
    # Twice as large, turned, and stretched: a pixel is read from half as far, and a half or two of that.
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    matrix = 0.5 * turn @ torch.diag(torch.tensor([0.5, 2.0], dtype=torch.float64))
    shift = -matrix @ torch.tensor([0.5 * 0.125 * 8, -0.25 * 0.125 * 8], dtype=torch.float64)
    torch.testing.assert_close(inverse[0], torch.cat((matrix, shift[:, None]), 1))
    draws[1] = draws[3] = draws[5] = draws[9] = never
    assert not Warp()._drawn(images(1, 1, 8, 8), YES * 0.5, Drawn(*draws))[1].any()  # type: ignore[arg-type]


def test_either_rotation_has_the_probability_between_them() -> None:
    p, size = 0.36, 4000
    game, picked = Drawn(), []
    uniform = game.uniform

    def noted(*shape: int) -> Tensor:
        picked.append(uniform(*shape))
        return picked[-1]

    game.uniform = noted  # type: ignore[method-assign]
    Warp()._drawn(images(size, 1, 4, 4), YES * p, game)  # type: ignore[arg-type]
    # Scale; angle and choice; stretch; angle and choice; shift.
    one, other = picked[2], picked[5]
    either = ((one < 1 - math.sqrt(1 - p)) | (other < 1 - math.sqrt(1 - p))).double().mean()
    assert float(either) == pytest.approx(p, abs=0.03)


def test_colours_at_known_draws() -> None:
    x = images(2, 3, 2, 2)
    grey = x.mean(1, keepdim=True)
    chosen = [0.0, 0.9]
    for operation, draws, expected in (
        (ada.brightness, [[1.0, 1.0], chosen], x + 0.2),
        (ada.contrast, [[2.0, 2.0], chosen], x * 2),
        (ada.luma_flip, [chosen, [0.1, 0.1]], x - 2 * grey),
        (ada.saturation, [[-1.0, -1.0], chosen], grey + (x - grey) / 2),
        # A third of a turn about the grey axis takes red to green, green to blue, blue to red.
        (ada.hue, [[5 / 6, 5 / 6], chosen], x.roll(1, 1)),
    ):
        seen = operation(x, YES * 0.5, Drawn(*draws))  # type: ignore[arg-type]
        torch.testing.assert_close(seen[0], expected[0])
        assert torch.equal(seen[1], x[1])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_colours_of_three_channels_alone_are_turned(channels: int) -> None:
    game = Drawn(p=1.0)
    Ada(policy=["color"])(images(4, channels, 4, 4), game)  # type: ignore[arg-type]
    # Two draws for each operation.
    assert len(game.shapes) == (10 if channels == 3 else 4)


def test_gradients_go_through_it_twice() -> None:
    def changed(x: Tensor) -> Tensor:
        return Ada()(x, Drawn(p=0.7, seed=5))  # type: ignore[arg-type]

    x = images(3, 3, 5, 5).requires_grad_()
    assert not torch.equal(changed(x)[0], x[0])
    assert torch.autograd.gradcheck(changed, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: changed(x) ** 2, x, fast_mode=True)


def after(batches: int, sign: float, p: float = 0.5, **options: Any) -> float:
    game, augmentation = Drawn(p=p), Ada(**options)
    for _ in range(batches):
        augmentation.after_discriminator_scores(torch.full((8,), sign, dtype=torch.float64), game)  # type: ignore[arg-type]
    return game.states["p"].item()


def test_the_probability_follows_the_sign_of_the_discriminator() -> None:
    options = {"images": 800, "interval": 4}
    # Four batches of eight images, a 25th of what p takes from 0 to 1.
    assert after(3, 2.0, **options) == 0.5
    assert after(4, 2.0, **options) == pytest.approx(0.54)
    assert after(11, 2.0, **options) == pytest.approx(0.58)
    assert after(8, -0.1, **options) == pytest.approx(0.42)
    # A mean sign of 0, which is below the target.
    assert after(4, 0.0, **options) == pytest.approx(0.46)
    assert after(4, 0.0, target=0.0, **options) == 0.5
    assert after(4, 0.0, target=-0.5, **options) == pytest.approx(0.54)
    assert after(4 * 40, 2.0, **options) == 1
    assert after(4 * 40, -2.0, **options) == 0
    assert after(4 * 40, 2.0, images=None) == 0.5


def test_signs_are_averaged_over_batches() -> None:
    game, augmentation = Drawn(p=0.5), Ada(images=800, interval=2)
    # Means of 1 and 0.5: the mean of both is above 0.6.
    for logits in ([1.0] * 8, [3.0] * 6 + [-9.0] * 2):
        augmentation.after_discriminator_scores(torch.tensor(logits), game)  # type: ignore[arg-type]
    assert game.states["p"].item() == pytest.approx(0.52)
    for logits in ([1.0] * 8, [3.0] * 4 + [-9.0] * 4):
        augmentation.after_discriminator_scores(torch.tensor(logits), game)  # type: ignore[arg-type]
    assert game.states["p"].item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 1.5}, "option 'target' of augmentation 'ada' must be at least -1 and at most 1"),
        ({"images": 0}, "option 'images' of augmentation 'ada' must be at least 1"),
        ({"interval": 0}, "option 'interval' of augmentation 'ada' must be at least 1"),
        ({"initial": 1.1}, "option 'initial' of augmentation 'ada' must be at least 0 and at most 1"),
        ({"policy": []}, "option 'policy' of augmentation 'ada' must be at least 1 long"),
        ({"policy": ["colour"]}, "item 0 must be one of 'blit', 'geometry', 'color', given 'colour'"),
        ({"policy": ["blit", "blit"]}, "has a group of operations twice"),
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=re.escape(message)):
        load_catalog().build("augmentation", "ada", options)


def test_points_and_tiny_images_are_unsupported() -> None:
    with pytest.raises(Unsupported, match="'ada' is for images, and the data are points"):
        Ada()(torch.zeros(4, 2), Drawn())  # type: ignore[arg-type]
    with pytest.raises(Unsupported, match="'ada' needs images of at least 4 pixels a side"):
        Ada()(torch.zeros(4, 1, 3, 8), Drawn())  # type: ignore[arg-type]
