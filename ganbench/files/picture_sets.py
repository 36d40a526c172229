"""Pictures of one shape: many image files read, cut and resized alike, with a count of what was changed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError, shown, shown_file
from ganbench.files.pictures import (
    Background,
    Decisions,
    PictureError,
    Shape,
    Source,
    UndecidedError,
    describe,
    read_picture,
    read_shape,
)
from ganbench.files.resizing import MAX_CROP_PIXELS, MAX_SIDE, MIN_SIDE, fitted

# Files that are wrong are named, so that they can be mended at once; not the thousandth.
MAX_NAMED = 20


class PictureSetError(Exception):
    """Pictures that cannot be brought to one shape.

    Attributes:
        problems: a line each, which names the file where it is one file's.
        files: what is wrong with each file, by name, where it is files that are refused.
    """

    def __init__(self, *problems: str, files: Mapping[str, PictureError] | None = None) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.files = files or {}

    @classmethod
    def of(cls, files: Mapping[str, PictureError]) -> PictureSetError:
        """Describe files that are refused, a line each, at most 20 of them and how many there are."""
        lines = []
        for name, error in list(files.items())[:MAX_NAMED]:
            option = f", or say {error.option}" if isinstance(error, UndecidedError) else ""
            lines.append(f"{shown_file(name)} {error}{option}")
        if len(files) > MAX_NAMED:
            lines.append(f"and so are more, {len(files):,} files in all")
        return cls(*lines, files=files)


class PictureSet:
    """Files that are read as pictures of one shape.

    Attributes:
        shape: of each picture, once it is cut and resized: (C, H, W), C 3 where one of them has colours.
        shapes: that of each file before, upright, by name.
        changed: how many pictures were `turned` upright, `laid` over the background, `reduced` from 16 bits,
            `coloured` (grey ones that became RGB), `fitted` (cut or resized); complete once all were read.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        size: int | None = None,
        crop: int | None = None,
        channels: int | None = None,
        decisions: Decisions,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        """Read the headers of all files, unless their shapes are known.

        Args:
            sources: by name, as messages have it; at least one.
            size: side of the pictures; without it all must be equally large.
            crop: side of the square that is cut from the centre first; see `fitted`.
            channels: 1 or 3; None for 1 where all are grey, else 3.
            decisions: what becomes of pictures that could be read in several ways.
            shapes: as `survey` found them.

        Raises:
            PictureSetError: files that are no pictures, or cannot be brought to one shape.
        """
        self._sources, self._size, self._crop, self._decisions = sources, size, crop, decisions
        self.changed: Counter[str] = Counter()
        self._read: set[str] = set()
        self._counting = threading.Lock()
        wrong: Mapping[str, PictureError] = {}
        if shapes is None:
            shapes, wrong = survey(sources, decisions)
        if wrong:
            raise PictureSetError.of(wrong)
        self.shapes: Mapping[str, Shape] = shapes
        self.shape = _common(self.shapes, size=size, crop=crop, channels=channels)

    def pixels(self, names: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
        """Read pictures, one after the other.

        Args:
            names: of those wanted, in order.

        Yields:
            uint8 (C, H, W), of the set's shape.

        Raises:
            PictureSetError: files that are broken, with all of the set that are.
        """
        for name in names:
            try:
                pixels = self._pixels(name)
            except PictureError as error:
                raise PictureSetError.of({name: error, **self._broken(besides=name)}) from error
            yield pixels

    def read(
        self, names: Sequence[str], *, counted: bool = True
    ) -> tuple[NDArray[np.uint8], dict[str, PictureError]]:
        """Read pictures at once; several threads may.

        Args:
            names: of those wanted, in order.
            counted: whether what is changed of them is counted; false where they are read again.

        Returns:
            uint8 (n, C, H, W); and what is wrong with those that are broken, whose pixels are arbitrary.

        Raises:
            PictureSetError: a file has changed.
        """
        rows = np.empty((len(names), *self.shape), dtype=np.uint8)
        wrong = {}
        for row, name in zip(rows, names, strict=True):
            try:
                row[:] = self._pixels(name, counted=counted)
            except PictureError as error:
                wrong[name] = error
        return rows, wrong

    def changes(self) -> list[str]:
        """Say what was changed of the pictures that were read, as `3 turned upright`; empty for nothing."""
        size = f"{self.shape[2]}x{self.shape[1]}"
        sizes = len({shape[1:] for shape in self.shapes.values()})
        background: object = self._decisions.background
        if isinstance(background, tuple):
            background = list(background)
        named = {
            "turned": "turned upright",
            "laid": f"transparent in places and laid over {background}",
            "reduced": "of 16 bits per channel, of which the upper 8 are taken",
            "coloured": "grey, with three equal channels here",
            "fitted": f"cut or resized to {size}, of {sizes} {'size' if sizes == 1 else 'different sizes'}",
        }
        return [f"{self.changed[what]:,} {text}" for what, text in named.items() if self.changed[what]]

    def _broken(self, besides: str) -> dict[str, PictureError]:
        """Find the other files that cannot be read, of those that were not read yet."""
        wrong = {}
        for name, source in self._sources.items():
            if name not in self._read and name != besides:
                try:
                    read_picture(source, self._decisions)
                except PictureError as error:
                    wrong[name] = error
        return wrong

    def _pixels(self, name: str, *, counted: bool = True) -> NDArray[np.uint8]:
        picture = read_picture(self._sources[name], self._decisions)
        if picture.pixels.shape != self.shapes[name]:
            raise PictureSetError(f"{shown_file(name)} has changed while it was read; try again")
        found = fitted(picture.pixels, crop=self._crop, size=self._size)
        if counted:
            with self._counting:
                self._read.add(name)
                self.changed["turned"] += picture.turned
                self.changed["laid"] += picture.laid
                self.changed["reduced"] += picture.reduced
                self.changed["coloured"] += found.shape[0] < self.shape[0]
                self.changed["fitted"] += picture.pixels.shape[1:] != self.shape[1:]
        return np.broadcast_to(found, self.shape)


def survey(
    sources: Mapping[str, Source], decisions: Decisions, *, whole: bool = False
) -> tuple[dict[str, Shape], dict[str, PictureError]]:
    """Look at files: the shape of each, and what is wrong with those that are refused.

    Args:
        sources: by name.
        decisions: what becomes of pictures that could be read in several ways.
        whole: whether each is decoded to its end, so that no broken one is missed.
    """
    shapes: dict[str, Shape] = {}
    wrong: dict[str, PictureError] = {}
    for name, source in sources.items():
        try:
            shapes[name] = read_shape(source, decisions)
            if whole:
                read_picture(source, decisions)
        except PictureError as error:
            shapes.pop(name, None)
            wrong[name] = error
    return shapes, wrong


def read_images(
    paths: Sequence[str | PathLike[str]],
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: Literal[1, 3] | None = None,
    background: Background | None = None,
    notes: list[str] | None = None,
) -> Tensor:
    """Read image files as the data set `image_folder` does, for a data set of a plugin.

    They are turned upright as their EXIF orientation says; palettes become colours; of 16 bits per channel
    the upper 8 are taken. Grey pictures among others get three equal channels.

    Args:
        paths: of the files (.png, .jpg, .webp, .bmp, .gif, .tif, .ppm), at least one.
        size: side of the images in pixels, 4 to 1024: each is resized by Pillow's bilinear filter. Without
            it all must be equally large.
        crop: side of the square that is cut from the centre before; where only `size` is given, the largest.
        channels: 1 or 3; None for 1 where all are grey, else 3.
        background: what transparent images are laid over, `"white"`, `"black"` or (red, green, blue) from 0
            to 255; None refuses them.
        notes: gets a phrase for each way in which images were changed, with their number, as
            "3 turned upright"; what a data set has as its `notes` is shown to users.

    Returns:
        uint8 (N, C, H, W), in the order of the paths.

    Raises:
        DatasetError: files that are broken or no images, a line for each of the first 20; images of several
            sizes and no size is given; a value beyond its range.
    """
    _require_ranges(size, crop, channels, background)
    sources: dict[str, Source] = {str(path): Path(path) for path in paths}
    if not sources:
        raise DatasetError("read_images: no paths are given")
    try:
        pictures = PictureSet(
            sources,
            size=size,
            crop=crop,
            channels=channels,
            decisions=Decisions(background=background, sixteen_bits=True),
        )
        images = np.empty((len(paths), *pictures.shape), dtype=np.uint8)
        for row, pixels in zip(images, pictures.pixels(map(str, paths)), strict=True):
            row[:] = pixels
    except PictureSetError as error:
        raise DatasetError(*(f"read_images: {problem}" for problem in error.problems)) from error
    if notes is not None:
        notes += pictures.changes()
    return torch.from_numpy(images)


def _require_ranges(
    size: object, crop: object, channels: object, background: Background | str | None
) -> None:
    for name, value, largest in (("size", size, MAX_SIDE), ("crop", crop, MAX_CROP_PIXELS)):
        if value is not None and (type(value) is not int or not MIN_SIDE <= value <= largest):
            raise DatasetError(
                f"read_images: {name} must be from {MIN_SIDE} to {largest}, given {shown(value)}"
            )
    if channels not in (None, 1, 3):
        raise DatasetError(f"read_images: channels must be 1, 3 or None, given {shown(channels)}")
    if background is None or background in ("white", "black"):
        return
    if (
        not isinstance(background, tuple | list)
        or len(background) != 3
        or not all(type(value) is int and 0 <= value <= 255 for value in background)
    ):
        raise DatasetError(
            "read_images: background must be 'white', 'black' or three ints from 0 to 255, "
            f"given {shown(background)}"
        )


def _common(
    shapes: Mapping[str, Shape], *, size: int | None, crop: int | None, channels: int | None
) -> Shape:
    """Find the shape that every picture has once it is cut and resized."""
    first, (_, height, width) = next(iter(shapes.items()))
    for name, shape in shapes.items():
        if crop is not None and min(shape[1:]) < crop:
            raise PictureSetError(f"crop = {crop}, and {shown_file(name)} is {describe(shape)}")
        if crop is None and size is None and shape[1:] != (height, width):
            raise PictureSetError(
                f"images of several sizes and no size is given: {shown_file(first)} is "
                f"{describe(shapes[first])}, {shown_file(name)} is {describe(shape)}; say size = "
                f"{_usual_side(shapes)}, or another side"
            )
        if channels is not None and shape[0] > channels:
            raise PictureSetError(f"channels = 1, and {shown_file(name)} is {describe(shape)}")
    found = channels if channels is not None else max(shape[0] for shape in shapes.values())
    side = size if size is not None else crop
    return (found, height, width) if side is None else (found, side, side)


def _usual_side(shapes: Mapping[str, Shape]) -> int:
    """Give the largest usual side that no picture must be made larger for; 32 where one is very small."""
    least = min(min(shape[1:]) for shape in shapes.values())
    return max((side for side in (32, 64, 128, 256, 512, 1024) if side <= least), default=32)
