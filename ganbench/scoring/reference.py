"""The real side of a comparison: computed once in a process, however many cells are scored against it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from ganbench.api.data import Dataset, Extractor, Features, Split
from ganbench.scoring.extraction import extract

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference(Features):
    """Features of a data set's split, with what metrics have derived from them.

    Attributes:
        key: (fingerprint, split, digest of the extractor's weights, its label with options, device): content,
            never a name alone. A cache on disk belongs behind `once` and `reference_features`, under it.
    """

    key: tuple[str, ...]
    _derived: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, compute: Callable[[], Value]) -> Value:
        """What `compute` gives, computed the first time that this name is asked for."""
        if name not in self._derived:
            self._derived[name] = compute()
        value: Value = self._derived[name]
        return value


# A worker scores few data sets at a time, and Inception features of 60,000 images take half a gigabyte.
_KEPT = 4
_references: OrderedDict[tuple[str, ...], Reference] = OrderedDict()


def reference_features(
    dataset: Dataset, split: Split, extractor: Extractor, label: str, device: torch.device
) -> Reference:
    """The features of a whole split, from this process's memory where they have been computed before."""
    key = (dataset.fingerprint, split, extractor.digest, label, str(device))
    found = _references.get(key)
    if found is None:
        features = extract(extractor, dataset.load(split).x, device)
        found = Reference(features=features.features, logits=features.logits, key=key)
        _references[key] = found
        while len(_references) > _KEPT:
            _references.popitem(last=False)
    _references.move_to_end(key)
    return found
