"""Archives from anywhere: what is unsafe or broken is refused, and the rest is listed as a folder is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganbench.files.archives import ArchiveError, opened_archive
from ganbench.files.picture_listing import LITTER, OTHER, list_folder
from ganbench.files.pictures import read_shape


@pytest.fixture(autouse=True)
def small_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspect files of a megabyte already."""
    monkeypatch.setattr("ganbench.files.archives.MIN_SUSPECT_BYTES", 2**20)


PNG = io.BytesIO()
Image.new("RGB", (8, 8)).save(PNG, "PNG")


def tar_of(path: Path, *members: tuple[str, bytes | None, bytes]) -> Path:
    """Write a tar of members: name, content (None for none), type."""
    with tarfile.open(path, "w") as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content or b""), "a.png"
            archive.addfile(member, io.BytesIO(content or b""))
    return path


def zip_of(path: Path, *names: str, mode: int = 0o644, content: bytes = PNG.getvalue()) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            member = zipfile.ZipInfo(name)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path


def encrypted(path: Path) -> Path:
    content = bytearray(zip_of(path, "a.png").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


def shortened(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


REGULAR = tarfile.REGTYPE
UNSAFE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "tar_up": (lambda root: tar_of(root / "d.tar", ("../a.png", PNG.getvalue(), REGULAR)), "leads out of it"),
    "zip_up": (lambda root: zip_of(root / "d.zip", "x/../../a.png"), "leads out of it"),
    "tar_absolute": (
        lambda root: tar_of(root / "d.tar", ("/a.png", b"", REGULAR)),
        "no name within an archive",
    ),
    "zip_absolute": (lambda root: zip_of(root / "d.zip", "/a.png"), "no name within an archive"),
    "zip_drive": (lambda root: zip_of(root / "d.zip", "C:a.png"), "no name within an archive"),
    "zip_backslash": (lambda root: zip_of(root / "d.zip", "..\\a.png"), "no name within an archive"),
    "tar_link": (
        lambda root: tar_of(root / "d.tar", ("b.png", None, tarfile.SYMTYPE)),
        "holds a link, 'b.png'",
    ),
    "tar_hard_link": (lambda root: tar_of(root / "d.tar", ("b", None, tarfile.LNKTYPE)), "holds a link, 'b'"),
    "zip_link": (lambda root: zip_of(root / "d.zip", "b.png", mode=0o120777), "holds a link, 'b.png'"),
    "tar_pipe": (lambda root: tar_of(root / "d.tar", ("b", None, tarfile.FIFOTYPE)), "neither a plain file"),
    "tar_twice": (
        lambda root: tar_of(root / "d.tar", *[("a.png", PNG.getvalue(), REGULAR)] * 2),
        "holds 'a.png' twice",
    ),
    "zip_bomb": (
        lambda root: zip_of(root / "d.zip", "a.png", content=bytes(3 * 2**20)),
        "unpacks to more than 500 times its size",
    ),
    "zip_encrypted": (lambda root: encrypted(root / "d.zip"), "is encrypted ('a.png')"),
    "zip_cut": (lambda root: shortened(zip_of(root / "d.zip", "a.png"), 0.7), "is broken: File is not a zip"),
    "tar_cut": (
        lambda root: shortened(
            tar_of(root / "d.tar", *[(f"{i}.png", PNG.getvalue(), REGULAR) for i in range(9)]), 0.4
        ),
        "is broken: ",
    ),
    "zip_none": (lambda root: shortened(zip_of(root / "d.zip", "a.png"), 0), "is broken: File is not a zip"),
    "tar_none": (lambda root: shortened(tar_of(root / "d.tar"), 0), "is broken: "),
}


def refusal(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught, opened_archive(path):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("case", UNSAFE)
def test_unsafe_and_broken_archives_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    make, problem = UNSAFE[case]
    assert problem in refusal(make(tmp_path))


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_archives_that_are_cut_short_or_bombs(tmp_path: Path, ending: str, pack: Any) -> None:
    path = tmp_path / f"d.tar.{ending}"
    members = [(f"{index}.png", os.urandom(200), REGULAR) for index in range(9)]
    path.write_bytes(pack(tar_of(tmp_path / "d.tar", *members).read_bytes()))
    assert refusal(shortened(path, 0.6)).startswith("is broken: Compressed file ended")
    bomb = tar_of(tmp_path / "d.tar", ("zeros.png", bytes(3 * 2**20), REGULAR))
    path.write_bytes(pack(bomb.read_bytes()))
    assert refusal(path) == "unpacks to more than 500 times its size; no pictures do"


def test_what_is_in_it_is_sorted_as_in_a_folder(tmp_path: Path) -> None:
    files = {
        "b/1.png": PNG.getvalue(),
        "a/2.PNG": b"?",
        "a/.x": b"",
        "__MACOSX/1.png": b"",
        "t.txt": b"",
        "h.heic": b"",
    }
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
            (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "d" / name).write_bytes(content)
    there = list_folder(tmp_path / "d")
    with opened_archive(tmp_path / "d.zip") as listing:
        assert [file.name for file in listing.pictures] == ["a/2.PNG", "b/1.png"]
        assert [file.name for file in there.pictures] == ["a/2.PNG", "b/1.png"]
        assert read_shape(listing.pictures[1].source) == (3, 8, 8)
        for found in (listing, there):
            assert list(found.others) == ["t.txt"]
            assert list(found.refused) == ["h.heic"]
            assert (found.passed_over[LITTER], found.passed_over[OTHER]) == (2, 1)


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "d.tar.gz"
    path.write_bytes(gzip.compress(tar_of(tmp_path / "d.tar").read_bytes()))
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert refusal(path) == "cannot be read: No space left on device"


def test_threads_read_a_tar_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = threading.Lock()
    extracted = tarfile.TarFile.extractfile

    class Alone:
        def __init__(self, file: Any) -> None:
            self.file = file

        def read(self) -> bytes:
            assert reading.acquire(blocking=False)
            time.sleep(0.001)
            content: bytes = self.file.read()
            reading.release()
            return content

    monkeypatch.setattr(tarfile.TarFile, "extractfile", lambda *given: Alone(extracted(*given)))
    contents = {"a.png": b"a" * 1000, "b.png": b"b" * 1000}
    path = tar_of(tmp_path / "d.tar", *((name, content, REGULAR) for name, content in contents.items()))
    with opened_archive(path) as listing, ThreadPoolExecutor(2) as pool:
        sources: dict[str, Any] = {file.name: file.source for file in listing.pictures}
        for name, file in zip(
            [*contents] * 10, pool.map(lambda name: sources[name](), [*contents] * 10), strict=True
        ):
            assert file.read() == contents[name]
