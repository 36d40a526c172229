"""MNIST, KMNIST and Fashion-MNIST: 28x28 grey pictures of ten classes, in four IDX files."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.api.players import Samples
from ganbench.errors import DatasetError
from ganbench.zoo.datasets.bounds import Classes, Limit, Side
from ganbench.zoo.datasets.images_in_memory import InMemoryImages
from ganbench.zoo.datasets.layouts import IDX_FILES, LAYOUTS
from ganbench.zoo.datasets.published import (
    Archive,
    Published,
    damaged,
    data_folder,
    require_regular,
    required_data_folder,
)

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_SOURCES = {"mnist": "MNIST", "kmnist": "KMNIST", "fashion_mnist": "FashionMNIST"}
_CLASSES = 10
_SIDE = 28
# None of the three has more images in a split: a file that announces more is another one.
_MAX_IMAGES = 70_000


class MnistLike(InMemoryImages):
    """`mnist`, `kmnist` or `fashion_mnist`: 60,000 train and 10,000 test images (1, 28, 28), uint8.

    Looked for in the data folder, packed or not, and fashion_mnist then where Debian's package
    dataset-fashion-mnist puts it; downloaded only where it is in none of these.
    """

    def __init__(
        self,
        name: str,
        *,
        size: Side | None = None,
        flip: bool = False,
        classes: Classes | None = None,
        limit: Limit | None = None,
    ) -> None:
        """Read both splits; for the options see InMemoryImages.

        Raises:
            DatasetError: an option out of its range, a damaged file, or no data and no download.
        """
        super().__init__(
            name,
            lambda: _read(name),
            classes=_CLASSES,
            size=size,
            flip=flip,
            chosen=classes,
            limit=limit,
        )


def _read(name: str) -> dict[Split, Samples]:
    data = data_folder()
    own = [] if data is None else [data / LAYOUTS[name].folder]
    debian = [DEBIAN_FOLDER] if name == "fashion_mnist" else []
    for folder in (*own, *debian):
        if all(_file(name, folder, file) for file in IDX_FILES):
            return _load(name, folder)
    data = required_data_folder(name)
    _published(name).download(data)
    return _load(name, data / LAYOUTS[name].folder)


def _published(name: str) -> Published:
    from torchvision import datasets

    source: Any = getattr(datasets, _SOURCES[name])
    return Published(
        layout=LAYOUTS[name],
        urls=source.mirrors,
        md5s={},
        fetch=lambda folder: source(root=str(folder), download=True),
        archives=[
            Archive(
                path=f"{source.__name__}/raw/{file}",
                urls=[f"{mirror}{file}" for mirror in source.mirrors],
                md5=md5,
            )
            for file, md5 in source.resources
        ],
        elsewhere=str(DEBIAN_FOLDER) if name == "fashion_mnist" else "",
    )


def _file(name: str, folder: Path, file: str) -> Path | None:
    """Find a file of a data set as it is or, where there is no such, packed."""
    places = (folder / file, folder / f"{file}.gz")
    for path in places:
        require_regular(name, path)
    return next((path for path in places if path.is_file()), None)


def _load(name: str, folder: Path) -> dict[Split, Samples]:
    def read(file: str, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], Path]:
        path = _file(name, folder, file)
        if path is None:
            raise DatasetError(f"dataset {name!r}: {folder / file} is missing")
        return read_idx(name, path, shape), path

    prefixes: tuple[tuple[Split, str], ...] = (("train", "train"), ("test", "t10k"))
    splits: dict[Split, Samples] = {}
    for split, prefix in prefixes:
        images, _ = read(f"{prefix}-images-idx3-ubyte", (_SIDE, _SIDE))
        labels, path = read(f"{prefix}-labels-idx1-ubyte", ())
        if len(images) != len(labels):
            raise damaged(name, path, f"{len(labels)} labels for {len(images)} images")
        if labels.max() >= _CLASSES:
            raise damaged(name, path, f"it has a label {labels.max()}, above {_CLASSES - 1}")
        splits[split] = Samples(
            x=torch.from_numpy(images).unsqueeze(1), labels=torch.from_numpy(labels.astype(np.int64))
        )
    return splits


def read_idx(name: str, path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, after its header was checked against its size.

    IDX: 0x00000801 (labels) or 0x00000803 (images), then each dimension, big-endian int32; then the bytes.

    Args:
        name: the data set's, for messages.
        path: the file; packed where it ends in `.gz`.
        shape: of one entry.

    Returns:
        (N, *shape), N at least 1.

    Raises:
        DatasetError: it cannot be read, or is damaged.
    """
    begin = 4 * (2 + len(shape))
    most = begin + _MAX_IMAGES * math.prod(shape)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            # A forged archive could unpack to any size: what is beyond the right size stays unread.
            content = file.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(name, path, str(error)) from error
    except OSError as error:
        raise DatasetError(f"dataset {name!r}: cannot read {path}: {error.strerror or error}") from error
    header = np.frombuffer(content[:begin], dtype=">i4") if len(content) >= begin else np.zeros(2, ">i4")
    if header[0] != 0x801 + len(shape) or tuple(header[2:]) != shape:
        raise damaged(name, path, "its header is not that of an IDX file of this kind")
    expected = begin + int(header[1]) * math.prod(shape)
    if header[1] < 1 or len(content) != expected:
        held = f"{len(content)} bytes" if len(content) <= most else f"more than {most} bytes"
        raise damaged(name, path, f"{held} where its header announces {expected}")
    # A copy: what is read from a bytes object cannot be written to, which torch warns of.
    return np.frombuffer(content, dtype=np.uint8, offset=begin).reshape(-1, *shape).copy()
