"""DiffAugment (Zhao et al., 2020): differentiable changes of real and generated images alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import torch
from annotated_types import MinLen
from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.augmentations.draws import require_images, whole

Policy = Literal["color", "translation", "cutout"]
Policies = Annotated[list[Policy] | tuple[Policy, ...], MinLen(1)]

# As in the authors' code.
TRANSLATION_SHARE = 0.125
CUTOUT_SHARE = 0.5


def brightness(x: Tensor, game: Game) -> Tensor:
    """Add to each image a number, uniform in [-0.5, 0.5)."""
    return x + (game.uniform(len(x), 1, 1, 1) - 0.5)


def saturation(x: Tensor, game: Game) -> Tensor:
    """Scale each pixel's distance to the mean of its channels, by a factor per image in [0, 2)."""
    mean = x.mean(1, keepdim=True)
    return (x - mean) * (game.uniform(len(x), 1, 1, 1) * 2) + mean


def contrast(x: Tensor, game: Game) -> Tensor:
    """Scale each image's distance to its mean, by a factor per image in [0.5, 1.5)."""
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (game.uniform(len(x), 1, 1, 1) + 0.5) + mean


def translation(x: Tensor, game: Game) -> Tensor:
    """Move each image by whole pixels, up to an eighth of its size in each direction; what comes in is 0."""
    size, height, width = len(x), x.shape[2], x.shape[3]
    down, right = (whole(game, size, -_most(side), _most(side)) for side in (height, width))
    rows = torch.arange(height, device=x.device)[None, :] - down[:, None]
    columns = torch.arange(width, device=x.device)[None, :] - right[:, None]
    inside = _within(rows, height)[:, None, :, None] & _within(columns, width)[:, None, None, :]
    images = torch.arange(size, device=x.device)[:, None, None]
    # Channels last, as indices that a slice parts come first.
    moved = x.permute(0, 2, 3, 1)[
        images, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    ].permute(0, 3, 1, 2)
    return moved * inside


def cutout(x: Tensor, game: Game) -> Tensor:
    """Set to 0 a rectangle of half the height and width of each image; it may lie partly outside."""
    size, height, width = len(x), x.shape[2], x.shape[3]
    cut = [_cut(game, size, side, x) for side in (height, width)]
    return x * ~(cut[0][:, None, :, None] & cut[1][:, None, None, :])


OPERATIONS: Mapping[Policy, tuple[Callable[[Tensor, Game], Tensor], ...]] = {
    "color": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}


class DiffAugment:
    """Change images by random operations, the same ones for real and generated images.

    Args:
        policy: which operations, in this order; at least one.
    """

    def __init__(self, policy: Policies = ("color", "translation", "cutout")) -> None:
        if len(set(policy)) < len(policy):
            raise ValueError("policy has an operation twice")
        self.policy = tuple(policy)

    def __call__(self, x: Tensor, game: Game) -> Tensor:
        """Change images (batch, channels, height, width).

        Raises:
            Unsupported: samples are no images.
        """
        require_images(x, "diffaugment")
        for policy in self.policy:
            for operation in OPERATIONS[policy]:
                x = operation(x, game)
        return x


def _most(side: int) -> int:
    """Give the largest shift in pixels, rounded as the authors do."""
    return int(side * TRANSLATION_SHARE + 0.5)


def _within(indices: Tensor, side: int) -> Tensor:
    return (indices >= 0) & (indices < side)


def _cut(game: Game, size: int, side: int, x: Tensor) -> Tensor:
    """Draw along one side of each image which pixels are cut out, (size, side)."""
    length = int(side * CUTOUT_SHARE + 0.5)
    # As the authors centre it: on the edges too, so that a part may lie outside.
    centre = whole(game, size, 0, side - length % 2)
    pixels = torch.arange(side, device=x.device)[None, :]
    first = (centre - length // 2)[:, None]
    return (pixels >= first) & (pixels < first + length)
