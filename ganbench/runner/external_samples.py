"""Samples made by other programs, and the data set that they make where they are the real side."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.api.data import Split
from ganbench.errors import DatasetError
from ganbench.files.arrays import ARRAY_ENDINGS, Array, companions_of, pixels_of, points_of, read_arrays
from ganbench.files.pictures import ENDINGS, PictureError, Shape, describe, is_litter, read_pixels
from ganbench.files.regular import irregular
from ganbench.files.tensors import MAX_BYTES
from ganbench.grid.problems import given
from ganbench.scoring import too_few
from ganbench.store import Store

_HASHED = 2**24


def read_samples(
    path: Path, like: Signature | None = None, span: tuple[float, float] | None = None
) -> Samples:
    """Read samples from a folder of images, or from an array in a file.

    Images with three equal channels are grey: many programs write grey ones so.

    Args:
        path: a folder as `read_images` takes it, or a file as `read_arrays` does.
        like: what a sample must look like; anything unless given.
        span: for images that are floats in a file, what is black and what is white.

    Returns:
        uint8 (N, C, H, W) for images, float32 (N, d) for points, N at least 1; with the labels, conditions
        and rows of the data that a file of `ganbench sample` has.

    Raises:
        DatasetError: there is no such thing, it is damaged, or it does not look like that.
    """
    if path.is_dir():
        x, companions = _of_folder(path, span), {}
    elif path.suffix.lower() in ARRAY_ENDINGS:
        arrays = read_arrays(path)
        x, companions = _of_array(arrays["x"], path, like, span), companions_of(arrays, path)
    elif path.exists():
        raise DatasetError(
            f"{path}: must be a folder of images, or a file ending in {' or '.join(ARRAY_ENDINGS)}"
        )
    else:
        raise DatasetError(f"{path}: there is no such file or folder")
    if x.ndim == 4 and (like is None or like.shape[0] == 1):
        x = _grey(x)
    if like is not None and tuple(x.shape[1:]) != like.shape:
        raise DatasetError(f"{path}: has {_text(_signature(x))}; the reference has {_text(like)}")
    return Samples(x=x, **companions)


class ExternalDataset:
    """A data set of samples that other programs made: all of them are its train split, and there is no other.

    Attributes:
        signature: what one sample looks like; without classes.
        fingerprint: of the content, however it is stored.
    """

    def __init__(self, samples: Samples, path: Path) -> None:
        """Bind the samples.

        Args:
            samples: all of them.
            path: where they are from, for messages.
        """
        self._samples = Samples(x=samples.x)
        self._path = path
        self.signature = _signature(samples.x)
        self.fingerprint = _digest(samples.x)

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
            f"{path}: a metric needs labels: give an .npz with an array 'labels', as of `ganbench sample`"
        )
    if classes is None:
        return
    wrong = (samples.labels < 0) | (samples.labels >= classes)
    if wrong.any():
        label = int(samples.labels[wrong][0])
        raise DatasetError(f"{path}: 'labels' must be classes, 0 to {classes - 1}, given {label}")
    if rare := too_few(samples.labels, classes, minimum):
        raise DatasetError(f"{path}: a metric needs at least {minimum} samples of each class: {rare}")


def _of_folder(path: Path, span: tuple[float, float] | None) -> Tensor:
    if Store(path).exists():
        raise DatasetError(
            f"{path}: is a results folder: ask for more metrics of its cells with "
            f"`ganbench run {path}/grid.toml --out {path} --set 'score.metrics=[...]'`, which trains nothing"
        )
    if span is not None:
        raise DatasetError(f"{path}: is a folder of images, whose range is known: --range is for floats")
    return read_images(path)


def _of_array(array: Array, path: Path, like: Signature | None, span: tuple[float, float] | None) -> Tensor:
    points = array.ndim == 2 if like is None else like.kind == "points"
    if not points:
        return pixels_of(array, path, span, None if like is None else like.shape)
    if span is not None:
        raise DatasetError(f"{path}: points have no black and white: --range is for images")
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


def _signature(x: Tensor) -> Signature:
    return Signature(shape=tuple(x.shape[1:]), kind="image" if x.ndim == 4 else "points")


def _text(signature: Signature) -> str:
    shape = "x".join(str(length) for length in signature.shape)
    return f"images of {shape}" if signature.kind == "image" else f"points of {shape} coordinates"


def read_images(folder: Path) -> Tensor:
    """Read the images of a folder, in the order of their names, which is torch-fidelity's.

    They are read as `ganbench.files.pictures` says: turned upright, converted only where no pixel changes.

    Args:
        folder: holds images (.png, .jpg, .jpeg, .webp, .bmp), and nothing else but hidden files and what
            `is_litter` knows.

    Returns:
        uint8 (N, C, H, W), C 1 or 3, N at least 1.

    Raises:
        DatasetError: the folder has none, something else, or images that are broken or of several shapes;
            names the first that is wrong.
    """
    names = _names(folder)
    first = _pixels(folder, names[0])
    channels, height, width = first.shape
    if len(names) * first.nbytes > MAX_BYTES:
        raise DatasetError(f"{folder}: its {len(names)} images take more than {MAX_BYTES // 2**30} GiB")
    images = np.empty((len(names), *first.shape), dtype=np.uint8)
    images[0] = first
    for index, name in enumerate(names[1:], start=1):
        images[index] = _pixels(folder, name, like=(names[0], (channels, height, width)))
    return torch.from_numpy(images)


def _names(folder: Path) -> list[str]:
    try:
        names = [name for name in sorted(os.listdir(folder)) if not is_litter(name)]
        for name in names:
            path = folder / name
            if path.is_dir():
                raise DatasetError(f"{folder}: {given(name)} is a folder; the images must lie in one folder")
            if path.suffix.lower() not in ENDINGS:
                raise DatasetError(
                    f"{folder}: {given(name)} is not an image ({', '.join(ENDINGS)}); "
                    "the folder may hold nothing else"
                )
            if problem := irregular(path):
                raise DatasetError(f"{folder}: {given(name)} {problem}")
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if not names:
        raise DatasetError(f"{folder}: holds no images ({', '.join(ENDINGS)})")
    return names


def _pixels(folder: Path, name: str, like: tuple[str, Shape] | None = None) -> NDArray[np.uint8]:
    """Read a file's pixels, uint8 (C, H, W).

    Args:
        folder: where it is.
        name: its name.
        like: name and shape of the image whose shape this one must have.
    """

    def accept(shape: Shape) -> None:
        if like is not None and shape != like[1]:
            raise DatasetError(
                f"{folder}: images of several shapes: {given(like[0])} is {describe(like[1])}, "
                f"{given(name)} is {describe(shape)}"
            )

    try:
        return read_pixels(folder / name, accept)
    except PictureError as error:
        raise DatasetError(f"{folder}: {given(name)} {error}") from error
