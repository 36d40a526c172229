"""Images that are read when they are wanted, and were all looked at once before."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.scoring.image_rows import begin_digest
from ganbench.scoring.side_by_side import side_by_side

# Images that take no more are kept in memory once they were read.
MAX_HELD_BYTES = 2**27
BATCH = 64
# Of a batch while all are looked at, so that many threads can.
_MAX_BATCH_BYTES = 2**23


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one batch is like."""

    pixels: NDArray[np.uint8]
    checksums: list[int]
    low: int
    high: int
    grey: bool


def fits_memory(size: int) -> bool:
    """Tell whether images of so many bytes are kept in memory."""
    return size <= MAX_HELD_BYTES


class CheckedRows(ABC):
    """Images of one shape that are known to be whole, as `ganbench.scoring.image_rows.ImageRows`.

    Those of more than 128 MiB are read anew each time, and held to the checksums of the first time.
    """

    def __init__(
        self,
        count: int,
        stored: tuple[int, ...],
        where: str,
        *,
        readers: int,
        told: Callable[[int, int], object],
    ) -> None:
        """Read every image once.

        Args:
            count: how many there are, at least one.
            stored: (C, H, W) of each, C 1 or 3.
            where: they are from, for messages.
            readers: threads that read.
            told: is told after each batch how many are done, and how many there are.
        """
        self._count, self._stored, self._where = count, stored, where
        self._channels = stored[0]
        self._checksums: list[int] = []
        self._digests: dict[int, str] = {}
        self._extremes = 255, 0
        size = int(np.prod(stored))
        self._held = np.empty((count, *stored), np.uint8) if fits_memory(count * size) else None
        self._look(max(1, min(BATCH, _MAX_BATCH_BYTES // size)), readers, told)

    @abstractmethod
    def _read(self, start: int, stop: int, *, first: bool) -> NDArray[np.uint8] | None:
        """Read images, (n, C, H, W); at the first time, None where one of them is broken."""

    @abstractmethod
    def _refuse_broken(self) -> None:
        """Raise the error of the images that were found to be broken, if any were."""

    @abstractmethod
    def _name(self, number: int) -> str:
        """Name an image in a message."""

    def _look(self, count: int, readers: int, told: Callable[[int, int], object]) -> None:
        height, width = self._stored[1:]
        digests = {
            channels: begin_digest(torch.uint8, (self._count, channels, height, width))
            for channels in {1, self._stored[0]}
        }
        starts = range(0, self._count, count)
        broken = False
        looks = side_by_side(lambda at: self._seen(at, min(at + count, self._count)), starts, readers)
        for start, seen in zip(starts, looks, strict=True):
            told(min(start + count, self._count), self._count)
            broken = broken or seen is None
            if broken or seen is None:
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
        self._refuse_broken()
        self._digests = {channels: digest.hexdigest() for channels, digest in digests.items()}

    def _seen(self, start: int, stop: int) -> _Seen | None:
        pixels = self._read(start, stop, first=True)
        if pixels is None:
            return None
        grey = len(pixels[0]) == 1 or all(np.array_equal(pixels[:, 0], pixels[:, at]) for at in (1, 2))
        return _Seen(
            pixels=pixels,
            checksums=[zlib.crc32(row.data) for row in pixels],
            low=int(pixels.min()),
            high=int(pixels.max()),
            grey=grey,
        )

    @property
    def grey(self) -> bool:
        """Whether all channels are equal in every image."""
        return 1 in self._digests

    def as_channels(self, channels: int) -> None:
        """Give one channel from now on, which only grey images can, or three equal ones of grey ones."""
        if channels != self._stored[0] and not self.grey:
            raise ValueError("images with colours have three channels")
        self._channels = channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each image."""
        return (self._channels, self._stored[1], self._stored[2])

    @property
    def digest(self) -> str:
        """SHA-256 of all pixels; of grey images with three equal channels, that of the one."""
        return self._digests.get(self._channels) or self._digests[1]

    @property
    def extremes(self) -> tuple[int, int]:
        """The smallest and the largest value of all pixels."""
        return self._extremes

    def __len__(self) -> int:
        return self._count

    def rows(self, start: int, stop: int) -> Tensor:
        """Read images, uint8 (n, C, H, W); several threads may do so at once.

        Raises:
            DatasetError: an image has changed since it was looked at.
        """
        if self._held is not None:
            pixels = self._held[start:stop]
        elif stop - start <= BATCH:
            pixels = self._read_again(start, stop)
        else:
            pixels = np.empty((stop - start, *self._stored), np.uint8)
            for at in range(start, stop, BATCH):
                pixels[at - start : at - start + BATCH] = self._read_again(at, min(at + BATCH, stop))
        images = torch.from_numpy(pixels)
        if self._channels < self._stored[0]:
            return images[:, :1].contiguous()
        return images.expand(-1, self._channels, -1, -1).contiguous()

    def _read_again(self, start: int, stop: int) -> NDArray[np.uint8]:
        pixels = self._read(start, stop, first=False)
        for number in range(start, stop):
            if pixels is None or zlib.crc32(pixels[number - start].data) != self._checksums[number]:
                raise DatasetError(
                    f"{self._where}: {self._name(number)} has changed while it was read; try again"
                )
        assert pixels is not None
        return pixels
