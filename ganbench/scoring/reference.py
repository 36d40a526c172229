"""The real side of a comparison, computed once and shared by cells, runs and metrics."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.api.data import Dataset, Extractor, Features, Split
from ganbench.catalog.switches import set_variables
from ganbench.files.cache import Cache
from ganbench.grid.environment import device_model
from ganbench.scoring.features import Derived, FeatureSet, extract

# To be raised where the arithmetic behind an entry changes: older entries are then never read.
_FORMAT = 2


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

    @property
    def features(self) -> Tensor:
        """float32 (N, d)."""
        return self._parts()["features"]

    @property
    def logits(self) -> Tensor | None:
        """float32 (N, classes) where the extractor classifies, else None."""
        return self._parts().get("logits")

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

    def _parts(self) -> Derived:
        return self.once("features", self._extracted)

    def _extracted(self) -> Derived:
        features = self._compute()
        parts = {"features": features.features}
        return parts if features.logits is None else {**parts, "logits": features.logits}


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
    workers: int = 1,
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
        workers: how many batches are computed side by side.
    """
    key = {
        "format": _FORMAT,
        "dataset": dataset.fingerprint,
        "split": split,
        "extractor": label,
        "weights": extractor.digest,
        "precision": precision,
        "plugins": list(plugins),
        # A cache must change no score, and these decide a score's last bits.
        "device": device_model(str(device)),
        "threads": torch.get_num_threads(),
        "versions": _versions(),
        **_variables(),
    }
    name = repr(key)
    found = _references.get(name)
    if found is None:
        found = Reference(
            key,
            lambda: extract(extractor, dataset.load(split).x, device, precision, workers=workers),
            lambda: dataset.load(split).labels,
        )
        _references[name] = found
        while len(_references) > _KEPT:
            _references.popitem(last=False)
    _references.move_to_end(name)
    return found


def forget_references() -> None:
    """Let go of the references that this process keeps; those on disk stay."""
    _references.clear()


def _variables() -> dict[str, dict[str, str]]:
    """Return the variables that decide what torch's libraries compute, where any is set."""
    found = set_variables()
    return {"variables": found} if found else {}


@lru_cache
def _versions() -> dict[str, str]:
    found = {name: version(name) for name in ("ganbench", "torch", "torch-fidelity")}
    return {**found, "numpy": np.__version__}
