from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest
import torch
from small_store import tensors

from ganbench.errors import StoreError
from ganbench.files.tensors import read_state, read_tensors, serialise, write_state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and one[name].contiguous().view(-1).view(torch.uint8).equal(other[name].view(-1).view(torch.uint8))
        for name in one
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, tensors(), {"step": 3, "nan": float("inf"), "text": "ß"})
    read, record = read_state(path)
    assert same(tensors(), read)
    assert record == {"step": 3, "nan": float("inf"), "text": "ß"}


def test_equal_tensors_give_equal_bytes_whatever_their_layout() -> None:
    matrix = torch.arange(12.0).view(3, 4)
    turned = matrix.t().contiguous().t()
    assert not turned.is_contiguous()
    assert serialise({"b": matrix, "a": matrix[0]}) == serialise({"a": turned[0], "b": turned})


def test_one_byte_flipped_anywhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, tensors(), {"step": 3})
    content = path.read_bytes()
    draw = random.Random(0)
    for offset in range(len(content)):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        try:
            read, record = read_state(path)
        except StoreError as error:
            found = str(error)
        else:
            # A letter's case in an escape, say: nothing that is used has changed.
            assert same(tensors(), read), offset
            assert record == {"step": 3}, offset
            continue
        assert found.startswith(f"{path}: "), offset
        assert "\n" not in found, offset


def test_every_truncation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, tensors(), {"step": 3})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(StoreError):
            read_state(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(StoreError):
        read_state(path)


def header(described: object, data: bytes = b"") -> bytes:
    text = json.dumps(described).encode()
    return struct.pack("<Q", len(text)) + text + data


HOSTILE = {
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "header beyond the file": struct.pack("<Q", 2**20) + b"{}",
    "huge shape": header({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, b"0000"),
    "shape that overflows": header(
        {"w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}, b"0000"
    ),
    "offsets beyond the file": header(
        {"w": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}, b"0000"
    ),
    "negative shape": header({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0000"),
    "unknown type": header({"w": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}}, b"0000"),
    "not a table": header([1]),
    "deep": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtin\x94.",
    "nothing": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    for read in (read_state, read_tensors):
        with pytest.raises(StoreError):
            read(path)


def test_a_state_without_a_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(serialise(tensors()))
    with pytest.raises(StoreError, match="checksum"):
        read_state(path)
    assert same(read_tensors(path), tensors())


def test_a_file_beyond_its_limit_is_not_even_read(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as stream:
        stream.truncate(2**42)
    for read in (read_state, read_tensors):
        with pytest.raises(StoreError, match="at most 1000 expected"):
            read(tmp_path / "file", 1000)
