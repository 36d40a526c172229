"""The real side of a comparison, computed once and shared by cells, runs and metrics."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganbench.api.data import Dataset, Extractor, Features, Split
from ganbench.files.cache import Cache
from ganbench.scoring.extraction import Pace, extract
from ganbench.scoring.feature_files import FeaturesOnDisk
from ganbench.scoring.features import Derived, FeatureSet, StoredFeatures
from ganbench.scoring.image_rows import images_of
from ganbench.scoring.sample_features import features_key


class Reference(FeatureSet):
    """Features of a data set's split, with the statistics that metrics have derived, in memory and on disk.

    Nothing is computed, nor read, before a metric asks for it: Inception features of 60,000 images take half
    a gigabyte, and a Fréchet distance needs their mean and covariance only.
    """

    def __init__(
        self,
        key: Mapping[str, Any],
        compute: Callable[[], Features],
        labels: Callable[[], Tensor | None] = lambda: None,
    ) -> None:
        """Bind the key and the sources; nothing is computed yet.

        Args:
            key: everything that decides the features' bits, JSON values: content, never a name alone.
            compute: gives the features.
            labels: gives the data's labels, where there are any.
        """
        # Not Features' own __init__: features and logits are worked out here when they are asked for.
        object.__setattr__(self, "_derived", {})
        self._key = dict(key)
        self._compute = compute
        self._labels = labels
        self._cache = Cache("references")
        self._on_disk: FeaturesOnDisk | None = None

    @property
    def features(self) -> Tensor:
        """float32 (N, d)."""
        self._look_up()
        return self._derived["features"]["features"] if self._on_disk is None else self._on_disk.features

    @property
    def logits(self) -> Tensor | None:
        """float32 (N, classes) where the extractor classifies, else None."""
        self._look_up()
        return self._derived["features"].get("logits") if self._on_disk is None else self._on_disk.logits

    @property
    def labels(self) -> Tensor | None:
        """int64 (N,), or None: the data's own."""
        return self._labels()

    def once(self, name: str, compute: Callable[[], Derived]) -> Derived:
        """Compute tensors once; later calls read them from memory or from disk."""
        if name not in self._derived:
            key = {**self._key, "entry": name}
            found = self._cache.get(key)
            if found is None:
                found = dict(compute())
                self._cache.put(key, found)
            # One layout and alignment, wherever it comes from: BLAS must take the same path to the same bits.
            self._derived[name] = {part: value.contiguous().clone() for part, value in found.items()}
        return self._derived[name]

    @property
    def stored(self) -> StoredFeatures | None:
        """The files that the features lie in; None where they are in memory."""
        self._look_up()
        return None if self._on_disk is None else self._on_disk.stored

    def _look_up(self) -> None:
        """Find the features in memory or on disk, or compute them."""
        if self._on_disk is None:
            with contextlib.suppress(_TooMany):
                self.once("features", self._extracted)

    def _extracted(self) -> Derived:
        features = self._compute()
        if isinstance(features, FeaturesOnDisk):
            self._on_disk = features
            raise _TooMany
        parts = {"features": features.features}
        return parts if features.logits is None else {**parts, "logits": features.logits}


class _TooMany(Exception):
    """The features are too many to be held in memory: they stay in their files."""


# A worker scores few data sets at a time.
_KEPT = 4
_references: OrderedDict[str, Reference] = OrderedDict()


def reference_features(
    dataset: Dataset,
    split: Split,
    extractor: Extractor,
    label: str,
    device: torch.device,
    *,
    precision: str = "float32",
    plugins: tuple[str, ...] = (),
    pace: Pace | None = None,
) -> Reference:
    """Return the features of a whole split, the same object for the same content in one process.

    Args:
        dataset: whose split is the real side.
        split: which.
        extractor: what makes the features.
        label: its name with options.
        device: where they are computed.
        precision: of the extractor's arithmetic.
        plugins: version and source of the distribution that provides the extractor, where it is not ganbench.
        pace: how its images are taken through the extractor; one batch at a time unless given.
    """
    key = {
        **features_key(extractor, label, device, precision=precision, plugins=plugins),
        "dataset": dataset.fingerprint,
        "split": split,
    }
    name = repr(key)
    found = _references.get(name)
    if found is None:
        found = Reference(
            key,
            lambda: _computed(key, dataset, split, extractor, device, precision, pace or Pace()),
            lambda: dataset.load(split).labels,
        )
        _references[name] = found
        while len(_references) > _KEPT:
            _references.popitem(last=False)
    _references.move_to_end(name)
    return found


def _computed(
    key: Mapping[str, Any],
    dataset: Dataset,
    split: Split,
    extractor: Extractor,
    device: torch.device,
    precision: str,
    pace: Pace,
) -> Features:
    return extract(
        extractor,
        images_of(dataset.load(split)),
        device,
        precision,
        workers=pace.workers,
        readers=pace.readers,
        files=pace.files(key, kept=True),
        told=partial(pace.told, "reference"),
    )


def forget_references() -> None:
    """Let go of the references that this process keeps; those on disk stay."""
    _references.clear()
