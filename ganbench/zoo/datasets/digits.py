"""scikit-learn's handwritten digits."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import Classes, Limit, Side
from ganbench.zoo.datasets.images_in_memory import InMemoryImages

_CLASSES = 10
# In scikit-learn's package: a row per image, its 64 pixels and its class.
_FILE = Path("datasets", "data", "digits.csv.gz")
_SHAPE = (1797, 65)


class Digits(InMemoryImages):
    """1,797 images (1, 8, 8) of ten classes, uint8.

    scikit-learn's values 0..16 are spread over 0..255 and rounded. The samples of each class are counted in
    scikit-learn's order and every fifth (the 5th, 10th, ...) is a test sample: 1,442 train and 355 test
    samples, the classes in proportion, neighbours by the same hand in both. No random numbers are involved.
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
            DatasetError: an option out of its range.
        """
        super().__init__("digits", _read, classes=_CLASSES, size=size, flip=flip, chosen=classes, limit=limit)


def _read() -> dict[Split, Samples]:
    images, labels = read_table(_installed_at())
    pixels = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    place = np.empty(len(labels), dtype=np.int64)
    for label in range(_CLASSES):
        of_class = labels == label
        place[of_class] = np.arange(of_class.sum())
    is_test = place % 5 == 4

    def split(chosen: NDArray[np.bool_]) -> Samples:
        return Samples(
            x=torch.from_numpy(pixels[chosen]), labels=torch.from_numpy(labels[chosen].astype(np.int64))
        )

    return {"train": split(~is_test), "test": split(is_test)}


def read_table(package: Path | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read the images (1797, 64), 0 to 16, and the classes (1797,) that `sklearn.datasets.load_digits` gives.

    Importing scikit-learn takes each process longer than a small training, so its file is read where it lies.

    Args:
        package: the folder of scikit-learn. Where it is None, or has no such file, scikit-learn is asked.
    """
    if package is not None and (package / _FILE).is_file():
        with gzip.open(package / _FILE, "rt", encoding="utf-8") as stream:
            table = np.loadtxt(stream, delimiter=",")
        if table.shape == _SHAPE:
            return table[:, :-1], table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images, labels.astype(np.int64)


def _installed_at() -> Path | None:
    spec = find_spec("sklearn")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
