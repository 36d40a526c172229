"""STL-10, as torchvision reads it, kept as a memory-mapped array."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.bounds import Classes, Limit, Side, refuse, subset
from ganbench.zoo.datasets.images_in_memory import kept
from ganbench.zoo.datasets.layouts import LAYOUTS
from ganbench.zoo.datasets.packed import Contents, Packed, Pictures, stamp_of
from ganbench.zoo.datasets.published import Archive, Published

_SIDE = 96


class Stl10(Packed):
    """5,000 train and 8,000 test images (3, 96, 96) of ten classes, or 100,000 train images of none."""

    def __init__(
        self,
        *,
        unlabeled: bool = False,
        size: Side | None = None,
        flip: bool = False,
        classes: Classes | None = None,
        limit: Limit | None = None,
    ) -> None:
        """Open the array that was made of the files, or make it first; for other options see InMemoryImages.

        Args:
            unlabeled: whether the train split is the 100,000 images without labels, which GANs are mostly
                trained on; there are then no labels in the test split either.
            size: side of the images.
            flip: whether the train split is doubled by mirror images.
            classes: those that are kept.
            limit: train images that are kept.

        Raises:
            DatasetError: an option out of its range, a damaged file, or no data and no download.
        """
        refuse("stl10", [subset("classes", classes, 10)])
        if unlabeled and classes is not None:
            refuse("stl10", ["classes cannot be given with unlabeled = true"])
        published = _published()
        data = published.folder()
        files = [data / file for file in LAYOUTS["stl10"].files]

        def contents() -> Contents:
            with published.checked(data):
                return _contents(data, unlabeled=unlabeled, size=size, chosen=classes, limit=limit)

        super().__init__(
            "stl10",
            key={
                "path": str(data.resolve()),
                "unlabeled": unlabeled,
                "size": size,
                "classes": None if classes is None else list(classes),
                "limit": limit,
            },
            stamp=stamp_of((file.name, file.stat()) for file in files),
            flip=flip,
            contents=contents,
        )


def _published() -> Published:
    from torchvision.datasets import STL10

    return Published(
        layout=LAYOUTS["stl10"],
        urls=[STL10.url],
        md5s={f"{STL10.base_folder}/{file}": md5 for file, md5 in STL10.train_list + STL10.test_list},
        fetch=lambda folder: STL10(root=str(folder), download=True),
        archives=[Archive(path=STL10.filename, urls=[STL10.url], md5=STL10.tgz_md5)],
    )


def _contents(
    data: Path, *, unlabeled: bool, size: int | None, chosen: tuple[int, ...] | None, limit: int | None
) -> Contents:
    from torchvision.datasets import STL10

    def read(split: Split) -> Pictures:
        found = STL10(root=str(data), split="unlabeled" if unlabeled and split == "train" else split)
        labels = None if unlabeled else torch.from_numpy(found.labels.astype(np.int64))
        available: NDArray[np.uint8] = found.data
        rows, labels = kept("stl10", split, labels, len(available), chosen=chosen, limit=limit)
        wanted = range(len(available)) if rows is None else rows.tolist()

        def pixels() -> Iterator[NDArray[np.uint8]]:
            for row in wanted:
                yield fitted(available[row], crop=None, size=size)

        return Pictures(count=len(wanted), pixels=pixels(), labels=labels)

    side_ = _SIDE if size is None else size
    classes = 10 if chosen is None else len(chosen)
    return Contents(
        shape=(3, side_, side_),
        classes=None if unlabeled else classes,
        splits={"train": read("train"), "test": read("test")},
    )
