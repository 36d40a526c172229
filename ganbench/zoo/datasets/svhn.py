"""Street View House Numbers in its cropped form, as torchvision reads it."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.api.data import Split
from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Classes, Limit, Side
from ganbench.zoo.datasets.images import Images
from ganbench.zoo.datasets.layouts import LAYOUTS
from ganbench.zoo.datasets.published import Published


class Svhn(Images):
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
        """Reads both splits; for the options see Images.

        Raises:
            DatasetError: an option out of its range, a damaged file, or no data and no download.
        """
        super().__init__("svhn", _read, classes=10, size=size, flip=flip, chosen=classes, limit=limit)


def _read() -> dict[Split, Samples]:
    from torchvision.datasets import SVHN

    splits: tuple[Split, ...] = ("train", "test")
    files = [SVHN.split_list[split] for split in splits]
    published = Published(
        layout=LAYOUTS["svhn"],
        urls=[url for url, _, _ in files],
        md5s={file: md5 for _, file, md5 in files},
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
