"""Arrays of samples made by other programs: .npy and .npz, in any of the usual layouts, never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import DatasetError, shown
from ganbench.files.alpha_channel import WITH_ALPHA, opaque_images
from ganbench.files.mapped_members import map_member, map_unpacked, read_header
from ganbench.files.pictures import Background
from ganbench.files.regular import irregular, open_regular
from ganbench.files.tensors import MAX_BYTES

ARRAY_ENDINGS = (".npz", ".npy")
# What `ganbench sample` writes beside the samples.
COMPANIONS = ("labels", "condition", "index")
Array = NDArray[Any]
_KINDS = {".npy": "a .npy file", ".npz": "an .npz file"}
# How files of one array begin, and archives of several, with something in them and without.
_MAGIC = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")
# Of `numpy.savez`, the second array.
_MAYBE_LABELS = "arr_1"
_PICKLE = b"\x80"
# Floats are made into pixels so many images at a time: all at once, they take several times the memory.
_CHUNK = 1000
# Beyond this, floats of 64 bits leave whole numbers out.
_MAX_WHOLE = 2.0**53


def read_arrays(path: Path, *, mapped: bool = False) -> dict[str, Array]:
    """Read the arrays of a file, the samples under `x`.

    Args:
        path: .npy; or .npz with the samples as `x` (as `ganbench sample` writes it, what belongs to them
            beside), as `arr_0` (as `numpy.savez` names it; the labels, if there are any, as `arr_1`), or as
            its only array.
        mapped: as for `load_arrays`.

    Raises:
        DatasetError: the file is absent, another kind of file, damaged, holds pickled objects, or no such
            array.
    """
    found = load_arrays(path, lambda names: _samples_among(names, path), mapped=mapped)
    if _MAYBE_LABELS in found:
        second = found.pop(_MAYBE_LABELS)
        # Labels, as ADM's (guided-diffusion's) files have them; anything else is no concern of ours.
        whole = second.dtype.kind in "iu" and second.ndim == 1
        if second.shape[:1] == found["x"].shape[:1] and (whole or one_hot_classes(second) is not None):
            found["labels"] = second
    return found


def read_named(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Read those arrays of an .npz that have one of these names; none of a .npy.

    Args:
        path: the file.
        names: of the arrays.

    Raises:
        DatasetError: the file is absent, another kind of file, damaged, or holds pickled objects.
    """
    return load_arrays(path, lambda there: {name: name for name in names if name in there})


def load_arrays(
    path: Path, choose: Callable[[list[str]], Mapping[str, str]], *, mapped: bool = False
) -> dict[str, Array]:
    """Read chosen arrays of a file.

    Args:
        path: .npy or .npz.
        choose: given the names of the arrays in the file, `["x"]` for a .npy, says which are read: its name
            by the name under which it is returned. A DatasetError that it raises is passed on.
        mapped: whether a .npy, or what lies in an .npz, is mapped into memory, read-only, in place of being
            read; large arrays that are compressed are unpacked to a temporary file first.

    Raises:
        DatasetError: the file is absent, another kind of file, damaged, or holds pickled objects.
    """
    if problem := irregular(path):
        raise DatasetError(f"{path}: {problem}")
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        with open_regular(path) as stream:
            start = stream.read(len(_MAGIC[0]))
            stream.seek(0)
            if start and not start.startswith((*_MAGIC, _PICKLE)):
                raise DatasetError(f"{path}: is not {_KINDS.get(path.suffix.lower(), 'an array')}")
            if mapped and start.startswith(_MAGIC[0]):
                loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {name: loaded for name in choose(["x"])}
            with loaded:
                chosen = choose(list(loaded.files))
                return {name: _member(path, loaded, member, mapped=mapped) for name, member in chosen.items()}
    except DatasetError:
        raise
    except MemoryError as error:
        raise DatasetError(f"{path}: claims more than the memory can hold") from error
    except Exception as error:  # a file that is none makes the reader fail in any way there is
        text = str(error)
        if "pickle" in text or "Python objects" in text:
            raise DatasetError(f"{path}: holds pickled objects, which are never unpickled") from error
        reason = getattr(error, "strerror", None) or text or type(error).__name__
        raise DatasetError(f"{path}: cannot be read: {shown(str(reason))[1:-1]}") from error


def pixels_of(
    array: Array,
    path: Path,
    span: tuple[float, float] | None,
    like: tuple[int, ...] | None = None,
    *,
    background: Background | None = None,
    notes: list[str] | None = None,
    first: int = 0,
) -> Tensor:
    """Convert an array to images.

    Args:
        array: uint8 or floats, (N, C, H, W), (N, H, W, C) or (N, H, W), C 1, 3, or 4 with an alpha channel.
        path: its file, for messages.
        span: for floats, what is black and what is white; they are rounded as a generator's images are.
        like: the shape (C, H, W) that decides where an array could be read both ways; the first of the
            layouts above otherwise.
        background: what transparent images are laid over; without it they are refused.
        notes: gets how many were, as a phrase.
        first: the number of the first image, for messages.

    Returns:
        uint8 (N, C, H, W), C 1 or 3.

    Raises:
        DatasetError: no samples; another shape or type; floats without a span, not finite, or beyond it;
            images that are transparent in places, without a background.
    """
    _require_some(array, path)
    placed = channels_first(array, path, like)
    if array.dtype == np.uint8:
        if span is not None:
            raise DatasetError(f"{path}: holds uint8, whose range is known: --range is for floats")
        if placed.shape[1] == WITH_ALPHA:
            return opaque_images(placed, path, background, notes)
        return torch.from_numpy(np.ascontiguousarray(placed))
    if array.dtype.kind != "f":
        raise DatasetError(f"{path}: holds {array.dtype}; images must be uint8, or floats with --range")
    if span is None:
        raise DatasetError(
            f"{path}: holds {array.dtype}: say with --range what black and white are, as --range=-1,1 or 0,1"
        )
    parts = [
        rounded_pixels(placed[at : at + _CHUNK], first + at, path, span)
        for at in range(0, len(placed), _CHUNK)
    ]
    pixels = torch.cat(parts)
    return pixels if pixels.shape[1] < WITH_ALPHA else opaque_images(pixels.numpy(), path, background, notes)


def channels_first(array: Array, path: Path, like: tuple[int, ...] | None = None) -> Array:
    """Move the channels of images to the second place, as a view.

    Args:
        array: (N, C, H, W), (N, H, W, C) or (N, H, W), C 1, 3, or 4 where neither place has 1 or 3.
        path: its file, for messages.
        like: the shape (C, H, W) that decides where an array could be read both ways; the first of the
            layouts above otherwise.

    Raises:
        DatasetError: it has another shape.
    """
    if 0 not in array.shape:
        if array.ndim == 3:
            return array[:, np.newaxis]
        if array.ndim == 4:
            first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
            if not first and not last:
                first, last = array.shape[1] == WITH_ALPHA, array.shape[3] == WITH_ALPHA
            channels_last = np.moveaxis(array, 3, 1)
            if last and (not first or channels_last.shape[1:] == like != array.shape[1:]):
                return channels_last
            if first:
                return array
    raise DatasetError(
        f"{path}: has {_text(array)}; images must be (N, C, H, W), (N, H, W, C) or (N, H, W) with C 1, 3 or 4"
    )


def rounded_pixels(
    array: Array, start: int, path: Path, span: tuple[float, float], option: str = "--range"
) -> Tensor:
    """Convert numbers to pixels, rounded as a generator's images are.

    Args:
        array: (n, ...), floats or integers.
        start: the number of the first image, for messages.
        path: the file, for messages.
        span: what is black and what is white.
        option: how the span was given, for messages.

    Returns:
        uint8, of the same shape.

    Raises:
        DatasetError: values that are not finite, or beyond the span.
    """
    # Whole numbers above 2^24 are no float32.
    kind = np.float32 if array.dtype.kind == "f" else np.float64
    with np.errstate(over="ignore"):
        images = torch.from_numpy(np.ascontiguousarray(array, dtype=kind))
    _require_finite(images, start, path, "image")
    black, white = span
    scaled = (images - black) * (255 / (white - black))
    # What would be rounded to black or to white all the same may lie a little beyond.
    if scaled.min() < -0.5 or scaled.max() > 255.5:
        raise DatasetError(
            f"{path}: has values from {float(images.min()):g} to {float(images.max()):g}, beyond {option} "
            f"{black:g},{white:g}: clip them, or state what black and white are"
        )
    return scaled.round().clamp(0, 255).to(torch.uint8)


def points_of(array: Array, path: Path) -> Tensor:
    """Points of an array of floats (N, d), as float32.

    Raises:
        DatasetError: no points; another shape or type, or a point that is not finite.
    """
    _require_some(array, path)
    if array.ndim != 2 or array.dtype.kind != "f" or 0 in array.shape:
        raise DatasetError(f"{path}: has {_text(array)}; points must be floats of shape (N, d)")
    with np.errstate(over="ignore"):
        points = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    _require_finite(points, 0, path, "point")
    return points


def companions_of(arrays: Mapping[str, Array], path: Path) -> dict[str, Tensor]:
    """Read labels, condition and index from a file that `ganbench sample` wrote.

    Raises:
        DatasetError: one of them has another length, or another type.
    """
    found = {}
    count = len(arrays["x"])
    for name in COMPANIONS:
        if name not in arrays:
            continue
        array = arrays[name]
        if name == "labels":
            array = _class_numbers(array)
        if name == "condition":
            fits, expected = (
                array.dtype.kind in "fiu" and array.shape[:1] == (count,),
                f"{count} rows of numbers",
            )
        else:
            whole = array.dtype.kind in "iu" and (array.dtype != np.uint64 or array.max(initial=0) < 2**63)
            fits, expected = whole and array.shape == (count,), f"integers of shape ({count},)"
        if not fits:
            raise DatasetError(f"{path}: {name!r} is {_text(array)}; expected {expected}")
        # Whatever the file's byte order.
        kept = array.dtype.newbyteorder("=") if name == "condition" else np.int64
        found[name] = torch.from_numpy(np.ascontiguousarray(array, dtype=kept))
    return found


def one_hot_classes(array: Array) -> NDArray[np.int64] | None:
    """Find the class of each row where every row has a single 1 among zeros.

    Args:
        array: of any shape and type.

    Returns:
        int64 (N,), 0 to K - 1; None where it is not (N, K), K at least 2, or has other rows.
    """
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "iubf":
        return None
    classes = np.empty(len(array), dtype=np.int64)
    for at in range(0, len(array), _CHUNK):
        block = array[at : at + _CHUNK]
        ones = block == 1
        if not ((ones | (block == 0)).all() and (ones.sum(axis=1) == 1).all()):
            return None
        classes[at : at + _CHUNK] = ones.argmax(axis=1)
    return classes


def _class_numbers(labels: Array) -> Array:
    """Make integers (N,) of labels that are one-hot, in a column, or whole numbers stored as floats."""
    if (classes := one_hot_classes(labels)) is not None:
        return classes
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f":
        numbers = labels.astype(np.float64)
        if (np.abs(numbers) < _MAX_WHOLE).all() and (numbers == np.floor(numbers)).all():
            return numbers.astype(np.int64)
    return labels


def _samples_among(names: Sequence[str], path: Path) -> dict[str, str]:
    """Choose the samples, under `x`, and what belongs to them.

    Raises:
        DatasetError: none of the arrays is sure to be the samples.
    """
    if "x" in names:
        return {name: name for name in ("x", *COMPANIONS) if name in names}
    if "arr_0" in names or len(names) == 1:
        found = {"x": "arr_0" if "arr_0" in names else names[0]}
        return {**found, _MAYBE_LABELS: _MAYBE_LABELS} if _MAYBE_LABELS in names else found
    raise DatasetError(
        f"{path}: has no array 'x' (nor 'arr_0', nor only one); it has {shown(names)[1:-1] or 'nothing'}"
    )


def _member(path: Path, archive: Any, name: str, *, mapped: bool) -> Array:
    member = archive.zip.getinfo(name if name in archive.zip.namelist() else f"{name}.npy")
    if mapped and (found := map_member(path, member)) is not None:
        return found
    # The archive's own directory says how large it becomes: no more than that is ever unpacked.
    if member.file_size > MAX_BYTES:
        raise MemoryError
    if mapped and (found := map_unpacked(archive.zip, member)) is not None:
        return found
    value = archive[name]
    # What is not an array in the archive comes as bytes.
    if not isinstance(value, np.ndarray):
        raise DatasetError(f"{path}: {shown(name)} is not an array")
    return value


def _require_some(array: Array, path: Path) -> None:
    if array.ndim and not len(array):
        raise DatasetError(f"{path}: holds no samples")


def _require_finite(samples: Tensor, start: int, path: Path, noun: str) -> None:
    finite = torch.isfinite(samples).flatten(1).all(dim=1)
    if not finite.all():
        raise DatasetError(f"{path}: {noun} {start + int(finite.int().argmin())} has NaN or infinity in it")


def _text(array: Array) -> str:
    return f"{array.dtype} of shape {array.shape}"


def describe_arrays(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Give shape and type of each array in a .npy (`x`) or .npz file, from their headers alone.

    Raises:
        DatasetError: as of `load_arrays`.
    """
    load_arrays(path, lambda names: {}, mapped=True)
    if not zipfile.is_zipfile(path):
        array = load_arrays(path, lambda names: {"x": "x"}, mapped=True)["x"]
        return {"x": (array.shape, array.dtype)}
    described = {}
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as content:
                        shape, _, dtype = read_header(content)
                    described[member.removesuffix(".npy")] = (shape, dtype)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{path}: cannot be read: {shown(str(error))[1:-1]}") from error
    return described
