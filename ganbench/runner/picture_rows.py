"""The pictures of a folder or an archive as images that are read when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import DatasetError
from ganbench.files.picture_sets import PictureSet, PictureSetError
from ganbench.files.pictures import PictureError
from ganbench.runner.checked_rows import CheckedRows


class PictureRows(CheckedRows):
    """Pictures of one shape that are known to be whole."""

    def __init__(
        self,
        pictures: PictureSet,
        names: Sequence[str],
        where: str,
        *,
        keep_open: object = None,
        readers: int = 1,
        told: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        """Read every picture once.

        Args:
            pictures: the files.
            names: of all of them, in order.
            where: they are from, for messages.
            keep_open: what the files are read from, which closes where nothing refers to it any more.
            readers: threads that read.
            told: is told after each batch how many are done, and how many there are.

        Raises:
            PictureSetError: files that are broken, all at once.
        """
        self._pictures, self._names = pictures, names
        self._keep_open = keep_open
        self._wrong: dict[str, PictureError] = {}
        super().__init__(len(names), pictures.shape, where, readers=readers, told=told)

    def _read(self, start: int, stop: int, *, first: bool) -> NDArray[np.uint8] | None:
        try:
            pixels, wrong = self._pictures.read(self._names[start:stop], counted=first)
        except PictureSetError as error:
            if first:
                raise
            raise DatasetError(*(f"{self._where}: {problem}" for problem in error.problems)) from error
        if wrong and first:
            self._wrong |= wrong
            return None
        return pixels

    def _refuse_broken(self) -> None:
        if self._wrong:
            # Threads find them in any order.
            raise PictureSetError.of({name: self._wrong[name] for name in self._names if name in self._wrong})

    def _name(self, number: int) -> str:
        return repr(self._names[number])
