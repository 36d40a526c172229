"""CelebA's aligned and cropped faces, kept as a memory-mapped array."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Split
from ganbench.errors import DatasetError, did_you_mean
from ganbench.files.pictures import PictureError, read_pixels
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.bounds import Limit, Side
from ganbench.zoo.datasets.images_in_memory import kept
from ganbench.zoo.datasets.layouts import LAYOUTS
from ganbench.zoo.datasets.packed import Contents, Packed, Pictures, stamp_of
from ganbench.zoo.datasets.published import Published, damaged

_WIDTH, _HEIGHT = 178, 218
_IMAGES = "img_align_celeba"


class CelebA(Packed):
    """162,770 train and 19,962 test images of faces, RGB; the 19,867 of the valid split are left out."""

    def __init__(
        self,
        *,
        size: Side = 64,
        crop: Annotated[int, Interval(ge=4, le=_WIDTH)] | None = None,
        flip: bool = False,
        attribute: str | None = None,
        limit: Limit | None = None,
    ) -> None:
        """Open the array that was made of the files, or make it first.

        Args:
            size: side of the images, 4 to 1024.
            crop: side of the square that is cut from the centre first, at most 178; None for 178.
            flip: whether the train split is doubled by mirror images; see InMemoryImages.
            attribute: one of the 40, as `Smiling`: its two values are then classes, 1 where it holds.
            limit: train images that are kept.

        Raises:
            DatasetError: an option out of its range, a damaged file, or no data and no download.
        """
        published = _published()
        data = published.folder()

        def contents() -> Contents:
            with published.checked(data):
                return _contents(data, size=size, crop=crop, attribute=attribute, limit=limit)

        super().__init__(
            "celeba",
            key={
                "path": str(data.resolve()),
                "size": size,
                "crop": crop,
                "attribute": attribute,
                "limit": limit,
            },
            stamp=_stamp(data),
            flip=flip,
            contents=contents,
        )


def _published() -> Published:
    from torchvision.datasets import CelebA as Source

    def fetch(folder: Path) -> None:
        if importlib.util.find_spec("gdown") is None:
            raise RuntimeError("it needs gdown, which is not installed")
        try:
            Source(root=str(folder), download=True)
        except Exception as error:  # gdown has exceptions of its own
            raise RuntimeError(str(error)) from error

    return Published(
        layout=LAYOUTS["celeba"],
        urls=["https://drive.google.com/"],
        md5s={
            f"{Source.base_folder}/{file}": md5
            for _, md5, file in Source.file_list
            if not file.endswith(".zip")
        },
        fetch=fetch,
    )


def _stamp(data: Path) -> str:
    lists = [data / file for file in LAYOUTS["celeba"].files[:-1]]
    with os.scandir(data / LAYOUTS["celeba"].folder / _IMAGES) as entries:
        images = sorted((entry.name, entry.stat()) for entry in entries)
    return stamp_of([*((path.name, path.stat()) for path in lists), *images])


def _contents(
    data: Path, *, size: int, crop: int | None, attribute: str | None, limit: int | None
) -> Contents:
    from torchvision.datasets import CelebA as Source

    def read(split: Split) -> Pictures:
        found = Source(root=str(data), split=split)
        labels = None if attribute is None else _attribute(attribute, found.attr_names, found.attr)
        rows, labels = kept("celeba", split, labels, len(found.filename), chosen=None, limit=limit)
        names = found.filename if rows is None else [found.filename[row] for row in rows.tolist()]
        folder = data / Source.base_folder / _IMAGES
        return Pictures(count=len(names), pixels=_pixels(folder, names, size=size, crop=crop), labels=labels)

    return Contents(
        shape=(3, size, size),
        classes=None if attribute is None else 2,
        splits={"train": read("train"), "test": read("test")},
    )


def _attribute(attribute: str, names: Sequence[str], values: Tensor) -> Tensor:
    known = [name for name in names if name]
    if attribute not in known:
        raise DatasetError(
            f"dataset 'celeba': there is no attribute {attribute!r}{did_you_mean(attribute, known)}"
        )
    return values[:, known.index(attribute)].to(torch.int64)


def _pixels(
    folder: Path, names: Sequence[str], *, size: int, crop: int | None
) -> Iterator[NDArray[np.uint8]]:
    for name in names:
        try:
            found = read_pixels(folder / name)
        except PictureError as error:
            raise DatasetError(f"dataset 'celeba': {folder / name} {error}") from error
        if found.shape != (3, _HEIGHT, _WIDTH):
            raise damaged("celeba", folder / name, f"not {_WIDTH}x{_HEIGHT} RGB")
        yield fitted(found, crop=crop, size=size)
