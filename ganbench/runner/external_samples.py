"""Samples made by other programs, and the data set that they make where they are the real side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.api.data import Split
from ganbench.errors import DatasetError
from ganbench.files.archives import ARCHIVE_ENDINGS, is_archive
from ganbench.files.arrays import ARRAY_ENDINGS, Array, companions_of, pixels_of, points_of, read_arrays
from ganbench.files.number_tables import TABLE_ENDINGS
from ganbench.files.pictures import Background
from ganbench.runner.array_rows import ArrayRows, too_large
from ganbench.runner.checked_rows import CheckedRows, fits_memory
from ganbench.runner.image_folders import labels_of, read_image_folder
from ganbench.runner.point_tables import PointColumns, read_points
from ganbench.scoring import too_few
from ganbench.scoring.image_rows import StreamedSamples, content_digest, digest_of, shape_of
from ganbench.store import Store


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How samples are read.

    Attributes:
        span: for images that are floats in a file, what is black and what is white.
        recursive: whether the images of a folder are taken however deep they lie.
        size: side to which the images of a folder are resized.
        background: what transparent images are laid over.
        class_names: of the data that they are compared with, in the order of the labels.
        columns: of the data that they are compared with, for tables of points.
        readers: threads that read a folder, an archive or a large array.
        told: is told how many of its images were read, and how many there are.
    """

    span: tuple[float, float] | None = None
    recursive: bool = False
    size: int | None = None
    background: Background | None = None
    class_names: tuple[str, ...] | None = None
    columns: PointColumns = field(default_factory=PointColumns)
    readers: int = 1
    told: Callable[[int, int], object] = lambda done, total: None

    @property
    def of_folders(self) -> list[str]:
        """The flags that are for folders alone, of those that are given."""
        given = {"recursive": self.recursive, "size": self.size}
        return [f"--{name}" for name, value in given.items() if value]


def read_samples(
    path: Path,
    like: Signature | None = None,
    reading: Reading | None = None,
    *,
    notes: list[str] | None = None,
) -> Samples:
    """Read samples from a folder or an archive of images, from an array in a file, or from a table of points.

    Images with three equal channels are grey: many programs write grey ones so. Grey images get three equal
    channels where the others have them.

    Args:
        path: a folder or an archive as `read_image_folder` takes it, or a file as `read_arrays` or
            `read_table` does.
        like: what a sample must look like, but for the height and width of images; anything unless given.
        reading: how they are read.
        notes: gets what was passed over or changed, a phrase each.

    Returns:
        uint8 (N, C, H, W) for images, float32 (N, d) for points, N at least 1; those of folders, archives and
        large arrays are `StreamedSamples`, which read them when they are wanted; with the labels that folders
        of classes give, or with the labels, conditions and rows of the data that a file of `ganbench sample`
        has.

    Raises:
        DatasetError: there is no such thing, it is damaged, or it does not look like that.
    """
    reading = reading or Reading()
    pictures = path.is_dir() or (path.exists() and is_archive(path))
    if not pictures and path.exists() and reading.of_folders:
        raise DatasetError(f"{path}: is a file, and {', '.join(reading.of_folders)} is for folders of images")
    samples: Samples
    if pictures:
        samples = _of_pictures(path, like, reading, notes)
    elif path.suffix.lower() in ARRAY_ENDINGS:
        samples = _of_arrays(path, like, reading, notes)
    elif path.suffix.lower() in TABLE_ENDINGS:
        samples = Samples(x=_of_table(path, like, reading, notes))
    elif path.exists():
        raise DatasetError(
            f"{path}: must be a folder of images, an archive of them ({', '.join(ARCHIVE_ENDINGS)}), or a "
            f"file ending in {', '.join(ARRAY_ENDINGS)} or, of points, {', '.join(TABLE_ENDINGS)}"
        )
    else:
        raise DatasetError(f"{path}: there is no such file or folder")
    if like is not None:
        found = signature_of(samples)
        same = found.shape[0] == like.shape[0] if found.kind == "image" else found.shape == like.shape
        if found.kind != like.kind or not same:
            raise DatasetError(
                f"{path}: has {describe_signature(found)}; the reference has {describe_signature(like)}"
            )
    return samples


class ExternalDataset:
    """A data set of samples that other programs made: all of them are its train split, and there is no other.

    Attributes:
        signature: what one sample looks like.
        fingerprint: of the content, however it is stored.
        class_names: of the folders that are its classes; None without.
        columns: of the table that they are points of; None without.
    """

    def __init__(
        self,
        samples: Samples,
        path: Path,
        class_names: tuple[str, ...] | None = None,
        *,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        """Bind the samples.

        Args:
            samples: all of them.
            path: where they are from, for messages.
            class_names: what their labels mean; without it they have none here.
            columns: the names of their coordinates.
        """
        self._path = path
        self.columns = columns
        self.class_names = class_names
        labels = samples.labels if class_names is not None else None
        if isinstance(samples, StreamedSamples):
            self._samples: Samples = StreamedSamples(samples.images, labels)
        else:
            self._samples = Samples(x=samples.x, labels=labels)
        self.signature = signature_of(samples)
        self.fingerprint = digest_of(samples)
        if class_names is not None:
            assert labels is not None
            self.signature = replace(self.signature, classes=len(class_names))
            self.fingerprint += f" {content_digest(labels)}"

    @classmethod
    def read(cls, path: Path, reading: Reading | None = None) -> ExternalDataset:
        """Read samples as `read_samples` does; folders of images are classes.

        Args:
            path: of the samples.
            reading: what transparent images are laid over, how many threads read, and what is told.

        Raises:
            DatasetError: there is no such thing, or it is damaged.
        """
        reading = reading or Reading()
        if not path.is_dir() and path.suffix.lower() in TABLE_ENDINGS:
            points, columns = read_points(path, None, reading.columns)
            return cls(Samples(x=points), path, columns=columns)
        if not path.is_dir() and not (path.exists() and is_archive(path)):
            return cls(read_samples(path, reading=reading), path)
        _require_images(path)
        images = read_image_folder(
            path, background=reading.background, readers=reading.readers, told=reading.told
        )
        _choose_channels(images.rows, None)
        return cls(StreamedSamples(images.rows, images.places), path, images.folders)

    def load(self, split: Split) -> Samples:
        """Return all samples.

        Raises:
            DatasetError: another split than `train` is asked for.
        """
        if split != "train":
            raise DatasetError(f"{self._path}: has no {split} split, which a metric asks for")
        return self._samples


def require_pairs(samples: Samples, data: Samples, path: Path) -> None:
    """Refuse samples that do not say which rows of the data their conditions are from.

    Args:
        samples: made by another program.
        data: the reference split.
        path: where they are from, for messages.

    Raises:
        DatasetError: they do not say, or what they say is not so.
    """
    if samples.index is None:
        raise DatasetError(
            f"{path}: a metric needs pairs, and only an .npz of `ganbench sample` says what belongs to what"
        )
    wrong = (samples.index < 0) | (samples.index >= len(data))
    if not wrong.any():
        for own, theirs in ((samples.condition, data.condition), (samples.labels, data.labels)):
            if own is not None and theirs is not None:
                same = own.shape[1:] == theirs.shape[1:] and torch.equal(own, theirs[samples.index].to(own))
                if not same:
                    raise DatasetError(f"{path}: its conditions are not those of the reference")
        return
    raise DatasetError(
        f"{path}: 'index' must name rows of the reference, 0 to {len(data) - 1}, "
        f"given {int(samples.index[wrong][0])}"
    )


def require_labels(samples: Samples, classes: int | None, minimum: int, path: Path) -> None:
    """Refuse samples that do not say of which class they are, or are too few of one.

    Args:
        samples: made by another program.
        classes: those of the reference; None is the scorer's to refuse.
        minimum: samples that each class must have.
        path: where they are from, for messages.

    Raises:
        DatasetError: they do not say, name a class that there is not, or are too few of one.
    """
    if samples.labels is None:
        raise DatasetError(
            f"{path}: a metric needs labels: give an .npz with an array 'labels', as of `ganbench sample`, "
            "or a folder with a folder of images for each class"
        )
    if classes is None:
        return
    wrong = (samples.labels < 0) | (samples.labels >= classes)
    if wrong.any():
        label = int(samples.labels[wrong][0])
        raise DatasetError(f"{path}: 'labels' must be classes, 0 to {classes - 1}, given {label}")
    if rare := too_few(samples.labels, classes, minimum):
        raise DatasetError(f"{path}: a metric needs at least {minimum} samples of each class: {rare}")


def _of_pictures(
    path: Path, like: Signature | None, reading: Reading, notes: list[str] | None
) -> StreamedSamples:
    _require_images(path)
    if reading.span is not None:
        raise DatasetError(f"{path}: is a folder of images, whose range is known: --range is for floats")
    images = read_image_folder(
        path,
        recursive=reading.recursive,
        size=reading.size,
        background=reading.background,
        readers=reading.readers,
        told=reading.told,
    )
    if notes is not None:
        notes += images.notes
    _choose_channels(images.rows, like)
    return StreamedSamples(images.rows, labels_of(images, reading.class_names, path))


def _of_arrays(path: Path, like: Signature | None, reading: Reading, notes: list[str] | None) -> Samples:
    mapped = path.is_file() and not fits_memory(path.stat().st_size)
    arrays = read_arrays(path, mapped=mapped)
    x = arrays["x"]
    if mapped:
        # Torch takes no array that cannot be written.
        arrays = {name: array if array is x else np.array(array) for name, array in arrays.items()}
    # What belongs to conditions is compared image by image, in memory.
    if mapped and not {"condition", "index"} & set(arrays) and not _are_points(x, like):
        shape = None if like is None else like.shape
        if too_large(x, path, shape):
            rows = ArrayRows(x, path, reading.span, shape, readers=reading.readers, told=reading.told)
            _choose_channels(rows, like)
            return StreamedSamples(rows, companions_of(arrays, path).get("labels"))
    if mapped:
        x = np.array(x)
    pixels = _of_array(x, path, like, reading, notes)
    if pixels.ndim == 4 and (like is None or like.shape[0] == 1):
        pixels = _grey(pixels)
    if pixels.ndim == 4 and pixels.shape[1] == 1 and like is not None and like.shape[0] == 3:
        pixels = pixels.expand(-1, 3, -1, -1).contiguous()
    return Samples(x=pixels, **companions_of(arrays, path))


def _choose_channels(rows: CheckedRows, like: Signature | None) -> None:
    """Give grey images one channel, or three equal ones where the others have them."""
    if rows.grey and (like is None or like.shape[0] == 1):
        rows.as_channels(1)
    elif rows.shape[0] == 1 and like is not None and like.kind == "image" and like.shape[0] == 3:
        rows.as_channels(3)


def _are_points(array: Array, like: Signature | None) -> bool:
    return array.ndim == 2 if like is None else like.kind == "points"


def _require_images(path: Path) -> None:
    if Store(path).exists():
        raise DatasetError(
            f"{path}: is a results folder: ask for more metrics of its cells with "
            f"`ganbench run {path}/grid.toml --out {path} --set 'score.metrics=[...]'`, which trains nothing"
        )


def _of_array(
    array: Array, path: Path, like: Signature | None, reading: Reading, notes: list[str] | None
) -> Tensor:
    if not _are_points(array, like):
        shape = None if like is None else like.shape
        return pixels_of(array, path, reading.span, shape, background=reading.background, notes=notes)
    _refuse_of_images(path, reading)
    return points_of(array, path)


def _of_table(path: Path, like: Signature | None, reading: Reading, notes: list[str] | None) -> Tensor:
    if like is not None and like.kind != "points":
        raise DatasetError(f"{path}: is a table, of points; the reference has {describe_signature(like)}")
    _refuse_of_images(path, reading)
    return read_points(path, None if like is None else like.shape[0], reading.columns, notes=notes)[0]


def _refuse_of_images(path: Path, reading: Reading) -> None:
    if reading.span is not None:
        raise DatasetError(f"{path}: points have no black and white: --range is for images")
    if reading.background is not None:
        raise DatasetError(f"{path}: points are not transparent: --background is for images")


def _grey(x: Tensor) -> Tensor:
    """Reduce images whose three channels are equal to one channel."""
    if x.shape[1] == 3 and torch.equal(x[:, 0], x[:, 1]) and torch.equal(x[:, 0], x[:, 2]):
        return x[:, :1].contiguous()
    return x


def signature_of(samples: Samples) -> Signature:
    """Say what one of these samples looks like."""
    shape = shape_of(samples)
    return Signature(shape=shape, kind="image" if len(shape) == 3 else "points")


def describe_signature(signature: Signature) -> str:
    """Name the kind and the shape of a sample, as `images of 1x8x8`."""
    shape = "x".join(str(length) for length in signature.shape)
    return f"images of {shape}" if signature.kind == "image" else f"points of {shape} coordinates"
