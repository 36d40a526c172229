"""The pictures of a folder or an archive, looked at once, then read when they are wanted."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.files.picture_sets import PictureSet, PictureSetError
from ganbench.files.pictures import PictureError
from ganbench.scoring.image_rows import begin_digest
from ganbench.scoring.side_by_side import side_by_side

# Pictures that are no more are kept in memory once they were read.
MAX_HELD_BYTES = 2**27
_BATCH = 64
# Of a batch while all are looked at, so that many threads can.
_MAX_BATCH_BYTES = 2**23


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one batch is like."""

    pixels: NDArray[np.uint8]
    wrong: dict[str, PictureError]
    checksums: list[int]
    low: int
    high: int
    grey: bool


class PictureRows:
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
        """Read every picture once; they are kept where they are few.

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
        self._pictures, self._names, self._where = pictures, names, where
        self._keep_open = keep_open
        self._stored = pictures.shape[0]
        self._channels = self._stored
        self._checksums: list[int] = []
        self._digests: dict[int, str] = {}
        self._extremes = 255, 0
        size = int(np.prod(pictures.shape))
        few = len(names) * size <= MAX_HELD_BYTES
        self._held = np.empty((len(names), *pictures.shape), np.uint8) if few else None
        self._look(max(1, min(_BATCH, _MAX_BATCH_BYTES // size)), readers, told)

    def _look(self, count: int, readers: int, told: Callable[[int, int], object]) -> None:
        total = len(self._names)
        height, width = self._pictures.shape[1:]
        digests = {
            channels: begin_digest(torch.uint8, (total, channels, height, width))
            for channels in {1, self._stored}
        }
        wrong: dict[str, PictureError] = {}
        starts = range(0, total, count)
        looks = side_by_side(lambda at: self._seen(at, count), starts, readers)
        for start, seen in zip(starts, looks, strict=True):
            told(min(start + count, total), total)
            wrong |= seen.wrong
            if wrong:
                # The others are read all the same: whatever is broken is said at once.
                continue
            if not seen.grey:
                digests.pop(1, None)
            for channels, digest in digests.items():
                digest.update(np.ascontiguousarray(seen.pixels[:, :channels]).data)
            self._checksums += seen.checksums
            self._extremes = min(self._extremes[0], seen.low), max(self._extremes[1], seen.high)
            if self._held is not None:
                self._held[start : start + count] = seen.pixels
        if wrong:
            raise PictureSetError.of(wrong)
        self._digests = {channels: digest.hexdigest() for channels, digest in digests.items()}

    def _seen(self, start: int, count: int) -> _Seen:
        pixels, wrong = self._pictures.read(self._names[start : start + count])
        grey = len(pixels[0]) == 1 or all(np.array_equal(pixels[:, 0], pixels[:, at]) for at in (1, 2))
        return _Seen(
            pixels=pixels,
            wrong=wrong,
            checksums=[zlib.crc32(row.data) for row in pixels],
            low=int(pixels.min()),
            high=int(pixels.max()),
            grey=grey,
        )

    @property
    def grey(self) -> bool:
        """Whether all channels are equal in every picture."""
        return 1 in self._digests

    def as_channels(self, channels: int) -> None:
        """Give one channel from now on, which only grey pictures can, or three equal ones of grey ones."""
        if channels != self._stored and not self.grey:
            raise ValueError("pictures with colours have three channels")
        self._channels = channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each picture."""
        return (self._channels, *self._pictures.shape[1:])

    @property
    def digest(self) -> str:
        """SHA-256 of all pixels; of grey pictures with three equal channels, that of the one."""
        return self._digests.get(self._channels) or self._digests[1]

    @property
    def extremes(self) -> tuple[int, int]:
        """The smallest and the largest value of all pixels."""
        return self._extremes

    def __len__(self) -> int:
        return len(self._names)

    def rows(self, start: int, stop: int) -> Tensor:
        """Read pictures, uint8 (n, C, H, W); several threads may do so at once.

        Raises:
            DatasetError: a file has changed since it was looked at.
        """
        if self._held is not None:
            pixels = self._held[start:stop]
        elif stop - start <= _BATCH:
            pixels = self._read(start, stop)
        else:
            pixels = np.empty((stop - start, *self._pictures.shape), np.uint8)
            for at in range(start, stop, _BATCH):
                pixels[at - start : at - start + _BATCH] = self._read(at, min(at + _BATCH, stop))
        images = torch.from_numpy(pixels)
        if self._channels < self._stored:
            return images[:, :1].contiguous()
        return images.expand(-1, self._channels, -1, -1).contiguous()

    def _read(self, start: int, stop: int) -> NDArray[np.uint8]:
        names = self._names[start:stop]
        try:
            pixels, wrong = self._pictures.read(names, counted=False)
        except PictureSetError as error:
            raise DatasetError(*(f"{self._where}: {problem}" for problem in error.problems)) from error
        for name, row, checksum in zip(names, pixels, self._checksums[start:stop], strict=True):
            if name in wrong or zlib.crc32(row.data) != checksum:
                raise DatasetError(f"{self._where}: {name!r} has changed while it was read; try again")
        return pixels
