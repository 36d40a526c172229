"""One image file -> its pixels, or the reason why it is refused.

A palette becomes colours, one bit becomes black and white, and an alpha channel that is opaque everywhere is
dropped: none of these changes a pixel. A picture is turned as its EXIF orientation says, which changes none
either. What could only be converted by a decision is refused: transparency, more than 8 bits a channel, CMYK,
animations. A colour profile is ignored.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ganbench.errors import GanbenchError
from ganbench.files.regular import irregular, open_regular

Shape = tuple[int, int, int]
"""Channels (1 or 3), height, width."""

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
# What operating systems, network storage and archivers leave in a folder of pictures, in lower case: previews
# of the pictures, deleted ones, and notes on them.
_LITTER = (
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "picasa.ini",
    "icon\r",
    "@eadir",
    "@recycle",
    "#recycle",
    "#snapshot",
    "@recently-snapshot",
    "__macosx",
    "lost+found",
    "$recycle.bin",
    "recycler",
    "system volume information",
)
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBX")
_MAX_REASON_CHARACTERS = 60
_ORIENTATION = 0x0112
# What turns a picture upright, by its orientation; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Those that exchange width and height.
_SIDEWAYS = (5, 6, 7, 8)


class PictureError(Exception):
    """An image file that is refused; the message continues the file's name, as in "is broken: ..."."""


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name is no part of a collection: hidden, or another program's."""
    return name.startswith(".") or name.lower() in _LITTER


def read_shape(path: Path) -> Shape:
    """Give the shape of a file's pixels, once it is turned upright.

    From the header alone, save for a PNG that is not square: its orientation may stand behind the pixels.

    Raises:
        PictureError: it is not a plain image, as far as that shows without decoding it.
    """
    with _opened(path) as image:
        return _shape(image)


def read_pixels(path: Path, accept: Callable[[Shape], object] | None = None) -> NDArray[np.uint8]:
    """Read the pixels of a file.

    Args:
        path: the file.
        accept: is given the shape, as of `read_shape`; a GanbenchError that it raises is passed on.

    Returns:
        uint8 (C, H, W), C 1 or 3, turned upright.

    Raises:
        PictureError: it is not a plain image.
    """
    with _opened(path) as image:
        shape = _shape(image)
        if accept is not None:
            accept(shape)
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
            if lowest != 255:
                raise PictureError("is transparent in places; lay it over a background first")
        upright = image.convert("L" if shape[0] == 1 else "RGB")
        if (turn := _TURNS.get(_orientation(image))) is not None:
            upright = upright.transpose(turn)
        pixels: NDArray[np.uint8] = np.asarray(upright)
    return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def describe(shape: Shape) -> str:
    """Describe width, height and colours for messages: `64x48 RGB`."""
    channels, height, width = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'RGB'}"


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    if problem := irregular(path):
        raise PictureError(problem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with open_regular(path) as stream, Image.open(stream, formats=_FORMATS) as image:
                yield image
        except (PictureError, GanbenchError):
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureError(f"claims more than {Image.MAX_IMAGE_PIXELS} pixels") from error
        except UnidentifiedImageError as error:
            raise PictureError(f"is broken: not {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}") from error
        except Exception as error:  # a file that is none makes a decoder fail in any way there is
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise PictureError(
                f"is broken: {' '.join(str(reason).split())[:_MAX_REASON_CHARACTERS]}"
            ) from error


def _shape(image: Image.Image) -> Shape:
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise PictureError("is an animation")
    # Pillow cuts 16 bits a channel down to 8 without a word; what the file has stands in its tiles.
    if image.mode.startswith(("I", "F")) or any(";16" in str(tile[3]) for tile in _tiles(image)):
        raise PictureError("has more than 8 bits a channel; round it to 8 first")
    if image.mode not in (*_GREY, *_COLOUR):
        raise PictureError(f"is {image.mode}; only grey and RGB are read")
    channels, width, height = 1 if image.mode in _GREY else 3, *image.size
    if width != height and _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return channels, height, width


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8; 1 where the file has none, or none that can be understood."""
    if image.format == "PNG" and "exif" not in image.info:
        # It may stand behind the pixels. Decoded here, so that a failure is not taken for one of EXIF.
        image.load()
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF makes Pillow fail in many ways; other programs ignore it too
        return 1
    return next((number for number in _TURNS if number == found), 1)


def _tiles(image: Image.Image) -> list[Any]:
    return list(getattr(image, "tile", ()))
