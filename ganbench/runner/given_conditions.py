"""Conditions that a user gives for samples: classes by number, or a file of conditions like the data's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.errors import DatasetError, GridError
from ganbench.files.arrays import ARRAY_ENDINGS, Array, read_arrays
from ganbench.files.pictures import ENDINGS, PictureError, describe, read_pixels
from ganbench.runner.build import CellParts
from ganbench.runner.captioned_pictures import has_picture_conditions


def given_classes(parts: CellParts, classes: Sequence[int]) -> Tensor:
    """Turn numbers of classes into conditions of a cell's generator.

    Args:
        parts: of the cell.
        classes: at least one.

    Returns:
        int64 (n,).

    Raises:
        GridError: the generator takes no labels, or there is no such class.
    """
    signature = parts.dataset.signature
    _require_conditional(parts, "--class")
    if signature.condition is not None:
        raise GridError(
            f"--class: data set {parts.cell.dataset.label!r} has conditions of shape "
            f"{tuple(signature.condition)} in place of classes: give --condition FILE"
        )
    if signature.classes is None:
        raise GridError(f"--class: data set {parts.cell.dataset.label!r} has no classes")
    for label in classes:
        if not 0 <= label < signature.classes:
            raise GridError(f"--class: must be from 0 to {signature.classes - 1}, given {label}")
    return torch.tensor(list(classes), dtype=torch.int64)


def read_conditions(parts: CellParts, path: Path) -> Tensor:
    """Read conditions for a cell's generator.

    Args:
        parts: of the cell.
        path: .npy or .npz, with one condition or several, in an .npz as `condition` (as `ganbench sample`
            writes them), `arr_0` or its only array; or a picture, where conditions are pictures. The values
            of a picture are 0 to 255 where the data's conditions are uint8, -1 to 1 where they are floats.

    Returns:
        (n, *shape), of the type of the data's conditions, n at least 1.

    Raises:
        GridError: the generator takes no conditions.
        DatasetError: the file cannot be read, or holds something else.
    """
    signature = parts.dataset.signature
    _require_conditional(parts, "--condition")
    if signature.condition is None:
        raise GridError(
            f"--condition: data set {parts.cell.dataset.label!r} has classes and no other conditions: "
            "give --class"
        )
    like = parts.reference.condition
    assert like is not None
    ending = path.suffix.lower()
    if ending in ARRAY_ENDINGS:
        arrays = read_arrays(path)
        return _like(arrays.get("condition", arrays["x"]), like, path)
    if ending not in ENDINGS:
        raise DatasetError(
            f"{path}: must end in {', '.join(ARRAY_ENDINGS)}, or be a picture ({', '.join(ENDINGS)})"
        )
    if not has_picture_conditions(signature) or not (like.is_floating_point() or like.dtype == torch.uint8):
        raise DatasetError(f"{path}: is a picture; a condition must be {_text(like)}: give a .npy or .npz")
    return _of_picture(path, like)


def _require_conditional(parts: CellParts, option: str) -> None:
    if not parts.players.takes_condition("generator"):
        raise GridError(
            f"{option}: the generator of {parts.cell.id} takes no condition "
            f"(architecture {parts.cell.architecture.label!r})"
        )


def _like(array: Array, like: Tensor, path: Path) -> Tensor:
    """Turn an array into conditions of the data's shape and type; no value changes but floats are rounded."""
    shape = tuple(like.shape[1:])
    if array.shape == shape:
        array = array[np.newaxis]
    if array.shape[1:] != shape or array.ndim == 0:
        raise DatasetError(
            f"{path}: has shape {array.shape}; must be one condition, {_text(like)}, or several, (n, ...)"
        )
    if not len(array):
        raise DatasetError(f"{path}: holds no conditions")
    if array.dtype.kind not in ("f" if like.is_floating_point() else "iub"):
        raise DatasetError(f"{path}: holds {array.dtype}; a condition must be {_text(like)}")
    if like.is_floating_point():
        with np.errstate(over="ignore"):
            found = torch.from_numpy(np.array(array, dtype=np.float64)).to(like.dtype)
        if not torch.isfinite(found).all():
            raise DatasetError(f"{path}: has NaN or infinity in it")
        return found
    wide = array.astype(np.int64)
    found = torch.from_numpy(wide).to(like.dtype)
    if (wide < 0).any() != (array < 0).any() or not torch.equal(found.long(), torch.from_numpy(wide)):
        raise DatasetError(f"{path}: has values that {_name(like)} cannot hold")
    return found


def _of_picture(path: Path, like: Tensor) -> Tensor:
    shape = tuple(like.shape[1:])
    try:
        pixels = torch.from_numpy(np.array(read_pixels(path)))
    except PictureError as error:
        raise DatasetError(f"{path}: {error}") from error
    if pixels.shape[1:] != shape[1:] or pixels.shape[0] > shape[0]:
        wanted = describe((shape[0], shape[1], shape[2]))
        raise DatasetError(f"{path}: is {describe((pixels.shape[0], *pixels.shape[1:]))}; must be {wanted}")
    pixels = pixels.expand(shape[0], -1, -1)[None].contiguous()
    return pixels if like.dtype == torch.uint8 else (pixels.to(like.dtype) / 127.5 - 1)


def _text(like: Tensor) -> str:
    return f"{_name(like)} of shape {tuple(like.shape[1:])}"


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
