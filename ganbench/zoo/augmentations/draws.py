"""What augmentations of images draw for each image of a batch, and the refusal of what is no image."""

from __future__ import annotations

from torch import Tensor

from ganbench.api import Game
from ganbench.errors import Unsupported


def require_images(x: Tensor, name: str) -> None:
    """Refuse samples that are no images.

    Args:
        x: (batch, *shape).
        name: of the augmentation.

    Raises:
        Unsupported: they have not three dimensions each.
    """
    if x.ndim != 4:
        raise Unsupported(f"augmentation {name!r} is for images, and the data are points")


def chosen(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Choose images with a probability, (batch, 1, 1, 1).

    Args:
        x: (batch, channels, height, width).
        p: scalar.
        game: draws.
    """
    return game.uniform(len(x), 1, 1, 1) < p


def whole(game: Game, size: int, least: int, most: int) -> Tensor:
    """Draw whole numbers (size,), uniform from `least` to `most`, both included."""
    # In low precision the product may be rounded up to what lies above `most`.
    return (game.uniform(size) * (most - least + 1)).floor().clamp(max=most - least).long() + least
