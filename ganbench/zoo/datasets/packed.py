"""Data sets of pictures in a memory-mapped array, which is built once.

The array lies below GANBENCH_CACHE, with a card beside it: what it was made of, and the digest of its pixels.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError, StoreError
from ganbench.files.atomic import TEMPORARY_SUFFIX, make_folder, write_folder
from ganbench.files.cache import cache_folder
from ganbench.files.canonical import sha256_of
from ganbench.files.file_locks import waiting_lock
from ganbench.files.tensors import read_only_tensor, read_state, write_state
from ganbench.zoo.datasets.fingerprint import heading

_SPLITS: tuple[Split, Split] = ("train", "test")
_PIXELS, _CARD = "pixels.npy", "card.safetensors"
# To be raised where an array comes out otherwise than before: older ones are then made anew.
_FORMAT = 1
# How a file system says that nothing may be written there.
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """One split before it is packed.

    Attributes:
        count: number of images; 0 for a split that there is not.
        pixels: uint8 (C, H, W) of each, made while they are asked for.
        labels: int64 (count,), or None.
    """

    count: int
    pixels: Iterable[NDArray[np.uint8]]
    labels: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A data set before it is packed.

    Attributes:
        shape: of one image.
        classes: number of classes where it has labels.
        splits: `train`, with at least one image, and `test`.
        facts: gives what else is kept of it, JSON values, once all pixels were asked for.
    """

    shape: tuple[int, int, int]
    classes: int | None
    splits: Mapping[Split, Pictures]
    facts: Callable[[], Mapping[str, Any]] = dict


class Packed:
    """Both splits of pictures that are kept as one array on disk.

    The fingerprint is that of the pixels and labels, as of a data set in memory, worked out while the array
    is made: the same pictures have the same one wherever they lie and whenever they were written. That the
    array is still of these pictures is known by the stamp, for which no picture is opened; that nobody has
    written to the array since, by its size and time.

    Attributes:
        signature: what one image looks like.
        fingerprint: of the content.
        facts: what `Contents.facts` gave when the array was made.
    """

    def __init__(
        self, name: str, *, key: Mapping[str, Any], stamp: str, flip: bool, contents: Callable[[], Contents]
    ) -> None:
        """Open the array, or make it first.

        Args:
            name: the data set's.
            key: where the pictures are and what is made of them, JSON values: it names the array's place.
            stamp: changes when the pictures do; an array with another one is made anew.
            flip: whether each image of the train split is followed by its mirror image.
            contents: gives the pictures; called only where the array has to be made.

        Raises:
            DatasetError: the array cannot be kept, or a picture cannot be read.
        """
        self._name = name
        record = {"format": _FORMAT, "key": {"dataset": name, "flip": flip, **key}, "stamp": stamp}
        # The decoders are Pillow's.
        record["pillow"] = PIL.__version__
        try:
            self._splits, card = _found(name, record, contents, flip=flip)
        except (OSError, StoreError) as error:
            raise DatasetError(
                f"dataset {name!r}: its pixels cannot be kept: {error}; "
                "GANBENCH_CACHE names another place for them"
            ) from error
        self.signature = Signature(
            shape=tuple(self._splits["train"].x.shape[1:]), kind="image", classes=card["classes"]
        )
        self.fingerprint: str = card["fingerprint"]
        self.facts: Mapping[str, Any] = card["facts"]

    def load(self, split: Split) -> Samples:
        """Return images uint8 (N, C, H, W), memory-mapped and read-only; labels int64 (N,), or None.

        Raises:
            DatasetError: there is no such split.
        """
        if not len(self._splits[split]):
            raise DatasetError(f"dataset {self._name!r}: has no {split} split, which a metric asks for")
        return self._splits[split]


def stamp_of(files: Iterable[tuple[str, os.stat_result]]) -> str:
    """Digest names, sizes and times of files; none of them is opened.

    The time of the last change of status is among them where there is one: no program can set it back.

    Args:
        files: name and status of each, in a fixed order.
    """
    digest = hashlib.sha256()
    for name, status in files:
        times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(f"{name}\0{times}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _found(
    name: str, record: Mapping[str, Any], contents: Callable[[], Contents], *, flip: bool
) -> tuple[dict[Split, Samples], Mapping[str, Any]]:
    """Open the array, or make it: in the cache, else in a temporary file that ends with this process."""
    cache = cache_folder()
    if cache is not None:
        place = cache / "images" / sha256_of(record["key"])
        if (found := _opened(place, record)) is not None:
            return found
        try:
            make_folder(place.parent)
            with waiting_lock(place.with_suffix(".lock")):
                # Another process may have been faster.
                return _opened(place, record) or _made(name, place, record, contents(), flip=flip)
        except (OSError, StoreError) as error:
            if getattr(error.__cause__ or error, "errno", None) not in _NO_RIGHT:
                raise
    with tempfile.TemporaryFile() as file:
        labels, card = _write(name, file, contents(), flip=flip)
        shape = (sum(card["counts"].values()), *card["shape"])
        start = file.tell() - math.prod(shape)
        mapped = np.memmap(file, dtype=np.uint8, mode="r", offset=start, shape=shape)
    return _split(mapped, card, labels), card


def _opened(place: Path, record: Mapping[str, Any]) -> tuple[dict[Split, Samples], dict[str, Any]] | None:
    """Open the splits and the card; None where there is no such array, or another one."""
    try:
        labels, card = read_state(place / _CARD)
        status = (place / _PIXELS).stat()
        if any(card.get(name) != value for name, value in record.items()):
            return None
        if [status.st_size, status.st_mtime_ns] != card["written"]:
            return None
        # Mapped as it is, shared and read-only: a private mapping counts as memory, and may be refused.
        mapped = np.load(place / _PIXELS, mmap_mode="r", allow_pickle=False)
        counts: dict[Split, int] = {split: card["counts"][split] for split in _SPLITS}
        # Arrays of earlier versions have none.
        card.setdefault("facts", {})
        if mapped.dtype != np.uint8 or list(mapped.shape) != [sum(counts.values()), *card["shape"]]:
            return None
    except (StoreError, OSError, ValueError, KeyError, TypeError):
        return None
    return _split(mapped, card, labels), card


def _split(
    mapped: NDArray[np.uint8], card: Mapping[str, Any], labels: Mapping[str, Tensor]
) -> dict[Split, Samples]:
    x = read_only_tensor(mapped)
    parts = zip(_SPLITS, torch.split(x, [card["counts"][split] for split in _SPLITS]), strict=True)
    return {split: Samples(x=part, labels=labels.get(split)) for split, part in parts}


def _made(
    name: str, place: Path, record: Mapping[str, Any], contents: Contents, *, flip: bool
) -> tuple[dict[Split, Samples], dict[str, Any]]:
    """Make the array anew, as the only process that does."""
    for old in (place, *place.parent.glob(f".{place.name}.*{TEMPORARY_SUFFIX}")):
        if old.exists():
            shutil.rmtree(old)
    write_folder(place, lambda folder: _fill(name, folder, record, contents, flip=flip))
    found = _opened(place, record)
    if found is None:
        raise StoreError(f"{place}: is not what was written there")
    return found


def _fill(name: str, folder: Path, record: Mapping[str, Any], contents: Contents, *, flip: bool) -> None:
    path = folder / _PIXELS
    with path.open("xb") as file:
        labels, card = _write(name, file, contents, flip=flip)
        file.flush()
        os.fsync(file.fileno())
    status = path.stat()
    written = {"written": [status.st_size, status.st_mtime_ns]}
    write_state(folder / _CARD, labels, {**record, **card, **written})


def _write(
    name: str, file: BinaryIO, contents: Contents, *, flip: bool
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Write the pixels of both splits as one .npy file; return their labels and what is known of them."""
    repeats = {"train": 2 if flip else 1, "test": 1}
    counts = {split: repeats[split] * contents.splits[split].count for split in _SPLITS}
    labels = {
        split: pictures.labels.repeat_interleave(repeats[split])
        for split, pictures in contents.splits.items()
        if pictures.labels is not None and counts[split]
    }
    digest = hashlib.sha256()
    with _progress(name, sum(counts.values())) as advance:
        shape = (sum(counts.values()), *contents.shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for split in _SPLITS:
            if not counts[split]:
                continue
            digest.update(heading((torch.uint8, (counts[split], *contents.shape))))
            for pixels in contents.splits[split].pixels:
                for version in (pixels, pixels[:, :, ::-1])[: repeats[split]]:
                    row = version.tobytes()
                    file.write(row)
                    digest.update(row)
                    advance()
            own = labels.get(split)
            digest.update(heading(own if own is None else (own.dtype, tuple(own.shape))))
            if own is not None:
                digest.update(own.numpy().data)
            digest.update(heading(None))
    card = {
        "shape": list(contents.shape),
        "counts": counts,
        "classes": contents.classes,
        "fingerprint": digest.hexdigest(),
        "facts": dict(contents.facts()),
    }
    return {str(split): own for split, own in labels.items()}, card


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr, where that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(f"{name}: reading {total} images, once", total=total)
        yield lambda: bars.advance(task)
