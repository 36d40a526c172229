"""Stacked MNIST: a thousand modes, known by name."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.zoo.datasets.bounds import Seed
from ganbench.zoo.datasets.fingerprint import fingerprint_of
from ganbench.zoo.datasets.mnist import MnistLike
from ganbench.zoo.datasets.point_sets import stream

# Above it the splits take 10 GB.
MAX_IMAGES = 3_500_000
_TEST_SHARE = 5


class StackedMnist:
    """Images (3, 28, 28), each channel a picture of a 28x28 set, drawn independently with replacement.

    The train split is drawn from the source's train split, the test split, a fifth as large, from its test
    split. The class is 100 a + 10 b + c, of the classes of red, green and blue: 1,000 modes.

    Attributes:
        channel_source: the data set that each channel is a picture of.
    """

    def __init__(
        self,
        *,
        source: Literal["mnist", "kmnist", "fashion_mnist"] = "mnist",
        samples: Annotated[int, Interval(ge=1, le=MAX_IMAGES)] = 128_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits.

        Args:
            source: `mnist`, `kmnist` or `fashion_mnist`.
            samples: number of train images.
            seed: of the draws.

        Raises:
            DatasetError: the source is not there.
        """
        self.channel_source = MnistLike(source)
        splits: tuple[tuple[Split, int], ...] = (("train", samples), ("test", -(-samples // _TEST_SHARE)))
        self._splits = {
            split: self._drawn(split, size, seed, index) for index, (split, size) in enumerate(splits)
        }
        self.signature = Signature(shape=(3, 28, 28), kind="image", classes=1000)
        self.fingerprint = fingerprint_of(self._splits.values())

    def load(self, split: Split) -> Samples:
        """Return images uint8 (N, 3, 28, 28) and labels int64 (N,), 0 to 999."""
        return self._splits[split]

    def _drawn(self, split: Split, size: int, seed: int, index: int) -> Samples:
        pictures = self.channel_source.load(split)
        assert pictures.labels is not None
        chosen = torch.from_numpy(stream(seed, index).randint(len(pictures), size=(size, 3)))
        digits = pictures.labels[chosen]
        return Samples(x=pictures.x[:, 0][chosen], labels=digits @ torch.tensor([100, 10, 1]))
