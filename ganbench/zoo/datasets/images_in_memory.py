"""Data sets of pictures that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.bounds import count, refuse, subset
from ganbench.zoo.datasets.fingerprint import fingerprint_of

Read = Callable[[], Mapping[Split, Samples]]


class InMemoryImages:
    """Both splits in memory, uint8, with labels, after the options.

    The options come in this order: `classes`, `limit`, `size`, `flip`. The fingerprint is that of the result.
    """

    def __init__(
        self,
        name: str,
        read: Read,
        *,
        classes: int,
        size: int | None,
        flip: bool,
        chosen: tuple[int, ...] | None,
        limit: int | None,
    ) -> None:
        """Read both splits and apply the options.

        Args:
            name: the data set's, for messages.
            read: gives both splits whole, labelled from 0 to `classes` - 1.
            classes: how many there are.
            size: side to which the images are resized (see `fitted`), 4 to 1024.
            flip: whether the train split is doubled, each image followed by its mirror image. It is a real
                side with both too: a generator of a mirrored set makes mirrored pictures. The test split
                stays as it is.
            chosen: the classes that are kept, in both splits; they are numbered anew in this order.
            limit: number of images of the train split that are kept, the first ones; the test split stays
                whole, so that what is measured on it stays comparable.

        Raises:
            DatasetError: classes that are not there, or a limit above the number of images.
        """
        refuse(name, [subset("classes", chosen, classes)])
        splits = dict(read())
        for split, samples in splits.items():
            rows, labels = kept(name, split, samples.labels, len(samples), chosen=chosen, limit=limit)
            x = samples.x if rows is None else samples.x[rows]
            if size is not None:
                x = _resized(x, size)
            if flip and split == "train":
                x = torch.stack([x, x.flip(3)], dim=1).flatten(0, 1)
                labels = None if labels is None else labels.repeat_interleave(2)
            splits[split] = Samples(x=x.contiguous(), labels=labels)
        self._splits = splits
        self.signature = Signature(
            shape=tuple(splits["train"].x.shape[1:]),
            kind="image",
            classes=classes if chosen is None else len(chosen),
        )
        self.fingerprint = fingerprint_of(splits[split] for split in ("train", "test"))

    def load(self, split: Split) -> Samples:
        """Return images uint8 (N, C, H, W) and labels int64 (N,)."""
        return self._splits[split]


def kept(
    name: str,
    split: Split,
    labels: Tensor | None,
    available: int,
    *,
    chosen: tuple[int, ...] | None,
    limit: int | None,
) -> tuple[Tensor | None, Tensor | None]:
    """Choose which images of a split remain.

    Args:
        name: the data set's, for messages.
        split: which; `limit` is of the train split.
        labels: int64 (N,), or None.
        available: N.
        chosen: classes that are kept, or None for all.
        limit: how many are kept at most, or None for all.

    Returns:
        Their rows, or None where all remain; and their labels.

    Raises:
        DatasetError: none remain, or fewer than `limit`.
    """
    rows: Tensor | None = None
    if chosen is not None and labels is not None:
        renumbered = torch.full((max(int(labels.max()), *chosen) + 1,), -1, dtype=torch.int64)
        renumbered[list(chosen)] = torch.arange(len(chosen))
        labels = renumbered[labels]
        rows = (labels >= 0).nonzero().squeeze(1)
        available, labels = len(rows), labels[rows]
        if available == 0:
            raise DatasetError(f"dataset {name!r}: the {split} split has no images of classes {list(chosen)}")
    if limit is not None and split == "train":
        refuse(name, [count("limit", limit, available)])
        rows = torch.arange(limit) if rows is None else rows[:limit]
        labels = None if labels is None else labels[:limit]
    return rows, labels


def _resized(x: Tensor, size: int) -> Tensor:
    if x.shape[2:] == (size, size):
        return x
    made = np.empty((len(x), x.shape[1], size, size), dtype=np.uint8)
    for index, image in enumerate(x.numpy()):
        made[index] = fitted(image, crop=None, size=size)
    return torch.from_numpy(made)
