"""A folder of images made elsewhere, as the pixels that are scored."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.files.pictures import ENDINGS, PictureError, Shape, describe, is_litter, read_pixels
from ganbench.files.regular import irregular
from ganbench.files.tensors import LARGEST
from ganbench.grid.problems import given


def read_images(folder: Path) -> Tensor:
    """Every image of a folder, in the order of their names, which is torch-fidelity's.

    They are read as `ganbench.files.pictures` says: turned upright, converted only where no pixel changes.

    Args:
        folder: holds images (.png, .jpg, .jpeg, .webp, .bmp), and nothing else but hidden files and what
            `is_litter` knows.

    Returns:
        uint8 (N, C, H, W), C 1 or 3, N at least 1.

    Raises:
        DatasetError: the folder has none, something else, or images that are broken or of several shapes;
            names the first that is wrong.
    """
    names = _names(folder)
    first = _pixels(folder, names[0])
    channels, height, width = first.shape
    if len(names) * first.nbytes > LARGEST:
        raise DatasetError(f"{folder}: its {len(names)} images take more than {LARGEST // 2**30} GiB")
    images = np.empty((len(names), *first.shape), dtype=np.uint8)
    images[0] = first
    for index, name in enumerate(names[1:], start=1):
        images[index] = _pixels(folder, name, like=(names[0], (channels, height, width)))
    return torch.from_numpy(images)


def _names(folder: Path) -> list[str]:
    try:
        names = [name for name in sorted(os.listdir(folder)) if not is_litter(name)]
        for name in names:
            path = folder / name
            if path.is_dir():
                raise DatasetError(f"{folder}: {given(name)} is a folder; the images must lie in one folder")
            if path.suffix.lower() not in ENDINGS:
                raise DatasetError(
                    f"{folder}: {given(name)} is not an image ({', '.join(ENDINGS)}); "
                    "the folder may hold nothing else"
                )
            if problem := irregular(path):
                raise DatasetError(f"{folder}: {given(name)} {problem}")
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if not names:
        raise DatasetError(f"{folder}: holds no images ({', '.join(ENDINGS)})")
    return names


def _pixels(folder: Path, name: str, like: tuple[str, Shape] | None = None) -> NDArray[np.uint8]:
    """uint8 (C, H, W) of a file.

    Args:
        folder: where it is.
        name: its name.
        like: name and shape of the image whose shape this one must have.
    """

    def accept(shape: Shape) -> None:
        if like is not None and shape != like[1]:
            raise DatasetError(
                f"{folder}: images of several shapes: {given(like[0])} is {describe(like[1])}, "
                f"{given(name)} is {describe(shape)}"
            )

    try:
        return read_pixels(folder / name, accept)
    except PictureError as error:
        raise DatasetError(f"{folder}: {given(name)} {error}") from error
