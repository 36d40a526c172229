"""CIFAR-10, CIFAR-100 and SVHN: photographs of 32 pixels, read by torchvision."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganbench.api.data import Split
from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Classes, Limit, Side
from ganbench.zoo.datasets.images_in_memory import InMemoryImages
from ganbench.zoo.datasets.layouts import LAYOUTS
from ganbench.zoo.datasets.published import Archive, Published


class Cifar(InMemoryImages):
    """`cifar10` or `cifar100`: 50,000 train and 10,000 test images (3, 32, 32), uint8; 100 fine classes."""

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
            lambda: _read_cifar(name),
            classes=10 if name == "cifar10" else 100,
            size=size,
            flip=flip,
            chosen=classes,
            limit=limit,
        )


def _read_cifar(name: str) -> dict[Split, Samples]:
    from torchvision import datasets

    source: Any = getattr(datasets, name.upper())
    files = [*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])]
    published = Published(
        layout=LAYOUTS[name],
        urls=[source.url],
        md5s={f"{source.base_folder}/{file}": md5 for file, md5 in files},
        fetch=lambda folder: source(root=str(folder), download=True),
        archives=[Archive(path=source.filename, urls=[source.url], md5=source.tgz_md5)],
    )
    data = published.folder()

    def read(split: Split) -> Samples:
        found = source(root=str(data), train=split == "train")
        pixels = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))
        return Samples(x=torch.from_numpy(pixels), labels=torch.tensor(found.targets, dtype=torch.int64))

    with published.checked(data):
        return {"train": read("train"), "test": read("test")}


class Svhn(InMemoryImages):
    """73,257 train and 26,032 test images (3, 32, 32), uint8; the class is the digit in the middle.

    The additional 531,131 easier images of the `extra` split are left out.
    """

    def __init__(
        self,
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
        super().__init__("svhn", _read_svhn, classes=10, size=size, flip=flip, chosen=classes, limit=limit)


def _read_svhn() -> dict[Split, Samples]:
    from torchvision.datasets import SVHN

    splits: tuple[Split, ...] = ("train", "test")
    files = [SVHN.split_list[split] for split in splits]
    published = Published(
        layout=LAYOUTS["svhn"],
        urls=[url for url, _, _ in files],
        md5s={file: md5 for _, file, md5 in files},
        archives=[Archive(path=file, urls=[url], md5=md5) for url, file, md5 in files],
        fetch=lambda folder: [SVHN(root=str(folder), split=split, download=True) for split in splits],
    )
    data = published.folder()

    def read(split: Split) -> Samples:
        found = SVHN(root=str(data), split=split)
        return Samples(
            x=torch.from_numpy(np.ascontiguousarray(found.data)), labels=torch.from_numpy(found.labels)
        )

    with published.checked(data):
        return {split: read(split) for split in splits}
