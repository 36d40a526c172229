"""Pictures that lie on their side in their file are read as every viewer shows them."""

from __future__ import annotations

import io
import logging
import os
import struct
import warnings
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.files import pictures
from ganbench.files.pictures import PictureError, read_pixels, read_shape
from ganbench.runner.image_folders import read_image_folder

# Wide, and different in each corner.
UPRIGHT = np.zeros((24, 40, 3), np.uint8)
UPRIGHT[:8, :8], UPRIGHT[:8, -8:], UPRIGHT[-8:, :8] = (250, 20, 20), (20, 250, 20), (20, 20, 250)
# What a camera stores, by orientation (EXIF 2.3, section 4.6.4), so that viewers show the picture upright.
STORED: dict[int, Any] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image.transpose(1, 0, 2)[::-1],
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda image: image.transpose(1, 0, 2)[:, ::-1],
}
SAVING: dict[str, dict[str, Any]] = {
    "jpg": {"quality": 100, "subsampling": 0},
    "png": {},
    "webp": {"lossless": True},
}


def save(path: Path, orientation: int, upright: Any = UPRIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](upright))
    Image.fromarray(stored).save(path, exif=exif, **SAVING[path.suffix[1:]])


def assert_upright(found: Any, upright: Any = UPRIGHT) -> None:
    assert found.shape == (3, *upright.shape[:2])
    # JPEG loses a little.
    assert np.abs(found.astype(int) - upright.transpose(2, 0, 1)).max() < 30


@pytest.mark.parametrize("ending", list(SAVING))
@pytest.mark.parametrize("orientation", list(STORED))
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    path = tmp_path / f"one.{ending}"
    save(path, orientation)
    assert read_shape(path) == (3, 24, 40)
    seen: list[object] = []
    assert_upright(read_pixels(path, seen.append))
    assert seen == [(3, 24, 40)]
    # One that is square turns too.
    save(tmp_path / f"square.{ending}", orientation, UPRIGHT[:, :24])
    assert_upright(read_pixels(tmp_path / f"square.{ending}"), UPRIGHT[:, :24])


def test_orientation_behind_the_pixels_of_a_png_and_in_xmp_is_read(tmp_path: Path) -> None:
    save(tmp_path / "before.png", 6)
    content = (tmp_path / "before.png").read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    chunk, rest = content[start:end], content[:start] + content[end:]
    behind = tmp_path / "behind.png"
    behind.write_bytes(rest[:-12] + chunk + rest[-12:])
    xmp = tmp_path / "xmp.jpg"
    Image.fromarray(np.ascontiguousarray(STORED[8](UPRIGHT))).save(
        xmp, xmp=b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>', **SAVING["jpg"]
    )
    for path in (behind, xmp):
        assert read_shape(path) == (3, 24, 40)
        assert_upright(read_pixels(path))


def exif_chunk(content: bytes) -> bytes:
    chunk = b"eXIf" + content
    return struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize("exif", [b"", b"nonsense", b"II*\x00\x08\x00\x00\x00\x05\x00\x12\x01"])
def test_damaged_exif_says_nothing(tmp_path: Path, exif: bytes) -> None:
    path = tmp_path / "one.png"
    stream = io.BytesIO()
    Image.fromarray(UPRIGHT).save(stream, "PNG")
    content = stream.getvalue()
    path.write_bytes(content[:33] + exif_chunk(exif) + content[33:])
    assert read_shape(path) == (3, 24, 40)
    assert_upright(read_pixels(path))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_there_is_not_says_nothing(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(UPRIGHT).save(tmp_path / "one.png", exif=exif)
    assert_upright(read_pixels(tmp_path / "one.png"))


def test_turned_pictures_are_those_that_are_upright_in_a_folder_and_in_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    for orientation in STORED:
        save(tmp_path / "turned" / f"{orientation}.png", orientation)
        save(tmp_path / "upright" / f"{orientation}.png", 1)
    turned, upright = (read_image_folder(tmp_path / name).x for name in ("turned", "upright"))
    assert turned.equal(upright)
    build = load_catalog().build
    data = [
        build("dataset", "image_folder", {"path": str(tmp_path / name)}) for name in ("turned", "upright")
    ]
    assert data[0].fingerprint == data[1].fingerprint
    # The sizes are those after turning.
    save(tmp_path / "turned" / "9.png", 6, UPRIGHT.transpose(1, 0, 2))
    with pytest.raises(DatasetError, match=r"'1\.png' is 40x24 RGB, '9\.png' is 24x40 RGB"):
        read_image_folder(tmp_path / "turned")
    with pytest.raises(DatasetError, match=r"'1\.png' is 40x24 RGB, '9\.png' is 24x40 RGB"):
        build("dataset", "image_folder", {"path": str(tmp_path / "turned")})


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.png")
    for read in (read_shape, read_pixels):
        with pytest.raises(PictureError, match=r"^is not a file but a named pipe$"):
            read(tmp_path / "one.png")


def test_pillow_prints_nothing_of_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.tif"
    Image.fromarray(UPRIGHT).save(path)
    content = path.read_bytes()
    # The tag of the samples per pixel: 277, a short, one of it, 3.
    tag = struct.pack("<HHIH", 277, 3, 1, 3)
    assert content.count(tag) == 1
    path.write_bytes(content.replace(tag, struct.pack("<HHIH", 277, 3, 1, 169)))
    # As outside of pytest, which handles what is logged.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with pytest.raises(PictureError, match="is broken"):
        read_pixels(path)
    assert capfd.readouterr() == ("", "")


def test_bombs_are_refused_until_the_last_thread_has_read() -> None:
    before = list(warnings.filters)
    first, second = ExitStack(), ExitStack()
    first.enter_context(pictures._BOMBS_REFUSED)
    within = list(warnings.filters)
    assert within != before
    second.enter_context(pictures._BOMBS_REFUSED)
    first.close()
    assert list(warnings.filters) == within
    second.close()
    assert list(warnings.filters) == before
