"""Arrays of the user's own, images or points: .npy, .npz, or a folder of .npy files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Dataset, Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError
from ganbench.files.alpha_channel import WITH_ALPHA, laid_note, opaque_pixels
from ganbench.files.arrays import Array, channels_first, rounded_pixels
from ganbench.files.data_paths import find_path
from ganbench.files.kept_arrays import KeptArrays, keep_arrays
from ganbench.files.pictures import Background
from ganbench.files.resizing import fitted
from ganbench.files.tensors import read_only_tensor
from ganbench.zoo.datasets.array_source import NAME, ArraySource, Rows
from ganbench.zoo.datasets.bounds import Limit, Side, naming, refuse
from ganbench.zoo.datasets.fingerprint import heading
from ganbench.zoo.datasets.own_points import SPLITS, OwnPoints, PointsRead
from ganbench.zoo.datasets.packed import Contents, Packed, Pictures

# To be raised where the same files come to other pixels, labels or splits.
_READING = 1
_BLOCK_IMAGES = 1000


def build_arrays(
    *,
    path: Path,
    range: tuple[float, float] | None = None,
    labels: bool = True,
    size: Side | None = None,
    flip: bool = False,
    background: Background | None = None,
    standardise: bool = False,
    test_every: Annotated[int, Interval(ge=0, le=1_000_000)] = 10,
    limit: Limit | None = None,
) -> Dataset:
    """Read arrays made by another program: images (N, H, W), (N, C, H, W), (N, H, W, C), or points (N, d).

    The samples are the array `x` (`images`, `data`, `arr_0`, or the only one), with `labels` (`y`, `arr_1`)
    and `condition` beside it; or `x_train` and `x_test` (`train_images`, `train`, ...) with `y_train` and so
    on. In a folder these are the names of .npy files.

    Args:
        path: of the file or folder.
        range: for images, which number is black and which is white, unless they are uint8; they are rounded
            to 256 values. Of bool, False is black.
        labels: whether labels that are there are used: whole numbers of any type, texts, or one-hot rows.
        size: side to which images are cut and resized, 4 to 1024.
        flip: whether the train split is doubled by mirror images.
        background: what images with a fourth channel that are transparent in places are laid over: white,
            black, or [red, green, blue] from 0 to 255; without it they are refused.
        standardise: for points, whether each coordinate gets mean 0 and deviation 1 over the train split.
        test_every: which part is kept back as test split where there is none; 0 for none of it.
        limit: number of samples of the train split that are kept, the first ones.

    Raises:
        DatasetError: no such file; arrays of another shape or type; numbers that are not finite or beyond
            the range; images that are transparent, without a background; an option that does not fit.
    """
    if test_every == 1:
        refuse(NAME, ["test_every must be 0, or at least 2, given 1: every sample would be kept back"])
    if range is not None and range[0] == range[1]:
        refuse(NAME, [f"range must be two different numbers, given {list(range)}"])
    source = ArraySource(place=find_path(str(path))[0], use_labels=labels)
    with naming(NAME):
        shape, dtype = source.described["train", "samples"]
        if len(shape) == 2:
            _refuse_for(
                "points", {"range": range, "size": size, "flip": flip or None, "background": background}
            )
            return _points(source, standardise=standardise, test_every=test_every, limit=limit)
        _refuse_for("images", {"standardise": standardise or None})
        if range is None and dtype.kind in "fiu" and dtype != np.uint8:
            widest = [0, int(np.iinfo(dtype).max)] if dtype.kind in "iu" else [-1, 1]
            raise DatasetError(
                f"{source.place}: holds {dtype}: say with range what black and white are, as range = {widest}"
            )
        if flip and source.has("condition"):
            refuse(NAME, ["flip = true, and the images have conditions, which are not mirrored"])
        return OwnImages(
            source,
            range_=range,
            size=size,
            flip=flip,
            background=background,
            test_every=test_every,
            limit=limit,
        )


class OwnImages(Packed):
    """Images of an array, kept as pixels in a memory-mapped array.

    Attributes:
        class_names: the label of each class as a text; None without labels.
        notes: how many images each split has, and what was changed or passed over.
    """

    def __init__(
        self,
        source: ArraySource,
        *,
        range_: tuple[float, float] | None,
        size: int | None,
        flip: bool,
        background: Background | None,
        test_every: int,
        limit: int | None,
    ) -> None:
        """Open the array that was made of the source, or make it first; options as of `build_arrays`."""
        rows, notes = source.rows(test_every, limit)

        def contents() -> Contents:
            labels, class_names = source.labels(rows)
            images = _Images(source, range_, size, background)
            pictures = {split: images.pixels(own, index) for split, (own, index) in rows.items()}
            return Contents(
                shape=images.shape,
                classes=None if class_names is None else len(class_names),
                splits={
                    split: Pictures(
                        count=len(rows[split][1]),
                        pixels=pictures[split],
                        labels=None if labels is None else torch.from_numpy(labels[split]),
                    )
                    for split in SPLITS
                },
                facts=lambda: {"class_names": class_names, "laid": images.laid},
            )

        super().__init__(
            NAME,
            key={
                **source.key(),
                "range": None if range_ is None else list(range_),
                "size": size,
                "test_every": test_every,
                "limit": limit,
                # Where it is used: arrays of before lie in the same places.
                **({} if background is None else {"background": _plain(background)}),
            },
            stamp=f"{_READING} {source.stamp()}",
            flip=flip,
            contents=contents,
        )
        names = self.facts["class_names"]
        self.class_names = None if names is None else tuple(names)
        self._condition: dict[Split, Tensor] = {}
        if source.has("condition"):
            kept = keep_arrays(
                "conditions",
                key={**source.key(), "test_every": test_every, "limit": limit},
                stamp=f"{_READING} {source.stamp()} {self.fingerprint}",
                make=lambda: _conditions(source, rows, self.fingerprint),
            )
            self._condition = {split: read_only_tensor(kept.arrays[split]) for split in SPLITS}
            self.fingerprint = kept.facts["fingerprint"]
            self.signature = Signature(
                shape=self.signature.shape,
                kind="image",
                classes=self.signature.classes,
                condition=tuple(self._condition["train"].shape[1:]),
            )
        shape, dtype = source.described["train", "samples"]
        counts = {split: len(index) for split, (_, index) in rows.items()}
        own = [f"{counts['train']:,} images to train on and {counts['test']:,} of the test split"]
        if flip:
            own.append("each of the former followed by its mirror image")
        if range_ is not None:
            own.append(f"{dtype} from {range_[0]:g} (black) to {range_[1]:g} (white) rounded to 256 values")
        if size is not None and size not in shape[1:]:
            own.append(f"cut and resized to {size}x{size}, of shape {'x'.join(map(str, shape[1:]))}")
        if laid := self.facts.get("laid"):
            own.append(laid_note(laid, background))
        self.notes = ("; ".join([*own, *notes]),)

    def load(self, split: Split) -> Samples:
        """Return images uint8 (N, C, H, W) and conditions (N, ...), memory-mapped; labels int64 (N,).

        Raises:
            DatasetError: there is no such split.
        """
        found = super().load(split)
        return Samples(x=found.x, labels=found.labels, condition=self._condition.get(split))


class _Images:
    """The images of a source as pixels, of 3 channels where they have an alpha channel.

    Attributes:
        shape: of one image, once it is resized.
        laid: how many of those that were read are laid over the background.
    """

    def __init__(
        self,
        source: ArraySource,
        span: tuple[float, float] | None,
        size: int | None,
        background: Background | None,
    ) -> None:
        self._place, self._span, self._size, self._background = source.place, span, size, background
        self._arrays = {
            split: channels_first(source.read(split, "samples"), source.place) for split in source.roles.names
        }
        channels, height, width = self._arrays["train"].shape[1:]
        self._alpha = channels == WITH_ALPHA
        self.shape = (3 if self._alpha else channels, *((height, width) if size is None else (size, size)))
        self.laid = 0

    def pixels(self, own: Split, index: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        """Give chosen images of a split of the source, uint8 (C, H, W) each, in its order."""
        array = self._arrays[own]
        wanted = np.zeros(len(array), dtype=bool)
        wanted[index] = True
        for at in range(0, len(array), _BLOCK_IMAGES):
            if wanted[at : at + _BLOCK_IMAGES].any():
                block = _eight_bits(array[at : at + _BLOCK_IMAGES], at, self._place, self._span)
                for place in np.flatnonzero(wanted[at : at + _BLOCK_IMAGES]):
                    image = self._opaque(block[place], at + int(place)) if self._alpha else block[place]
                    yield fitted(np.ascontiguousarray(image), crop=None, size=self._size)

    def _opaque(self, image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        found, laid = opaque_pixels(image, number, self._place, self._background, 'background = "white"')
        self.laid += laid
        return found


def _eight_bits(block: Array, start: int, place: Path, span: tuple[float, float] | None) -> NDArray[np.uint8]:
    if block.dtype == np.uint8 and span is None:
        return np.asarray(block)
    if block.dtype.kind not in "fiub":
        raise DatasetError(f"{place}: holds {block.dtype}; images must be numbers")
    black_white = (0.0, 1.0) if span is None else span
    pixels: Tensor = rounded_pixels(block, start, place, black_white, "range")
    return pixels.numpy()


def _points(source: ArraySource, *, standardise: bool, test_every: int, limit: int | None) -> OwnPoints:
    rows, notes = source.rows(test_every, limit)

    def read() -> PointsRead:
        labels, class_names = source.labels(rows)
        points = {}
        for split, (own, index) in rows.items():
            array = source.read(own, "samples")
            if array.dtype.kind not in "fiub":
                raise DatasetError(f"{source.place}: holds {array.dtype}; points must be numbers")
            points[split] = array[index]
        return PointsRead(
            points=points,
            columns=[str(column) for column in range(points["train"].shape[1])],
            labels=labels,
            class_names=class_names,
            conditions=source.condition(rows),
            notes=notes,
        )

    return OwnPoints(
        NAME,
        key={**source.key(), "test_every": test_every, "limit": limit},
        stamp=f"{_READING} {source.stamp()}",
        standardise=standardise,
        read=read,
    )


def _conditions(source: ArraySource, rows: Rows, fingerprint: str) -> KeptArrays:
    """Read the conditions of both splits, and make the fingerprint of them and of their images."""
    conditions = source.condition(rows) or {}
    digest = hashlib.sha256(f"{fingerprint} ".encode())
    for split in SPLITS:
        tensor = torch.from_numpy(conditions[split])
        digest.update(heading((tensor.dtype, tuple(tensor.shape))))
        digest.update(conditions[split].data)
    arrays: dict[str, Array] = {split: conditions[split] for split in SPLITS}
    return KeptArrays(arrays=arrays, facts={"fingerprint": digest.hexdigest()})


def _plain(background: Background) -> str | list[int]:
    return background if isinstance(background, str) else list(background)


def _refuse_for(kind: str, options: Mapping[str, object]) -> None:
    """Refuse options that mean nothing for samples of this kind."""
    given: Sequence[str] = [name for name, value in options.items() if value is not None]
    refuse(NAME, [f"its samples are {kind}, for which {name} means nothing" for name in given])
