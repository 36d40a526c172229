"""Images -> features: batch by batch, several at a time, kept on disk as they come where asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganbench.api.data import Extractor, Features
from ganbench.scoring.feature_files import FeatureFiles
from ganbench.scoring.features import require_same_widths, widths_of
from ganbench.scoring.image_rows import ImageRows
from ganbench.scoring.images import to_rgb
from ganbench.scoring.seeded import seeded
from ganbench.scoring.side_by_side import side_by_side

# torch-fidelity's default: the same batches give the same bits as its own run.
BATCH = 64
# Of images that are read ahead of an extractor that takes one batch at a time.
_MAX_AHEAD_BYTES = 2**28

Told = Callable[[int, int], object]
"""`(done, total)` images."""


def _ignore(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How images are taken through an extractor; no number depends on it.

    Attributes:
        workers: how many batches are computed side by side, in threads.
        readers: how many batches are read side by side where one is computed at a time.
        told: is told of which side how many images are done, and how many there are.
        folder_of: gives the folder in which the features that a key decides are kept while they are computed;
            without it they are in memory alone.
        kept_of: gives the place where the features of a reference are kept, if they are too many for the
            memory, or None.
    """

    workers: int = 1
    readers: int = 1
    told: Callable[[str, int, int], object] = lambda side, done, total: None
    folder_of: Callable[[Mapping[str, Any]], Path] | None = None
    kept_of: Callable[[Mapping[str, Any]], Path | None] = lambda key: None

    def files(self, key: Mapping[str, Any], *, kept: bool = False) -> FeatureFiles | None:
        """Open the files of features that this key decides; None where they are in memory alone.

        Args:
            key: JSON values; everything that decides the features' bits.
            kept: whether they are kept beyond this command.
        """
        if self.folder_of is None:
            return None
        return FeatureFiles(self.folder_of(key), self.kept_of(key) if kept else None)


@torch.no_grad()
def extract(
    extractor: Extractor,
    images: Tensor | ImageRows,
    device: torch.device,
    precision: str = "float32",
    *,
    workers: int = 1,
    readers: int = 1,
    files: FeatureFiles | None = None,
    told: Told = _ignore,
) -> Features:
    """Run an extractor over images of any number.

    Args:
        extractor: takes uint8 (N, 3, H, W) on `device`.
        images: uint8 (N, C, H, W), C 1 (tiled) or 3, at least one; in memory, or read batch by batch.
        device: where to compute.
        precision: `float32`, or `bfloat16` for matrix products and convolutions in it (autocast).
        workers: how many batches are read and computed side by side, in threads: no number depends on it,
            provided that the extractor draws no random numbers and keeps nothing from one call to the next.
        readers: how many batches are read side by side where `workers` is 1.
        files: where the features go; those that are there already are not computed again, unless the
            extractor draws random numbers, or keeps something from one call to the next.
        told: is told after each batch how many images are done.

    Returns:
        Features on the CPU, float32, in the order of the images.

    Raises:
        TypeError: the extractor gives something else than Features of the right length, or not equally many
            features and logits of each image.
        ValueError: there are no images.
        StoreError: features cannot be written to the files.
    """
    # One that draws random numbers gives the same features whatever was drawn before.
    with seeded(0, device):
        return _extracted(extractor, images, device, precision, workers, readers, files, told)


def _extracted(
    extractor: Extractor,
    images: Tensor | ImageRows,
    device: torch.device,
    precision: str,
    workers: int,
    readers: int,
    files: FeatureFiles | None,
    told: Told,
) -> Features:
    total = len(images)

    def read(start: int) -> Tensor:
        stop = min(start + BATCH, total)
        return images[start:stop] if isinstance(images, Tensor) else images.rows(start, stop)

    def computed(pixels: Tensor, extractor: Extractor = extractor) -> Features:
        batch = to_rgb(pixels.to(device)).contiguous()
        # Both hold in the thread alone that they are set in.
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            out = extractor(batch)
        if not isinstance(out, Features) or out.features.ndim != 2 or len(out.features) != len(batch):
            raise TypeError(
                f"extractor {type(extractor).__name__} must give Features with a row for each image"
            )
        return out

    if not total:
        raise ValueError("there are no images")
    if (
        files is not None
        and 0 < files.rows < total
        and not _goes_on(extractor, files, read, computed, device)
    ):
        files.clear()
    starts = range(0 if files is None else files.rows, total, BATCH)
    results: Iterator[Features]
    if workers > 1 or isinstance(images, Tensor):
        results = side_by_side(lambda start: computed(read(start)), starts, workers)
    else:
        size = BATCH * images.shape[0] * images.shape[1] * images.shape[2]
        ahead = min(readers + 2, max(1, _MAX_AHEAD_BYTES // size))
        results = map(computed, side_by_side(read, starts, min(readers, ahead), ahead=ahead))
    told(starts.start, total)
    kept = _Kept(total) if files is None else files
    for start, out in zip(starts, results, strict=True):
        kept.append(out)
        told(min(start + BATCH, total), total)
    return kept.features()


def _goes_on(
    extractor: Extractor,
    files: FeatureFiles,
    read: Callable[[int], Tensor],
    computed: Callable[[Tensor, Extractor], Features],
    device: torch.device,
) -> bool:
    """Tell whether an extractor gives the same features wherever it begins.

    It has to give the last batch that was written once more. One that draws random numbers, by whatever
    generator, or keeps something from call to call, does not, as then the batch is the first.
    """
    last = files.last()
    start = files.rows - len(last.features)
    if start == 0:
        # Of a first batch nothing can be told, and little is lost.
        return False
    try:
        # What it keeps stays as it is.
        own = copy.deepcopy(extractor)
    except Exception:  # whatever a plugin's object raises that cannot be copied
        return False
    with seeded(0, device):
        again = computed(read(start), own)
    return _equal(again.features, last.features) and _equal(again.logits, last.logits)


def _equal(computed: Tensor | None, written: Tensor | None) -> bool:
    if computed is None or written is None:
        return computed is written
    # Bit for bit: NaN too.
    return computed.shape == written.shape and torch.equal(
        computed.detach().to("cpu", torch.float32).contiguous().view(torch.int32), written.view(torch.int32)
    )


class _Kept:
    """Features of images in memory.

    Filled in place: small results that are kept between batches that are let go leave holes in the heap,
    which no batch fits into again; gigabytes of them where the images are many.
    """

    def __init__(self, total: int) -> None:
        self._total, self._rows = total, 0
        self._widths = 0, 0
        self._features: Tensor | None = None
        self._logits: Tensor | None = None

    def append(self, batch: Features) -> None:
        if self._features is None:
            self._widths = width, classes = widths_of(batch)
            self._features = torch.empty(self._total, width)
            self._logits = torch.empty(self._total, classes) if batch.logits is not None else None
        require_same_widths(batch, self._widths)
        stop = self._rows + len(batch.features)
        self._features[self._rows : stop] = batch.features
        if self._logits is not None and batch.logits is not None:
            self._logits[self._rows : stop] = batch.logits
        self._rows = stop

    def features(self) -> Features:
        assert self._features is not None
        return Features(features=self._features, logits=self._logits)
