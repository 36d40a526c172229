"""Images of an array whose fourth channel says how opaque each pixel is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.files.pictures import Background, Decisions, lay_over

# Channels of images that have such a one.
WITH_ALPHA = 4
_OPAQUE = 255


def opaque_images(
    images: NDArray[np.uint8], path: Path, background: Background | None, notes: list[str] | None = None
) -> Tensor:
    """Drop the alpha channel of images, as `opaque_pixels` does of each.

    Args:
        images: (N, 4, H, W).
        path: their file, for messages.
        background: what transparent images are laid over.
        notes: gets how many were, as a phrase.

    Returns:
        uint8 (N, 3, H, W).

    Raises:
        DatasetError: one is transparent in places, and there is no background.
    """
    found = np.empty((len(images), 3, *images.shape[2:]), dtype=np.uint8)
    laid = 0
    for number, image in enumerate(images):
        found[number], changed = opaque_pixels(image, number, path, background, "--background white")
        laid += changed
    if laid and notes is not None:
        notes.append(laid_note(laid, background))
    return torch.from_numpy(found)


def opaque_pixels(
    image: NDArray[np.uint8], number: int, path: Path, background: Background | None, option: str
) -> tuple[NDArray[np.uint8], bool]:
    """Drop the alpha channel of an image, which is laid over a background where it is transparent.

    Args:
        image: (4, H, W): red, green, blue, and how opaque, 0 to 255.
        number: its place in the array, for messages.
        path: its file, for messages.
        background: what transparent images are laid over.
        option: how one is given, for messages.

    Returns:
        (3, H, W), and whether it was transparent in places.

    Raises:
        DatasetError: it is, and there is no background.
    """
    if image[3].min() == _OPAQUE:
        return image[:3], False
    if (colour := Decisions(background=background).colour) is None:
        raise DatasetError(
            f"{path}: image {number} is transparent in places; lay it over a background first, "
            f"or say {option}"
        )
    return np.moveaxis(lay_over(np.moveaxis(image, 0, 2), colour), 2, 0), True


def laid_note(number: int, background: Background | None) -> str:
    """Say how many images were laid over a background."""
    named = list(background) if isinstance(background, tuple) else background
    return f"{number:,} transparent in places and laid over {named}"
