"""Mirrored images, and no augmentation; apart from their specs, which are listed without torch."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from ganbench.api import Game
from ganbench.zoo.augmentations.draws import require_images


class NoAugmentation:
    """No augmentation: the discriminator sees samples as they are."""

    def __call__(self, x: Tensor, game: Game) -> Tensor:
        """Give the samples themselves."""
        return x


class Flip:
    """Mirror images, left for right.

    Args:
        probability: with which each image is mirrored, 0 to 1.
    """

    def __init__(self, probability: Annotated[float, Interval(ge=0, le=1)] = 0.5) -> None:
        self.probability = probability

    def __call__(self, x: Tensor, game: Game) -> Tensor:
        """Mirror each of the images (batch, channels, height, width) or leave it as it is.

        Raises:
            Unsupported: samples are no images.
        """
        require_images(x, "flip")
        mirrored = game.uniform(len(x), 1, 1, 1) < self.probability
        return x.flip(3).where(mirrored, x)
