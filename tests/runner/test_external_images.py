"""A folder of images made by another program."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.errors import DatasetError
from ganbench.runner.external_samples import read_images

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def save(folder: Path, name: str, pixels: Any, mode: str | None = None, **options: Any) -> None:
    folder.mkdir(exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture if mode is None else picture.convert(mode)).save(folder / name, **options)


def with_alpha(pixels: Any, alpha: int) -> Any:
    flat = np.full((*GREY.shape, 1), 255, dtype=np.uint8)
    flat[1, 1] = alpha
    return np.concatenate([pixels if pixels.ndim == 3 else pixels[..., np.newaxis], flat], axis=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


def test_pixels_come_in_the_order_of_names(folder: Path) -> None:
    for name in ("b.png", "a.PNG", "10.png", "9.bmp"):
        save(folder, name, GREY + ord(name[0]))
    read = read_images(folder)
    assert (read.dtype, tuple(read.shape)) == (torch.uint8, (4, 1, 3, 4))
    assert [int(image[0, 0, 0]) for image in read] == [ord(letter) for letter in "19ab"]
    assert np.array_equal(read[2, 0].numpy(), GREY + ord("a"))


def test_colours_are_kept(folder: Path) -> None:
    save(folder, "one.png", COLOUR)
    save(folder, "two.webp", COLOUR, lossless=True)
    read = read_images(folder)
    assert tuple(read.shape) == (2, 3, 3, 4)
    for image in read:
        assert np.array_equal(image.numpy(), COLOUR.transpose(2, 0, 1))


def test_what_other_programs_leave_behind_is_passed_over(folder: Path) -> None:
    save(folder, "one.png", GREY)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", ".hidden.png"):
        (folder / name).write_bytes(b"?")
    (folder / ".git").mkdir()
    assert len(read_images(folder)) == 1


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.fromarray(COLOUR).convert("P", palette=Image.Palette.ADAPTIVE), COLOUR),
        (Image.fromarray(with_alpha(COLOUR, 255)), COLOUR),
        (Image.fromarray(with_alpha(GREY, 255), "LA"), GREY),
        (Image.fromarray((GREY > 100) * np.uint8(255)).convert("1"), (GREY > 100) * 255),
    ],
    ids=["palette", "opaque RGBA", "opaque LA", "one bit"],
)
def test_what_changes_no_pixel_is_converted(folder: Path, picture: Image.Image, expected: Any) -> None:
    folder.mkdir()
    picture.save(folder / "one.png")
    read = read_images(folder)[0].numpy()
    assert np.array_equal(read, expected[np.newaxis] if expected.ndim == 2 else expected.transpose(2, 0, 1))


def broken(folder: Path) -> None:
    path = folder / "b.png"
    path.write_bytes(path.read_bytes()[:45])


def flipped(folder: Path) -> None:
    path = folder / "b.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 255
    path.write_bytes(content)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(path: Path, width: int, height: int, bits: int, colour: int, rows: bytes) -> None:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def transparent_palette(folder: Path) -> None:
    Image.fromarray(GREY).convert("P").save(folder / "b.png", transparency=0)


def transparent_colour(folder: Path) -> None:
    Image.fromarray(COLOUR).save(folder / "b.png", transparency=tuple(COLOUR[0, 0].tolist()))


def animated(folder: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(folder / "b.png", save_all=True, append_images=frames[1:])


def cmyk(folder: Path) -> None:
    (folder / "b.png").unlink()
    Image.fromarray(COLOUR).convert("CMYK").save(folder / "b.jpg")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / "notes.txt").write_text("?"), "'notes.txt' is not an image (.png, .jpg,"),
        (lambda folder: (folder / "b").mkdir(), "'b' is a folder; the images must lie in one folder"),
        (lambda folder: (folder / "b.png").symlink_to("nowhere"), "'b.png' is not a file"),
        (lambda folder: os.mkfifo(folder / "b.png"), "'b.png' is not a file"),
        (
            lambda folder: (folder / "b.png").write_bytes(b""),
            "'b.png' is broken: not PNG, JPEG, WEBP, BMP, GIF",
        ),
        (lambda folder: (folder / "b.png").write_bytes(b"GIF89a" + bytes(50)), "'b.png' is broken: not PNG"),
        (broken, "'b.png' is broken: "),
        (flipped, "'b.png' is broken: "),
        (lambda folder: save(folder, "b.png", GREY.T), "several shapes: 'a.png' is 4x3 grey, 'b.png' is 3x4"),
        (lambda folder: save(folder, "b.png", COLOUR), "'a.png' is 4x3 grey, 'b.png' is 4x3 RGB"),
        (lambda folder: save(folder, "b.png", GREY.astype(np.uint16)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 4, 3, 16, 2, bytes(75)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 4, 3, 16, 6, bytes(99)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 40_000, 40_000, 8, 0, b""), "'b.png' claims more than"),
        (lambda folder: png(folder / "b.png", 10_000, 10_000, 8, 0, b""), "'b.png' claims more than"),
        (lambda folder: save(folder, "b.png", with_alpha(COLOUR, 254)), "'b.png' is 4x3 RGB"),
        (lambda folder: save(folder, "b.png", with_alpha(GREY, 0)), "'b.png' is transparent in places"),
        (transparent_palette, "'b.png' is 4x3 RGB"),
        (animated, "'b.png' is an animation"),
        (cmyk, "'b.jpg' is CMYK; only grey and RGB are read"),
    ],
)
def test_the_first_that_is_wrong_is_named(
    folder: Path, spoil: Callable[[Path], object], problem: str
) -> None:
    save(folder, "a.png", GREY)
    save(folder, "b.png", GREY)
    if spoil not in (broken, flipped, cmyk):
        (folder / "b.png").unlink()
    spoil(folder)
    with pytest.raises(DatasetError) as caught:
        read_images(folder)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{folder}: ")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("spoil", [transparent_palette, transparent_colour])
def test_a_colour_that_stands_for_transparency_is_refused(
    folder: Path, spoil: Callable[[Path], object]
) -> None:
    folder.mkdir()
    spoil(folder)
    with pytest.raises(DatasetError, match=r"'b.png' is transparent in places; lay it over"):
        read_images(folder)


def test_a_folder_without_images(folder: Path) -> None:
    folder.mkdir()
    (folder / ".hidden.png").write_bytes(b"?")
    with pytest.raises(DatasetError, match=r"images: holds no images \(\.png"):
        read_images(folder)
    with pytest.raises(DatasetError, match="absent: cannot be read: No such file"):
        read_images(folder.with_name("absent"))


@pytest.mark.slow
def test_more_than_could_be_held_is_refused_before_it_is_read(folder: Path) -> None:
    folder.mkdir()
    Image.new("RGB", (9000, 9000)).save(folder / "0.png")
    for index in range(1, 300):
        os.link(folder / "0.png", folder / f"{index}.png")
    with pytest.raises(DatasetError, match="its 300 images take more than 64 GiB"):
        read_images(folder)
