"""Arrays of samples made elsewhere."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.errors import DatasetError
from ganbench.files.arrays import companions_of, pixels_of, points_of, read_arrays
from ganbench.scoring import to_uint8

HERE = Path("some.npz")
X = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)


def test_the_samples_are_x_or_the_first_or_the_only_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    other = X[:1]
    for arrays in ({"x": X, "arr_0": other}, {"arr_0": X, "arr_1": other}, {"whatever": X}):
        np.savez(path, **arrays)
        assert np.array_equal(read_arrays(path)["x"], X)
    np.savez_compressed(path, x=X, labels=np.arange(2), index=np.arange(2), other=other)
    assert set(read_arrays(path)) == {"x", "labels", "index"}
    np.savez(path, arr_0=X, arr_1=np.array([4, 1], np.uint8))
    assert read_arrays(path)["labels"].tolist() == [4, 1]
    np.savez(path, arr_0=X, arr_1=np.array([4, 1, 2]))
    assert set(read_arrays(path)) == {"x"}
    np.save(tmp_path / "a.npy", X)
    assert np.array_equal(read_arrays(tmp_path / "a.npy")["x"], X)


class Boom:
    def __reduce__(self) -> Any:
        return pytest.fail, ("it was unpickled",)


def member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)


def header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def claiming(path: Path) -> None:
    """An archive whose directory says that its member has 65 GiB."""
    member(path, "x.npy", header((65 * 2**30,)))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = b"\xff\xff\xff\xff"
    extra = b"\x01\x00\x08\x00" + (65 * 2**30).to_bytes(8, "little")
    name_end = at + 46 + len("x.npy")
    content[at + 30 : at + 32] = len(extra).to_bytes(2, "little")
    content[name_end:name_end] = extra
    end = content.index(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little") + len(extra)
    content[end + 12 : end + 16] = size.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "is not a file but a folder"),
        (os.mkfifo, "is not a file but a named pipe"),
        (lambda path: path.symlink_to("nowhere"), "is not a file but a link that leads nowhere"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a file but a device"),
        (lambda path: path.write_text("0 1 2\n3 4 5\n"), "is not an .npz file"),
        (lambda path: Image.new("L", (4, 4)).save(path, "PNG"), "is not an .npz file"),
        (lambda path: path.write_bytes(b""), "cannot be read: "),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "cannot be read: "),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(40)), "cannot be read: "),
        (lambda path: path.write_bytes(pickle.dumps(Boom())), "holds pickled objects, which are never"),
        (lambda path: np.savez(path, x=np.array([Boom()])), "holds pickled objects, which are never"),
        (
            lambda path: np.savez(path, y=X, z=X),
            "has no array 'x' (nor 'arr_0', nor only one); it has 'y', 'z'",
        ),
        (lambda path: np.savez(path), "has no array 'x' (nor 'arr_0', nor only one); it has nothing"),
        (lambda path: member(path, "x", b"text"), "'x' is not an array"),
        (lambda path: member(path, "x.npy", header((10**15,))), "claims more than the memory can hold"),
        (lambda path: member(path, "x.npy", header((100, 3, 8, 8)) + b"?"), "cannot be read: "),
        (claiming, "claims more than the memory can hold"),
        (lambda path: path.write_bytes(header((10**6,))), "cannot be read: "),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(
    tmp_path: Path, write: Callable[[Path], object], problem: str
) -> None:
    path = tmp_path / "a.npz"
    write(path)
    with pytest.raises(DatasetError) as caught:
        read_arrays(path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("array", [X, np.moveaxis(X, 1, 3), np.asfortranarray(X)])
def test_channels_may_come_first_or_last(array: Any) -> None:
    assert np.array_equal(pixels_of(array, HERE, None).numpy(), X)
    assert np.array_equal(pixels_of(X[:, 0], HERE, None).numpy(), X[:, :1])


def test_where_both_would_do_the_reference_decides() -> None:
    array = np.arange(2 * 3 * 5 * 3, dtype=np.uint8).reshape(2, 3, 5, 3)
    assert tuple(pixels_of(array, HERE, None).shape) == (2, 3, 5, 3)
    assert tuple(pixels_of(array, HERE, None, (3, 5, 3)).shape) == (2, 3, 5, 3)
    assert tuple(pixels_of(array, HERE, None, (3, 3, 5)).shape) == (2, 3, 3, 5)
    square = np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3)
    assert np.array_equal(pixels_of(square, HERE, None, (3, 3, 3)).numpy(), square)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4"])
def test_floats_are_rounded_as_a_generators_are(dtype: Any) -> None:
    made = (torch.rand(2500, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1).numpy()
    halves = (np.arange(16, dtype=np.float32) + 0.5).reshape(1, 1, 4, 4) / 127.5 - 1
    array = np.concatenate([made, halves]).astype(dtype)
    expected = to_uint8(torch.from_numpy(array.astype(np.float32)))
    assert torch.equal(pixels_of(array, HERE, (-1.0, 1.0)), expected)


def test_the_range_says_what_black_and_white_are() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16)
    for low, high in ((0.0, 1.0), (0.0, 255.0), (-0.5, 0.5)):
        array = levels / 255 * (high - low) + low
        assert np.array_equal(pixels_of(array, HERE, (low, high)).numpy(), levels)
    # Half a grey level beyond is what rounding makes black or white all the same.
    beyond = np.array([[[[-0.0019, 1.0019]]]], dtype=np.float32)
    assert pixels_of(beyond, HERE, (0.0, 1.0)).flatten().tolist() == [0, 255]


def spoiled(value: float) -> Any:
    array = np.zeros((1200, 1, 2, 2), dtype=np.float32)
    array[1100, 0, 1, 1] = value
    return array


@pytest.mark.parametrize(
    ("array", "span", "problem"),
    [
        (X, (0.0, 1.0), "holds uint8, whose range is known: --range is for floats"),
        (X.astype(np.int64), None, "holds int64; images must be uint8, or floats with --range"),
        (X > 3, (0.0, 1.0), "holds bool; images must be"),
        (X.astype(complex), (0.0, 1.0), "holds complex128; images must be"),
        (X.astype(np.float32), None, "holds float32: say with --range what black and white are"),
        (X.astype(np.float32), (0.0, 1.0), "has values from 0 to 119, beyond --range 0,1: clip them"),
        (spoiled(-0.01), (0.0, 1.0), "has values from -0.01 to 0, beyond --range 0,1"),
        (spoiled(np.nan), (0.0, 1.0), "image 1100 has NaN or infinity in it"),
        (spoiled(-np.inf), (0.0, 1.0), "image 1100 has NaN or infinity in it"),
        (spoiled(1.0).astype(np.float64) * 1e300, (0.0, 1.0), "image 1100 has NaN or infinity in it"),
        (X[0, 0], None, "has uint8 of shape (4, 5); images must be (N, C, H, W), (N, H, W, C) or (N, H, W)"),
        (X.reshape(2, 2, 2, 15), None, "has uint8 of shape (2, 2, 2, 15); images must be"),
        (X[:0], None, "holds no samples"),
        (X[:, :, :0], None, "has uint8 of shape (2, 3, 0, 5); images must be"),
        (X[None], None, "has uint8 of shape (1, 2, 3, 4, 5); images must be"),
        (np.uint8(3), None, "has uint8 of shape (); images must be"),
    ],
)
def test_what_are_no_images_is_refused(array: Any, span: tuple[float, float] | None, problem: str) -> None:
    with pytest.raises(DatasetError) as caught:
        pixels_of(array, HERE, span)
    assert str(caught.value).startswith(f"some.npz: {problem}")


def test_points_are_floats() -> None:
    array = np.arange(6, dtype=np.float64).reshape(3, 2) / 3
    assert torch.equal(points_of(array, HERE), torch.from_numpy(array.astype(np.float32)))
    for wrong, problem in (
        (array.astype(int), r"has int64 of shape \(3, 2\); points must be floats of shape \(N, d\)"),
        (array[0], "points must be"),
        (array[:0], "holds no samples"),
        (array[:, :0], "points must be"),
        (np.where(array > 1, np.nan, array), "point 2 has NaN or infinity in it"),
        (array * 1e300, "point 0 has NaN or infinity in it"),
    ):
        with pytest.raises(DatasetError, match=problem):
            points_of(wrong, HERE)


def test_what_belongs_to_the_samples() -> None:
    labels, condition = np.array([3, 1]), np.ones((2, 4), dtype=">f4")
    found = companions_of({"x": X, "labels": labels, "condition": condition, "index": labels}, HERE)
    assert set(found) == {"labels", "condition", "index"}
    assert found["labels"].tolist() == [3, 1]
    assert torch.equal(found["condition"], torch.ones(2, 4))
    assert companions_of({"x": X}, HERE) == {}
    for kind in ("uint8", ">i4", "uint64", "float16", ">f8"):
        for given in (labels.astype(kind), labels.astype(kind)[:, np.newaxis]):
            other = companions_of({"x": X, "labels": given}, HERE)["labels"]
            assert (other.dtype, other.tolist()) == (torch.int64, [3, 1])
    for name, wrong, expected in (
        ("labels", labels[:1], r"integers of shape \(2,\)"),
        ("labels", labels + 0.5, r"integers of shape \(2,\)"),
        ("labels", np.array([1, np.nan]), r"integers of shape \(2,\)"),
        ("labels", np.array([1, 1e300]), r"integers of shape \(2,\)"),
        ("labels", np.array([1, 2**63], np.uint64), r"integers of shape \(2,\)"),
        ("index", condition, r"integers of shape \(2,\)"),
        ("condition", condition[:1], "2 rows of numbers"),
        ("condition", np.float32(1), "2 rows of numbers"),
        ("condition", np.array(["a", "b"]), "2 rows of numbers"),
    ):
        with pytest.raises(DatasetError, match=f"{name!r} is .*; expected {expected}"):
            companions_of({"x": X, name: wrong}, HERE)
