"""CIFAR-10 and CIFAR-100, as torchvision reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganbench.api.data import Split
from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Classes, Limit, Side
from ganbench.zoo.datasets.images import Images
from ganbench.zoo.datasets.layouts import LAYOUTS
from ganbench.zoo.datasets.published import Published


class Cifar(Images):
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
        """Reads both splits; for the options see Images.

        Raises:
            DatasetError: an option out of its range, a damaged file, or no data and no download.
        """
        super().__init__(
            name,
            lambda: _read(name),
            classes=10 if name == "cifar10" else 100,
            size=size,
            flip=flip,
            chosen=classes,
            limit=limit,
        )


def _read(name: str) -> dict[Split, Samples]:
    from torchvision import datasets

    source: Any = getattr(datasets, name.upper())
    files = [*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])]
    published = Published(
        layout=LAYOUTS[name],
        urls=[source.url],
        md5s={f"{source.base_folder}/{file}": md5 for file, md5 in files},
        fetch=lambda folder: source(root=str(folder), download=True),
    )
    data = published.folder()

    def read(split: Split) -> Samples:
        found = source(root=str(data), train=split == "train")
        pixels = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))
        return Samples(x=torch.from_numpy(pixels), labels=torch.tensor(found.targets, dtype=torch.int64))

    with published.checked(data):
        return {"train": read("train"), "test": read("test")}
