"""Features of images, with the statistics that several metrics derive from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ganbench.api.data import Extractor, Features
from ganbench.scoring.images import to_rgb
from ganbench.scoring.seeded import seeded

Derived = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSet(Features):
    """Features of generated samples, with the statistics that metrics have derived from them.

    A generated side meets one reference only, so what depends on both may be kept here too.

    Attributes:
        cores: how many CPU cores a metric may use on it; no value depends on it.
    """

    cores: int = 1
    _derived: dict[str, Derived] = field(default_factory=dict, repr=False)

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
    finite = np.isfinite(found.numpy())
    if not finite.all():
        bad = len(found) - int(finite.all(axis=1).sum())
        raise ValueError(f"the features of {bad} of {len(found)} samples are not finite")
    return found


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


# torch-fidelity's default: the same batches give the same bits as its own run.
BATCH = 64


@torch.no_grad()
def extract(
    extractor: Extractor,
    images: Tensor,
    device: torch.device,
    precision: str = "float32",
    *,
    workers: int = 1,
) -> Features:
    """Run an extractor over images of any number.

    Args:
        extractor: takes uint8 (N, 3, H, W) on `device`.
        images: uint8 (N, C, H, W), C 1 (tiled) or 3, at least one.
        device: where to compute.
        precision: `float32`, or `bfloat16` for matrix products and convolutions in it (autocast).
        workers: how many batches are computed side by side, in threads: no number depends on it, provided
            that the extractor draws no random numbers and keeps nothing from one call to the next.

    Returns:
        Features on the CPU, float32, in the order of the images.

    Raises:
        TypeError: the extractor gives something else than Features of the right length.
        ValueError: there are no images.
    """
    # One that draws random numbers gives the same features whatever was drawn before.
    with seeded(0, device):
        return _extracted(extractor, images, device, precision, workers)


def _extracted(
    extractor: Extractor, images: Tensor, device: torch.device, precision: str, workers: int
) -> Features:
    def extracted(start: int) -> Features:
        batch = to_rgb(images[start : start + BATCH].to(device)).contiguous()
        # Both hold in the thread alone that they are set in.
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            out = extractor(batch)
        if not isinstance(out, Features) or out.features.ndim != 2 or len(out.features) != len(batch):
            raise TypeError(
                f"extractor {type(extractor).__name__} must give Features with a row for each image"
            )
        return out

    features: Tensor | None = None
    logits: Tensor | None = None
    starts = range(0, len(images), BATCH)
    for start, out in zip(starts, _side_by_side(extracted, starts, workers), strict=True):
        if features is None:
            # Filled in place: small results that are kept between batches that are let go leave holes in the
            # heap, which no batch fits into again; gigabytes of them where the images are many.
            features = torch.empty(len(images), out.features.shape[1])
            logits = None if out.logits is None else torch.empty(len(images), out.logits.shape[1])
        features[start : start + BATCH] = out.features
        if logits is not None and out.logits is not None:
            logits[start : start + BATCH] = out.logits
    if features is None:
        raise ValueError("there are no images")
    return Features(features=features, logits=logits)


def _side_by_side(call: Callable[[int], Features], starts: range, workers: int) -> Iterator[Features]:
    """Call a function in so many threads, a few calls ahead of what is taken; the results in order."""
    if workers < 2 or len(starts) < 2:
        yield from map(call, starts)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Features]] = deque()
        try:
            for start in starts:
                waiting.append(pool.submit(call, start))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
