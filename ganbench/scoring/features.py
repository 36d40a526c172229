"""Features of images, with the statistics that several metrics derive from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Features

Derived = Mapping[str, Tensor]

# Of a block of rows where features are read in blocks, 16 MiB.
BLOCK_NUMBERS = 2**22


class StoredFeatures(Protocol):
    """Features that lie in files because they are too many for the memory."""

    def blocks(self) -> Iterator[Tensor]:
        """Read the features in blocks of rows, in order."""

    def as_float64(self) -> NDArray[np.float64]:
        """Copy the features to a further file that is mapped, float64 (N, d), the caller's to change."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSet(Features):
    """Features of generated samples, with the statistics that metrics have derived from them.

    A generated side meets one reference only, so what depends on both may be kept here too.

    Attributes:
        cores: how many CPU cores a metric may use on it; no value depends on it.
    """

    cores: int = 1
    _derived: dict[str, Derived] = field(default_factory=dict, repr=False)

    @property
    def stored(self) -> StoredFeatures | None:
        """Themselves where they lie in files; None where they are in memory."""
        return None

    def once(self, name: str, compute: Callable[[], Derived]) -> Derived:
        """Compute tensors at the first call with this name; return the kept ones afterwards.

        Args:
            name: what it is, with every option that decides it.
            compute: gives tensors by name.
        """
        if name not in self._derived:
            self._derived[name] = compute()
        return self._derived[name]


class ClassSubset(FeatureSet):
    """The samples of one class of a set; statistics of them are kept by the whole set."""

    def __init__(self, whole: Features, label: int) -> None:
        """Bind a class of a set, whose features may not be computed before they are needed.

        Args:
            whole: with labels.
            label: the class.
        """
        # Not Features' own __init__, which would ask for the features.
        object.__setattr__(self, "_derived", {})
        self._whole = whole
        self._label = label

    @property
    def features(self) -> Tensor:
        """float32 (N, d), in the order of the whole."""
        return self._whole.features[self._chosen()]

    @property
    def logits(self) -> Tensor | None:
        """float32 (N, classes) where the extractor classifies, else None."""
        return None if self._whole.logits is None else self._whole.logits[self._chosen()]

    @property
    def labels(self) -> Tensor | None:
        """int64 (N,), all equal."""
        return None if self._whole.labels is None else self._whole.labels[self._chosen()]

    def once(self, name: str, compute: Callable[[], Derived]) -> Derived:
        """Compute tensors once; the whole set keeps them under the name and the class."""
        return cached(self._whole, f"{name} of class {self._label}", compute)

    def _chosen(self) -> Tensor:
        if self._whole.labels is None:
            raise ValueError("the samples have no labels")
        return self._whole.labels == self._label


def cached(features: Features, name: str, compute: Callable[[], Derived]) -> Derived:
    """Call `features.once` where it exists, else `compute` directly."""
    return features.once(name, compute) if isinstance(features, FeatureSet) else compute()


def usable_cores(features: Features) -> int:
    """Return how many CPU cores a metric may use on these features."""
    return features.cores if isinstance(features, FeatureSet) else 1


def rows(features: Features, minimum: int) -> Tensor:
    """Return the features, float32 (N, d), once they are known to be enough and finite.

    Raises:
        ValueError: they are fewer than `minimum`, or there is NaN or infinity among them.
    """
    found = features.features
    if len(found) < minimum:
        raise ValueError(f"features of at least {minimum} samples are needed, given {len(found)}")
    # numpy's is 20 times as fast as torch's.
    bad = 0
    stored = _stored(features)
    for block in _split(found) if stored is None else stored.blocks():
        finite = np.isfinite(block.numpy())
        bad += 0 if finite.all() else len(block) - int(finite.all(axis=1).sum())
    if bad:
        raise ValueError(f"the features of {bad} of {len(found)} samples are not finite")
    return found


def as_float64(features: Features, values: Tensor) -> NDArray[Any]:
    """Copy features to float64 (N, d), into a mapped file where they lie in files.

    Args:
        features: of some samples.
        values: their `features`.
    """
    stored = _stored(features)
    return values.numpy().astype(np.float64) if stored is None else stored.as_float64()


def _stored(features: Features) -> StoredFeatures | None:
    return features.stored if isinstance(features, FeatureSet) else None


def _split(values: Tensor) -> Iterator[Tensor]:
    if values.numel():
        yield from torch.split(values, max(1, BLOCK_NUMBERS // values.shape[1]))


def widths_of(batch: Features) -> tuple[int, int]:
    """Return how many features and how many logits each image has; 0 logits where there are none."""
    return batch.features.shape[1], 0 if batch.logits is None else batch.logits.shape[1]


def require_same_widths(batch: Features, widths: tuple[int, int]) -> None:
    """Refuse a batch that has not as many features and logits of each image as those before it.

    Raises:
        TypeError: it has more, fewer or none.
    """
    if widths_of(batch) != widths:
        raise TypeError("an extractor must give equally many features and logits of each image")


def require_equal_width(generated: int, reference: int) -> None:
    """Refuse features that cannot be compared.

    Raises:
        ValueError: the two sides have different numbers of them.
    """
    if generated != reference:
        raise ValueError(
            f"both sides need equally many features: {generated} of a generated sample, "
            f"{reference} of one of the reference"
        )
