"""Samples made elsewhere, and the data set that they make where they are the real side."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.api.data import Split
from ganbench.errors import DatasetError
from ganbench.runner.arrays import ENDINGS, Array, companions_of, pixels_of, points_of, read_arrays
from ganbench.runner.images import read_images
from ganbench.scoring import too_few
from ganbench.store import Store

_HASHED = 2**24


def read_samples(
    path: Path, like: Signature | None = None, span: tuple[float, float] | None = None
) -> Samples:
    """Samples of a folder of images, or of an array in a file.

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
    elif path.suffix.lower() in ENDINGS:
        arrays = read_arrays(path)
        x, companions = _of_array(arrays["x"], path, like, span), companions_of(arrays, path)
    elif path.exists():
        raise DatasetError(f"{path}: must be a folder of images, or a file ending in {' or '.join(ENDINGS)}")
    else:
        raise DatasetError(f"{path}: there is no such file or folder")
    if x.ndim == 4 and (like is None or like.shape[0] == 1):
        x = _grey(x)
    if like is not None and tuple(x.shape[1:]) != like.shape:
        raise DatasetError(f"{path}: has {_text(_signature(x))}; the reference has {_text(like)}")
    return Samples(x=x, **companions)


class Collected:
    """A data set of samples made elsewhere: all of them are its train split, and there is no other.

    Attributes:
        signature: what one sample looks like; without classes.
        fingerprint: of the content, however it is stored.
    """

    def __init__(self, samples: Samples, path: Path) -> None:
        """Takes the samples, without what belongs to them.

        Args:
            samples: all of them.
            path: where they are from, for messages.
        """
        self._samples = Samples(x=samples.x)
        self._path = path
        self.signature = _signature(samples.x)
        self.fingerprint = _digest(samples.x)

    def load(self, split: Split) -> Samples:
        """All samples.

        Raises:
            DatasetError: another split than `train` is asked for.
        """
        if split != "train":
            raise DatasetError(f"{self._path}: has no {split} split, which a metric asks for")
        return self._samples


def require_pairs(samples: Samples, data: Samples, path: Path) -> None:
    """Refuse samples that do not say which rows of the data their conditions are from.

    Args:
        samples: made elsewhere.
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
        samples: made elsewhere.
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
    """Images whose three channels are equal, with one."""
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
