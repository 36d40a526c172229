"""One image file -> its pixels, or the reason why it is refused.

A palette becomes colours, one bit becomes black and white, and an alpha channel that is opaque everywhere is
dropped: none of these changes a pixel. A picture is turned as its EXIF orientation says, which changes none
either. What could only be converted by a decision is refused, unless `Decisions` has one: transparency, 16
bits a channel. More bits, CMYK and several pictures in one file are always refused. A colour profile is
ignored.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ganbench.errors import GanbenchError
from ganbench.files.regular import irregular, open_regular

Shape = tuple[int, int, int]
"""Channels (1 or 3), height, width."""

Source = Path | Callable[[], BinaryIO]
"""A picture's file, or what opens a stream of its bytes."""
Byte = Annotated[int, Interval(ge=0, le=255)]
Background = Literal["white", "black"] | tuple[Byte, Byte, Byte]
"""What lies behind what is transparent: a colour by name, or red, green and blue."""

# What is wrong with a file is in the error; on stderr, where Pillow's log ends by default, it is nobody's.
logging.getLogger("PIL").addHandler(logging.NullHandler())

ENDINGS = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".jfif",
    ".ppm",
    ".pgm",
)
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
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# Those that may hold more than one picture.
_ANIMATED, _PAGED = ("PNG", "WEBP", "GIF"), ("TIFF",)
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


class UndecidedError(PictureError):
    """A picture that could be read in several ways.

    Attributes:
        option: the field of `Decisions` that decides, and a value of it, as `background = "white"`.
    """

    def __init__(self, problem: str, option: str) -> None:
        super().__init__(problem)
        self.option = option


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """How pictures are converted that could be read in several ways; by default they are refused.

    Attributes:
        background: what transparent pictures are laid over, in the values of the file (no gamma), rounded.
        sixteen_bits: whether the upper 8 of 16 bits a channel are taken, which is what libpng and Pillow do.
    """

    background: Background | None = None
    sixteen_bits: bool = False

    @property
    def colour(self) -> tuple[int, int, int] | None:
        """The background as red, green and blue."""
        named = {"white": (255, 255, 255), "black": (0, 0, 0)}
        return named[self.background] if isinstance(self.background, str) else self.background


NONE_DECIDED = Decisions()


@dataclass(frozen=True, kw_only=True)
class ReadPicture:
    """A picture that was read.

    Attributes:
        pixels: uint8 (C, H, W), C 1 or 3, turned upright.
        turned: whether it lay on its side or mirrored in the file.
        laid: whether it was transparent in places.
        reduced: whether it had 16 bits a channel.
        kind: format and colours of the file, as `PNG RGBA`, in Pillow's words.
    """

    pixels: NDArray[np.uint8]
    turned: bool = False
    laid: bool = False
    reduced: bool = False
    kind: str = ""


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name is no part of a collection: hidden, or another program's."""
    return name.startswith(".") or name.lower() in _LITTER


def read_shape(source: Source, decisions: Decisions = NONE_DECIDED) -> Shape:
    """Give the shape of a file's pixels, once it is turned upright.

    From the header alone, save for a PNG that is not square: its orientation may stand behind the pixels.

    Raises:
        PictureError: it is not a plain image, as far as that shows without decoding it.
    """
    with _opened(source) as image:
        return _shape(image, decisions)


def read_pixels(source: Source, accept: Callable[[Shape], object] | None = None) -> NDArray[np.uint8]:
    """Read the pixels of a file, with nothing decided.

    Args:
        source: the file.
        accept: is given the shape, as of `read_shape`; a GanbenchError that it raises is passed on.

    Returns:
        uint8 (C, H, W), C 1 or 3, turned upright.

    Raises:
        PictureError: it is not a plain image.
    """
    return read_picture(source, accept=accept).pixels


def read_picture(
    source: Source,
    decisions: Decisions = NONE_DECIDED,
    *,
    accept: Callable[[Shape], object] | None = None,
) -> ReadPicture:
    """Read a picture, and what was changed to do so.

    Args:
        source: the file.
        decisions: how it is converted where there are several ways.
        accept: is given the shape, as of `read_shape`; a GanbenchError that it raises is passed on.

    Raises:
        PictureError: it is not a plain image.
    """
    with _opened(source) as image:
        # Before anything is decoded: then it can no longer be told.
        reduced = _has_16_bits(image)
        kind = f"{image.format} {image.mode}{', 16 bits' if reduced else ''}"
        shape = _shape(image, decisions)
        if accept is not None:
            accept(shape)
        orientation = _orientation(image)
        laid, upright = False, None
        if _may_be_transparent(image):
            rgba = _with_alpha(image, reduced)
            alpha = rgba.getchannel("A").getextrema()[0]
            if laid := alpha != 255:
                if decisions.colour is None:
                    raise UndecidedError(
                        "is transparent in places; lay it over a background first", 'background = "white"'
                    )
                upright = Image.fromarray(lay_over(np.asarray(rgba), decisions.colour))
        if upright is None:
            upright = _eight_bits(image) if reduced else image
        upright = upright.convert("L" if shape[0] == 1 else "RGB")
        # Pillow turns a TIFF itself, when it is decoded, and gives its size after that.
        turn = _TURNS.get(orientation)
        if turn is not None and image.format not in _PAGED:
            upright = upright.transpose(turn)
        pixels: NDArray[np.uint8] = np.asarray(upright)
    pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return ReadPicture(pixels=pixels, turned=turn is not None, laid=laid, reduced=reduced, kind=kind)


def describe(shape: Shape) -> str:
    """Describe width, height and colours for messages: `64x48 RGB`."""
    channels, height, width = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'RGB'}"


class _BombsRefused:
    """Make Pillow's warning of too many pixels an error, and silence its others, in several threads at once.

    Python's warning filters are those of the process: the first thread sets them, the last puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._filters: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._filters is None:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._within += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within and self._filters is not None:
                self._filters.__exit__(None, None, None)
                self._filters = None


_BOMBS_REFUSED = _BombsRefused()


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    if isinstance(source, Path) and (problem := irregular(source)):
        raise PictureError(problem)
    with _BOMBS_REFUSED:
        try:
            opened = open_regular(source) if isinstance(source, Path) else source()
            with opened as stream, Image.open(stream, formats=_FORMATS) as image:
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


def _shape(image: Image.Image, decisions: Decisions) -> Shape:
    if image.format in (*_ANIMATED, *_PAGED) and getattr(image, "n_frames", 1) > 1:
        raise PictureError("holds several pictures" if image.format in _PAGED else "is an animation")
    if _has_16_bits(image):
        if not decisions.sixteen_bits:
            raise PictureError("has more than 8 bits a channel; round it to 8 first")
    elif image.mode.startswith(("I", "F")):
        raise PictureError("has more than 16 bits a channel; round it to 8 first")
    elif image.mode not in (*_GREY, *_COLOUR):
        raise PictureError(f"is {image.mode}; only grey and RGB are read")
    colour = decisions.colour
    tinted = colour is not None and len(set(colour)) > 1 and _may_be_transparent(image)
    grey = image.mode.startswith("I") or image.mode in _GREY
    channels, width, height = 1 if grey and not tinted else 3, *image.size
    if width != height and image.format not in _PAGED and _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return channels, height, width


def _has_16_bits(image: Image.Image) -> bool:
    # Pillow cuts 16 bits a channel down to 8 without a word; what the file has stands in its tiles.
    deep = image.mode.startswith("I;16") or any(";16" in str(tile[3]) for tile in _tiles(image))
    if image.mode.startswith(("I", "F")):
        # Of integers, 16 bits without a sign alone have a natural white.
        return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    return deep


def _may_be_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info


def _eight_bits(image: Image.Image) -> Image.Image:
    """Take the upper 8 of 16 bits; of several channels, Pillow has done so already."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _with_alpha(image: Image.Image, reduced: bool) -> Image.Image:
    key = image.info.get("transparency")
    if not reduced or image.mode in ("LA", "RGBA"):
        return image.convert("RGBA")
    if not isinstance(key, int):
        raise PictureError("has a transparent colour of 16 bits a channel; give it an alpha channel first")
    rgba = _eight_bits(image).convert("RGBA")
    rgba.putalpha(Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8)))
    return rgba


def lay_over(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Lay transparent pixels over a colour, in the values of the file (no gamma), rounded.

    Args:
        pixels: (..., 4): red, green, blue, and how opaque, 0 to 255.
        colour: red, green and blue.

    Returns:
        (..., 3).
    """
    # In integers, so that it gives the same bits on every machine.
    wide = pixels.astype(np.uint32)
    alpha = wide[..., 3:]
    laid = (wide[..., :3] * alpha + np.array(colour, dtype=np.uint32) * (255 - alpha) + 127) // 255
    return laid.astype(np.uint8)


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
