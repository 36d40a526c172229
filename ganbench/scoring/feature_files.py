"""Features on disk, written batch by batch, so that an extraction that was ended goes on where it was."""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Features
from ganbench.errors import StoreError
from ganbench.files.atomic import write_folder
from ganbench.files.mapped_files import map_array
from ganbench.scoring.features import (
    BLOCK_NUMBERS,
    FeatureSet,
    StoredFeatures,
    require_same_widths,
    widths_of,
)

# Features, or logits, that are no more are read into memory, 64 MiB.
MAX_NUMBERS_IN_MEMORY = 2**24
_FEATURES, _LOGITS, _BATCHES = "features.float32", "logits.float32", "batches"
_FLOAT64 = "features.float64"
_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """A line of the list of batches: what was written, and the checksum of its bytes."""

    rows: int
    width: int
    classes: int
    checksum: int

    def line(self) -> str:
        return f"{self.rows} {self.width} {self.classes} {self.checksum:08x}\n"

    @classmethod
    def read(cls, line: str) -> _Batch:
        rows, width, classes, checksum = line.split()
        return cls(rows=int(rows), width=int(width), classes=int(classes), checksum=int(checksum, 16))


class FeatureFiles:
    """The features of some images, and their logits where there are any, in a folder.

    Attributes:
        rows: how many are there.
    """

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        """Find what is there already.

        Args:
            folder: their own, which exists; what it holds was made under the same conditions.
            kept: where a copy is kept once all are there, if they are too many for the memory and for a cache
                of tensors; a copy that is there already is taken over. Nowhere unless given.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        self._folder, self._kept = folder, kept
        self.rows = self._last_rows = 0
        self._width = self._classes = 0
        with self._refusals():
            taken_over = kept is not None and kept.is_dir() and not (folder / _BATCHES).exists()
            if kept is not None and taken_over:
                # One that lacks a file is damaged: without the last, the list of batches, nothing is there.
                with contextlib.suppress(FileNotFoundError):
                    _copy(kept, folder)
            self._restore()
        self._taken_over = self.rows if taken_over else None

    def append(self, batch: Features) -> None:
        """Write the features of further images.

        Raises:
            StoreError: the file system refuses.
            TypeError: they have another width than those before.
        """
        features = _bytes_of(batch.features)
        logits = b"" if batch.logits is None else _bytes_of(batch.logits)
        if self.rows:
            require_same_widths(batch, (self._width, self._classes))
        rows, (width, classes) = len(batch.features), widths_of(batch)
        checksum = zlib.crc32(logits, zlib.crc32(features))
        done = _Batch(rows=rows, width=width, classes=classes, checksum=checksum)
        with self._refusals():
            for name, content in ((_FEATURES, features), (_LOGITS, logits)):
                if content:
                    with open(self._folder / name, "ab") as file:
                        file.write(content)
            with open(self._folder / _BATCHES, "a", encoding="ascii") as file:
                file.write(done.line())
        self.rows += rows
        self._last_rows = rows
        self._width, self._classes = width, classes

    def last(self) -> Features:
        """Read the batch that was written last; there must be one.

        Raises:
            StoreError: it cannot be read.
        """
        with self._refusals():
            return self._from(self.rows - self._last_rows)

    def clear(self) -> None:
        """Remove all features, as of an extractor that cannot go on from them.

        Raises:
            StoreError: the file system refuses.
        """
        with self._refusals():
            (self._folder / _BATCHES).unlink()
            self.rows = self._last_rows = 0
            self._restore()

    def features(self) -> Features:
        """Give all that were written: in memory where they are few, else mapped.

        Raises:
            StoreError: they cannot be read.
        """
        with self._refusals():
            if self.rows * max(self._width, self._classes) <= MAX_NUMBERS_IN_MEMORY:
                return self._from(0)
        self._keep()
        return FeaturesOnDisk(self)

    def mapped(self, *, logits: bool = False) -> Tensor | None:
        """Map the features or the logits, float32 (N, d); None for logits that there are none of."""
        width = self._classes if logits else self._width
        if not width:
            return None
        path = self._folder / (_LOGITS if logits else _FEATURES)
        with self._refusals():
            return torch.from_numpy(map_array(path, np.float32, (self.rows, width)))

    def as_float64(self) -> NDArray[np.float64]:
        """Copy the features to a further file, and map it, float64 (N, d); it lasts as long as the array.

        Raises:
            StoreError: the file system refuses.
        """
        path = self._folder / _FLOAT64
        with self._refusals():
            try:
                with open(path, "wb") as file:
                    for block in self.blocks():
                        file.write(block.numpy().astype(np.float64).data)
                return map_array(path, np.float64, (self.rows, self._width))
            finally:
                path.unlink(missing_ok=True)

    def blocks(self) -> Iterator[Tensor]:
        """Read the features in blocks of rows, in order.

        Raises:
            StoreError: they cannot be read.
        """
        count = max(1, BLOCK_NUMBERS // self._width)
        with self._refusals(), open(self._folder / _FEATURES, "rb") as file:
            for start in range(0, self.rows, count):
                rows = min(count, self.rows - start)
                block = np.fromfile(file, np.float32, rows * self._width)
                yield torch.from_numpy(block.reshape(rows, self._width))

    def _restore(self) -> None:
        """Take the batches that are whole, and cut off what stands behind them."""
        listing = self._folder / _BATCHES
        lines = listing.read_text("ascii", "replace").splitlines(True) if listing.exists() else []
        kept: list[str] = []
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(open(self._folder / name, "a+b")) for name in (_FEATURES, _LOGITS)]
            for file in files:
                file.seek(0)
            for line in lines:
                batch = self._whole(line, *files)
                if batch is None:
                    break
                kept.append(line)
                self._width, self._classes = batch.width, batch.classes
                self._last_rows = batch.rows
                self.rows += batch.rows
            for file, width in zip(files, (self._width, self._classes), strict=True):
                file.truncate(self.rows * width * _BYTES)
        temporary = listing.with_suffix(".new")
        temporary.write_text("".join(kept), "ascii")
        os.replace(temporary, listing)

    def _whole(self, line: str, features: BinaryIO, logits: BinaryIO) -> _Batch | None:
        """Read the next batch of the list; None where it is not as it was written."""
        try:
            batch = _Batch.read(line)
        except ValueError:
            return None
        others = self.rows and (batch.width, batch.classes) != (self._width, self._classes)
        if others or batch.rows < 1 or batch.width < 1 or batch.classes < 0 or not line.endswith("\n"):
            return None
        checksum = 0
        for file, width in ((features, batch.width), (logits, batch.classes)):
            size = batch.rows * width * _BYTES
            if size > os.fstat(file.fileno()).st_size - file.tell():
                return None
            checksum = zlib.crc32(file.read(size), checksum)
        return batch if checksum == batch.checksum else None

    def _from(self, start: int) -> Features:
        features, logits = (
            _read(self._folder / name, start, self.rows, width) if width else None
            for name, width in ((_FEATURES, self._width), (_LOGITS, self._classes))
        )
        assert features is not None
        return Features(features=features, logits=logits)

    def _keep(self) -> None:
        """Copy what is there to where it is kept; where the file system refuses, it is made again."""
        if self._kept is None or self._taken_over == self.rows:
            return
        with contextlib.suppress(StoreError):
            if self._taken_over is not None:
                # The copy was damaged.
                shutil.rmtree(self._kept, ignore_errors=True)
            write_folder(self._kept, lambda folder: _copy(self._folder, folder))

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self._folder}: features cannot be kept there: {error.strerror or error}"
            ) from error


class FeaturesOnDisk(FeatureSet):
    """Features that are too many to be held in memory; each access maps their file anew.

    What is written to them stays with them, as with those in memory.
    """

    def __init__(self, files: FeatureFiles, labels: Tensor | None = None, cores: int = 1) -> None:
        """Bind the files.

        Args:
            files: complete, at least one row.
            labels: int64 (N,), or None.
            cores: how many CPU cores a metric may use on them.
        """
        # Not Features' own __init__, which would ask for the features.
        object.__setattr__(self, "_derived", {})
        object.__setattr__(self, "cores", cores)
        self._files = files
        self._labels = labels

    @property
    def features(self) -> Tensor:
        """float32 (N, d), mapped."""
        found = self._files.mapped()
        assert found is not None
        return found

    @property
    def logits(self) -> Tensor | None:
        """float32 (N, classes), mapped, where the extractor classifies, else None."""
        return self._files.mapped(logits=True)

    @property
    def labels(self) -> Tensor | None:
        """int64 (N,), or None."""
        return self._labels

    @property
    def stored(self) -> StoredFeatures:
        """The files."""
        return self._files

    def as_side(self, labels: Tensor | None, cores: int) -> FeaturesOnDisk:
        """Give the same features with labels; see `as_side`."""
        return FeaturesOnDisk(self._files, labels, cores)


def as_side(found: Features, labels: Tensor | None = None, cores: int = 1) -> FeatureSet:
    """Make a side of a comparison of what an extractor gave.

    Args:
        found: its features.
        labels: int64 (N,), or None.
        cores: how many CPU cores a metric may use on them.
    """
    if isinstance(found, FeaturesOnDisk):
        return found.as_side(labels, cores)
    return FeatureSet(features=found.features, logits=found.logits, labels=labels, cores=cores)


def _copy(source: Path, target: Path) -> None:
    # The list of batches last: what it does not name is not there.
    for name in (_FEATURES, _LOGITS, _BATCHES):
        shutil.copyfile(source / name, target / name)


def _bytes_of(values: Tensor) -> bytes:
    return values.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()


def _read(path: Path, start: int, stop: int, width: int) -> Tensor:
    # The layout of a result that never was on disk: BLAS must take the same path to the same bits.
    found = torch.empty(stop - start, width)
    with open(path, "rb") as file:
        file.seek(start * width * _BYTES)
        if file.readinto(found.numpy().data.cast("B")) != found.numel() * _BYTES:
            raise OSError(f"{path.name} is cut short")
    return found
