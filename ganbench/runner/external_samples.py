"""Samples made by other programs, and the data set that they make where they are the real side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.api.data import Split
from ganbench.errors import DatasetError
from ganbench.files.arrays import ARRAY_ENDINGS, Array, companions_of, pixels_of, points_of, read_arrays
from ganbench.files.pictures import Background
from ganbench.runner.image_folders import labels_of, read_image_folder
from ganbench.scoring import too_few
from ganbench.store import Store

_HASHED = 2**24


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How samples are read.

    Attributes:
        span: for images that are floats in a file, what is black and what is white.
        recursive: whether the images of a folder are taken however deep they lie.
        size: side to which the images of a folder are resized.
        background: what transparent images are laid over.
        class_names: of the data that they are compared with, in the order of the labels.
    """

    span: tuple[float, float] | None = None
    recursive: bool = False
    size: int | None = None
    background: Background | None = None
    class_names: tuple[str, ...] | None = None

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
    """Read samples from a folder of images, or from an array in a file.

    Images with three equal channels are grey: many programs write grey ones so. Grey images get three equal
    channels where the others have them.

    Args:
        path: a folder as `read_image_folder` takes it, or a file as `read_arrays` does.
        like: what a sample must look like, but for the height and width of images; anything unless given.
        reading: how they are read.
        notes: gets what was passed over or changed, a phrase each.

    Returns:
        uint8 (N, C, H, W) for images, float32 (N, d) for points, N at least 1; with the labels that folders
        of classes give, or with the labels, conditions and rows of the data that a file of `ganbench sample`
        has.

    Raises:
        DatasetError: there is no such thing, it is damaged, or it does not look like that.
    """
    reading = reading or Reading()
    if not path.is_dir() and path.exists() and reading.of_folders:
        raise DatasetError(f"{path}: is a file, and {', '.join(reading.of_folders)} is for folders of images")
    if path.is_dir():
        x, companions = _of_folder(path, reading, notes)
    elif path.suffix.lower() in ARRAY_ENDINGS:
        arrays = read_arrays(path)
        x, companions = _of_array(arrays["x"], path, like, reading, notes), companions_of(arrays, path)
    elif path.exists():
        raise DatasetError(
            f"{path}: must be a folder of images, or a file ending in {' or '.join(ARRAY_ENDINGS)}"
        )
    else:
        raise DatasetError(f"{path}: there is no such file or folder")
    if x.ndim == 4 and (like is None or like.shape[0] == 1):
        x = _grey(x)
    if like is not None:
        if x.ndim == 4 and x.shape[1] == 1 and like.kind == "image" and like.shape[0] == 3:
            x = x.expand(-1, 3, -1, -1).contiguous()
        found = signature_of(x)
        same = found.shape[0] == like.shape[0] if found.kind == "image" else found.shape == like.shape
        if found.kind != like.kind or not same:
            raise DatasetError(
                f"{path}: has {describe_signature(found)}; the reference has {describe_signature(like)}"
            )
    return Samples(x=x, **companions)


class ExternalDataset:
    """A data set of samples that other programs made: all of them are its train split, and there is no other.

    Attributes:
        signature: what one sample looks like.
        fingerprint: of the content, however it is stored.
        class_names: of the folders that are its classes; None without.
    """

    def __init__(self, samples: Samples, path: Path, class_names: tuple[str, ...] | None = None) -> None:
        """Bind the samples.

        Args:
            samples: all of them.
            path: where they are from, for messages.
            class_names: what their labels mean; without it they have none here.
        """
        self._path = path
        self.class_names = class_names
        if class_names is None:
            self._samples = Samples(x=samples.x)
            self.signature = signature_of(samples.x)
            self.fingerprint = _digest(samples.x)
        else:
            assert samples.labels is not None
            self._samples = Samples(x=samples.x, labels=samples.labels)
            self.signature = replace(signature_of(samples.x), classes=len(class_names))
            self.fingerprint = f"{_digest(samples.x)} {_digest(samples.labels)}"

    @classmethod
    def read(cls, path: Path, background: Background | None = None) -> ExternalDataset:
        """Read samples as `read_samples` does; folders of images are classes.

        Args:
            path: a folder, or a file.
            background: what transparent images are laid over; without it they are refused.

        Raises:
            DatasetError: there is no such thing, or it is damaged.
        """
        if not path.is_dir():
            return cls(read_samples(path, reading=Reading(background=background)), path)
        _require_images(path)
        images = read_image_folder(path, background=background)
        return cls(Samples(x=_grey(images.x), labels=images.places), path, images.folders)

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


def _of_folder(path: Path, reading: Reading, notes: list[str] | None) -> tuple[Tensor, dict[str, Tensor]]:
    _require_images(path)
    if reading.span is not None:
        raise DatasetError(f"{path}: is a folder of images, whose range is known: --range is for floats")
    images = read_image_folder(
        path, recursive=reading.recursive, size=reading.size, background=reading.background
    )
    if notes is not None:
        notes += images.notes
    labels = labels_of(images, reading.class_names, path)
    return images.x, {} if labels is None else {"labels": labels}


def _require_images(path: Path) -> None:
    if Store(path).exists():
        raise DatasetError(
            f"{path}: is a results folder: ask for more metrics of its cells with "
            f"`ganbench run {path}/grid.toml --out {path} --set 'score.metrics=[...]'`, which trains nothing"
        )


def _of_array(
    array: Array, path: Path, like: Signature | None, reading: Reading, notes: list[str] | None
) -> Tensor:
    points = array.ndim == 2 if like is None else like.kind == "points"
    if not points:
        shape = None if like is None else like.shape
        return pixels_of(array, path, reading.span, shape, background=reading.background, notes=notes)
    if reading.span is not None:
        raise DatasetError(f"{path}: points have no black and white: --range is for images")
    if reading.background is not None:
        raise DatasetError(f"{path}: points are not transparent: --background is for images")
    return points_of(array, path)


def _grey(x: Tensor) -> Tensor:
    """Reduce images whose three channels are equal to one channel."""
    if x.shape[1] == 3 and torch.equal(x[:, 0], x[:, 1]) and torch.equal(x[:, 0], x[:, 2]):
        return x[:, :1].contiguous()
    return x


def _digest(x: Tensor) -> str:
    digest = hashlib.sha256(f"samples {x.dtype} {tuple(x.shape)};".encode())
    content = x.contiguous().reshape(-1).view(torch.uint8).numpy()
    for at in range(0, len(content), _HASHED):
        digest.update(content[at : at + _HASHED].data)
    return digest.hexdigest()


def signature_of(x: Tensor) -> Signature:
    """Say what one of these samples looks like."""
    return Signature(shape=tuple(x.shape[1:]), kind="image" if x.ndim == 4 else "points")


def describe_signature(signature: Signature) -> str:
    """Name the kind and the shape of a sample, as `images of 1x8x8`."""
    shape = "x".join(str(length) for length in signature.shape)
    return f"images of {shape}" if signature.kind == "image" else f"points of {shape} coordinates"
