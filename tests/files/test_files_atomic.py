from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, read_bytes, write_bytes, write_folder, write_stream


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"one")
    write_bytes(path, b"another")
    assert path.read_bytes() == b"another"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["os.fsync", "os.replace", "builtins.open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_refusal_is_one_line_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"one")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        with pytest.raises(StoreError) as caught:
            write_bytes(path, b"another")
    assert str(caught.value) == f"{path}: cannot be written: {os.strerror(number)}"
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_bytes(tmp_path / "file", b"one")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_disappeared(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone/file: cannot be written: No such file or directory"):
        write_bytes(tmp_path / "gone" / "file", b"one")
    with pytest.raises(StoreError, match="cannot be made: No such file"):
        make_folder(tmp_path / "gone" / "folder", parents=False)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be made"):
        make_folder(tmp_path / "file")


def test_reading_is_bounded_and_only_of_plain_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(StoreError, match="5 bytes, at most 4 expected"):
        read_bytes(path, 4)
    with pytest.raises(StoreError, match="there is no such file"):
        read_bytes(tmp_path / "absent", 5)
    with pytest.raises(StoreError, match="not a file"):
        read_bytes(tmp_path, 5)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a file"):
        read_bytes(tmp_path / "pipe", 5)
    with open(tmp_path / "sparse", "wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(StoreError, match="at most 100 expected"):
        read_bytes(tmp_path / "sparse", 100)


def test_a_stream_that_is_refused_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_stream(path, lambda stream: stream.write(b"one"))

    def full(stream: Any) -> None:
        stream.write(b"ano")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match="file: cannot be written: No space left"):
        write_stream(path, full)
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(folder: Path) -> None:
        for name in ("one", "two"):
            (folder / name).write_bytes(name.encode())

    def full(folder: Path) -> None:
        fill(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match="new: cannot be written: No space left"):
        write_folder(tmp_path / "new", full)
    assert os.listdir(tmp_path) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="empty: cannot be written"):
        write_folder(tmp_path / "empty", full)
    assert os.listdir(tmp_path) == ["empty"]
    write_folder(tmp_path / "empty", fill)
    write_folder(tmp_path / "above" / "new", fill)
    monkeypatch.chdir(tmp_path / "above")
    write_folder(Path("relative"), fill)
    for folder in (tmp_path / "empty", tmp_path / "above" / "new", tmp_path / "above" / "relative"):
        assert sorted(os.listdir(folder)) == ["one", "two"]
    for taken in (tmp_path / "empty", tmp_path / "empty" / "one", Path(".")):
        with pytest.raises(StoreError, match="is there already, and is not an empty folder"):
            write_folder(taken, fill)
    assert sorted(os.listdir(tmp_path)) == ["above", "empty"]
