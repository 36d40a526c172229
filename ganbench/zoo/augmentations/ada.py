"""Adaptive discriminator augmentation (Karras et al., 2020): as much of it as D's overfitting asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval, MinLen
from torch import Tensor

from ganbench.api import Game
from ganbench.errors import Unsupported
from ganbench.zoo.augmentations.draws import chosen, require_images
from ganbench.zoo.augmentations.geometry import MIN_SIDE, Warp, flipped, moved, turned

Policy = Literal["blit", "geometry", "color"]
Policies = Annotated[tuple[Policy, ...], MinLen(1)]
Probability = Annotated[float, Interval(ge=0, le=1)]

# Spreads of the authors' code: of what is added, and of log2 of factors.
BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
SATURATION_STD = 1.0

Operation = Callable[[Tensor, Tensor, Game], Tensor]


def brightness(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Add to each chosen image a number, normal with a deviation of 0.2."""
    changed = x + game.normal(len(x), 1, 1, 1) * BRIGHTNESS_STD
    return changed.where(chosen(x, p, game), x)


def contrast(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Scale each chosen image by a factor, log-normal: one in six is above 1.4, one in six below 0.7."""
    changed = x * torch.exp2(game.normal(len(x), 1, 1, 1) * CONTRAST_STD)
    return changed.where(chosen(x, p, game), x)


def luma_flip(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Turn light into dark in half of the chosen images, and leave the colours' distance from grey."""
    mirrored = chosen(x, p, game) & (game.uniform(len(x), 1, 1, 1) < 0.5)
    return (x - 2 * x.mean(1, keepdim=True)).where(mirrored, x)


def hue(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Turn the colours of each chosen image about the grey axis, by any angle."""
    angle = (game.uniform(len(x), 1, 1, 1) * 2 - 1) * math.pi
    grey = x.mean(1, keepdim=True)
    # The axis (1, 1, 1) / sqrt(3) times x, as vectors (Rodrigues' formula).
    across = (x.roll(1, 1) - x.roll(-1, 1)) / math.sqrt(3)
    changed = (x - grey) * angle.cos() + across * angle.sin() + grey
    return changed.where(chosen(x, p, game), x)


def saturation(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Scale the colours' distance from grey in each chosen image by a factor, log-normal about 1."""
    grey = x.mean(1, keepdim=True)
    changed = (x - grey) * torch.exp2(game.normal(len(x), 1, 1, 1) * SATURATION_STD) + grey
    return changed.where(chosen(x, p, game), x)


class Ada:
    """Change images as often as the discriminator overfits, the same ways for real and generated ones.

    Each operation changes each image with the probability p. After every few batches of D, p moves a little:
    up where the mean sign of D's logits of real images is above the target, and down where it is below.
    Operations, spreads and order are those of the authors' code; flips, right angles and whole pixels are
    exact here, and read through no filter.

    Args:
        target: of the mean sign of D's logits of real images; higher lets D overfit more.
        images: real images that D sees while p goes from 0 to 1, or none to leave p as it is.
        interval: batches of D between two moves of p.
        initial: p at the start.
        policy: groups of operations: `blit` (flips, right angles, whole pixels), `geometry` (scale, rotation,
            stretch, fractions of pixels), `color` (brightness, contrast; luma flip, hue and saturation of
            images of three channels).
    """

    def __init__(
        self,
        target: Annotated[float, Interval(ge=-1, le=1)] = 0.6,
        images: Annotated[int, Ge(1)] | None = 500_000,
        interval: Annotated[int, Ge(1)] = 4,
        initial: Probability = 0.0,
        policy: Policies = ("blit", "geometry", "color"),
    ) -> None:
        if len(set(policy)) < len(policy):
            raise ValueError("policy has a group of operations twice")
        self.target = target
        self.images = images
        self.interval = interval
        self.initial = initial
        self.policy = tuple(policy)
        self.warp = Warp()

    def __call__(self, x: Tensor, game: Game) -> Tensor:
        """Change images (batch, channels, height, width).

        Raises:
            Unsupported: samples are no images, or too small ones.
        """
        require_images(x, "ada")
        if min(x.shape[2:]) < MIN_SIDE:
            raise Unsupported(f"augmentation 'ada' needs images of at least {MIN_SIDE} pixels a side")
        p = game.state("p", self.initial)
        of_group: Mapping[Policy, tuple[Operation, ...]] = {
            "blit": (flipped, turned, moved),
            "geometry": (self.warp,),
            "color": (brightness, contrast, *((luma_flip, hue, saturation) if x.shape[1] == 3 else ())),
        }
        for group, operations in of_group.items():
            if group in self.policy:
                for operation in operations:
                    x = operation(x, p, game)
        return x

    def after_discriminator_scores(self, logit: Tensor, game: Game) -> None:
        """Move p by the signs of D's logits of real images.

        Args:
            logit: of the real batch.
            game: keeps p, and what was counted since its last move.
        """
        if self.images is None:
            return
        p, signs = game.state("p", self.initial), game.state("signs", 0.0)
        batches = game.state("batches", 0)
        signs += logit.sign().mean()
        batches += 1
        due = batches == self.interval
        step = len(game.real) * self.interval / self.images
        towards = torch.sign(signs / self.interval - self.target)
        p.copy_((p + step * towards).clamp(0, 1).where(due, p))
        signs.copy_(torch.zeros_like(signs).where(due, signs))
        batches.copy_(torch.zeros_like(batches).where(due, batches))
