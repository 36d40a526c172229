"""Arrays in an .npz are mapped where they lie."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganbench.errors import DatasetError
from ganbench.files.arrays import describe_arrays, load_arrays

X = np.arange(2 * 3 * 4, dtype=">f4").reshape(2, 3, 4)


def load(path: Path, name: str = "x") -> Any:
    return load_arrays(path, lambda _: {name: name}, mapped=True)[name]


@pytest.mark.parametrize("array", [X, np.asfortranarray(X), X[0, 0], X.astype(bool), X.astype(complex)])
def test_what_lies_uncompressed_is_mapped(tmp_path: Path, array: Any) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, other=X[:1], x=array)
    found = load(path)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert describe_arrays(path) == {"other": ((1, 3, 4), X.dtype), "x": (array.shape, array.dtype)}


@pytest.mark.parametrize(
    "write",
    [
        lambda path: np.savez_compressed(path, x=X),
        lambda path: np.savez(path, x=X[:0]),
        lambda path: np.savez(path, x=X[0, 0, 0]),
    ],
)
def test_what_is_packed_or_empty_is_read(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "a.npz"
    write(path)
    with np.load(path) as archive:
        assert np.array_equal(load(path), archive["x"])
    assert not isinstance(load(path), np.memmap)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([object()]))
    with pytest.raises(DatasetError, match="holds pickled objects, which are never unpickled"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("at", [0, -1])
def test_damage_is_found(tmp_path: Path, at: int) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=X)
    content = bytearray(path.read_bytes())
    first = content.index(X.tobytes())
    content[(first, first + X.nbytes - 1)[at]] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"bad checksum of 'x\.npy'"):
        load(path)


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    path, stream = tmp_path / "a.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", stream.getvalue() + b"?")
    with pytest.raises(DatasetError, match="is longer or shorter than its header says"):
        load(path)
