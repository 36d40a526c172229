"""A folder of images made elsewhere, as the pixels that are scored."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.files.tensors import LARGEST
from ganbench.grid.problems import given

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# What file managers leave in a folder of pictures; hidden files are passed over too.
_LITTER = ("thumbs.db", "desktop.ini")
_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBX")


def read_images(folder: Path) -> Tensor:
    """Every image of a folder, in the order of their names, which is torch-fidelity's.

    A palette becomes colours, one bit becomes black and white, and an alpha channel that is opaque
    everywhere is dropped: none of these changes a pixel. What could only be converted by a decision is
    refused: transparency, more than 8 bits a channel, CMYK, animations.

    Args:
        folder: holds images (.png, .jpg, .jpeg, .webp, .bmp), and nothing else that is not hidden.

    Returns:
        uint8 (N, C, H, W), C 1 or 3, N at least 1.

    Raises:
        DatasetError: the folder has none, something else, or images that are broken or of several shapes;
            names the first that is wrong.
    """
    names = _names(folder)
    first = _Picture(folder, names[0])
    pixels = first.pixels()
    if len(names) * pixels.nbytes > LARGEST:
        raise DatasetError(f"{folder}: its {len(names)} images take more than {LARGEST // 2**30} GiB")
    images = np.empty((len(names), *pixels.shape), dtype=np.uint8)
    images[0] = pixels
    for index, name in enumerate(names[1:], start=1):
        images[index] = _Picture(folder, name).pixels(first)
    return torch.from_numpy(images)


def _names(folder: Path) -> list[str]:
    try:
        found = sorted(os.listdir(folder))
        names = [name for name in found if not name.startswith(".") and name.lower() not in _LITTER]
        for name in names:
            path = folder / name
            if path.is_dir():
                raise DatasetError(f"{folder}: {given(name)} is a folder; the images must lie in one folder")
            if path.suffix.lower() not in ENDINGS:
                raise DatasetError(
                    f"{folder}: {given(name)} is not an image ({', '.join(ENDINGS)}); "
                    "the folder may hold nothing else"
                )
            if not path.is_file():
                raise DatasetError(f"{folder}: {given(name)} is not a file")
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if not names:
        raise DatasetError(f"{folder}: holds no images ({', '.join(ENDINGS)})")
    return names


class _Picture:
    """One file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._shape: tuple[int, int, int] | None = None

    def pixels(self, like: _Picture | None = None) -> NDArray[np.uint8]:
        """uint8 (C, H, W).

        Args:
            like: the picture whose shape this one must have; compared before anything is decoded.

        Raises:
            DatasetError: it is not a plain image, or has another shape.
        """
        with warnings.catch_warnings():
            # Of what a file says beside its pixels, nothing matters here.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            try:
                with Image.open(self._folder / self._name, formats=_FORMATS) as image:
                    return self._decoded(image, like)
            except DatasetError:
                raise
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise self._error(f"claims more than {Image.MAX_IMAGE_PIXELS} pixels") from error
            except UnidentifiedImageError as error:
                raise self._error(f"is broken: not {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}") from error
            except Exception as error:  # a file that is none makes a decoder fail in any way there is
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise self._error(f"is broken: {given(str(reason))[1:-1]}") from error

    def _decoded(self, image: Image.Image, like: _Picture | None) -> NDArray[np.uint8]:
        if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
            raise self._error("is an animation")
        # Pillow cuts 16 bits a channel down to 8 without a word; what the file has stands in its tiles.
        if image.mode.startswith(("I", "F")) or any(";16" in str(tile[3]) for tile in _tiles(image)):
            raise self._error("has more than 8 bits a channel; round it to 8 first")
        if image.mode not in (*_GREY, *_COLOUR):
            raise self._error(f"is {image.mode}; only grey and RGB are scored")
        mode = "L" if image.mode in _GREY else "RGB"
        self._shape = (len(mode), image.height, image.width)
        if like is not None and like._shape != self._shape:
            raise DatasetError(
                f"{self._folder}: images of several shapes: {given(like._name)} is {_text(like._shape)}, "
                f"{given(self._name)} is {_text(self._shape)}"
            )
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
            if lowest != 255:
                raise self._error("is transparent in places; lay it over a background first")
        pixels: NDArray[np.uint8] = np.asarray(image.convert(mode))
        return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    def _error(self, problem: str) -> DatasetError:
        return DatasetError(f"{self._folder}: {given(self._name)} {problem}")


def _tiles(image: Image.Image) -> list[Any]:
    return list(getattr(image, "tile", ()))


def _text(shape: tuple[int, int, int] | None) -> str:
    assert shape is not None
    channels, height, width = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'RGB'}"
