"""The images of a large array in a file, read when they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.files.alpha_channel import WITH_ALPHA
from ganbench.files.arrays import channels_first, pixels_of
from ganbench.files.mapped_files import let_go_of
from ganbench.runner.checked_rows import CheckedRows, fits_memory

Array = NDArray[Any]


class ArrayRows(CheckedRows):
    """The images of a mapped array, all of which are uint8 or within a stated range."""

    def __init__(
        self,
        array: Array,
        path: Path,
        span: tuple[float, float] | None,
        like: tuple[int, ...] | None,
        *,
        readers: int = 1,
        told: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        """Look at all images once.

        Args:
            array: mapped; as `pixels_of` takes it, but for alpha channels.
            path: its file.
            span: for floats, what is black and what is white.
            like: the shape that decides where an array could be read both ways.
            readers: threads that read.
            told: is told after each batch how many images are done, and how many there are.

        Raises:
            DatasetError: as `pixels_of`.
        """
        self._array, self._path, self._span, self._like = array, path, span, like
        let_go_of(array)
        # Refuses what is wrong with all of it.
        stored = tuple(pixels_of(np.array(array[:1]), path, span, like).shape[1:])
        super().__init__(len(array), stored, str(path), readers=readers, told=told)

    def _read(self, start: int, stop: int, *, first: bool) -> NDArray[np.uint8]:
        part = np.array(self._array[start:stop])
        return pixels_of(part, self._path, self._span, self._like, first=start).numpy()

    def _refuse_broken(self) -> None:
        """Do nothing: the first image that is wrong has ended the look."""

    def _name(self, number: int) -> str:
        return f"image {number}"


def too_large(array: Array, path: Path, like: tuple[int, ...] | None) -> bool:
    """Tell whether the images of an array are too many for the memory, and can be read piece by piece.

    Raises:
        DatasetError: they have no shape of images.
    """
    return not fits_memory(array.size) and channels_first(array, path, like).shape[1] != WITH_ALPHA
