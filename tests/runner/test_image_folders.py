"""A folder of images made by another program."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.errors import DatasetError
from ganbench.files.resizing import fitted
from ganbench.runner.image_folders import FolderImages, labels_of, read_image_folder

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
    read = read_image_folder(folder).x
    assert (read.dtype, tuple(read.shape)) == (torch.uint8, (4, 1, 3, 4))
    assert [int(image[0, 0, 0]) for image in read] == [ord(letter) for letter in "19ab"]
    assert np.array_equal(read[2, 0].numpy(), GREY + ord("a"))


def test_colours_are_kept(folder: Path) -> None:
    save(folder, "one.png", COLOUR)
    save(folder, "two.webp", COLOUR, lossless=True)
    read = read_image_folder(folder).x
    assert tuple(read.shape) == (2, 3, 3, 4)
    for image in read:
        assert np.array_equal(image.numpy(), COLOUR.transpose(2, 0, 1))


def test_what_other_programs_leave_behind_is_passed_over(folder: Path) -> None:
    save(folder, "one.png", GREY)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", ".hidden.png"):
        (folder / name).write_bytes(b"?")
    (folder / ".git").mkdir()
    assert len(read_image_folder(folder).x) == 1


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
    read = read_image_folder(folder).x[0].numpy()
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
        (lambda folder: (folder / "b.npy").write_bytes(b"?"), "'b.npy' is not read; pictures must be .png, "),
        (lambda folder: save(folder / "b", "c.png", GREY), "holds images and, in 'b', more of them; --recu"),
        (lambda folder: (folder / "b.png").symlink_to("nowhere"), "'b.png' cannot be read: No such file"),
        (lambda folder: os.mkfifo(folder / "b.png"), "'b.png' is not a file"),
        (
            lambda folder: (folder / "b.png").write_bytes(b""),
            "'b.png' is broken: not PNG, JPEG, WEBP, BMP, GIF",
        ),
        (lambda folder: (folder / "b.png").write_bytes(b"GIF89a" + bytes(50)), "'b.png' is broken: not PNG"),
        (broken, "'b.png' is broken: "),
        (flipped, "'b.png' is broken: "),
        (lambda folder: save(folder, "b.png", GREY.T), "several sizes and no size is given: 'a.png' is 4x3"),
        (lambda folder: save(folder, "b.png", GREY.astype(np.uint16)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 4, 3, 16, 2, bytes(75)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 4, 3, 16, 6, bytes(99)), "'b.png' has more than 8 bits"),
        (lambda folder: png(folder / "b.png", 40_000, 40_000, 8, 0, b""), "'b.png' claims more than"),
        (lambda folder: png(folder / "b.png", 10_000, 10_000, 8, 0, b""), "'b.png' claims more than"),
        (lambda folder: save(folder, "b.png", with_alpha(COLOUR, 254)), "'b.png' is transparent in places"),
        (lambda folder: save(folder, "b.png", with_alpha(GREY, 0)), "'b.png' is transparent in places"),
        (transparent_palette, "lay it over a background first, or say --background white"),
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
        read_image_folder(folder)
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
        read_image_folder(folder)


def test_a_folder_without_images(folder: Path) -> None:
    folder.mkdir()
    (folder / ".hidden.png").write_bytes(b"?")
    with pytest.raises(DatasetError, match=r"images: holds no images \(\.png"):
        read_image_folder(folder)
    with pytest.raises(DatasetError, match="absent: cannot be read: No such file"):
        read_image_folder(folder.with_name("absent"))


@pytest.mark.slow
def test_more_than_could_be_held_is_refused_before_it_is_read(folder: Path) -> None:
    folder.mkdir()
    Image.new("RGB", (9000, 9000)).save(folder / "0.png")
    for index in range(1, 300):
        os.link(folder / "0.png", folder / f"{index}.png")
    with pytest.raises(DatasetError, match="its 300 images take more than 64 GiB"):
        read_image_folder(folder)


def test_grey_images_among_coloured_ones_get_three_equal_channels(folder: Path) -> None:
    save(folder, "a.png", GREY)
    save(folder, "b.png", COLOUR)
    (folder / "log.txt").write_text("?")
    read = read_image_folder(folder)
    assert tuple(read.x.shape) == (2, 3, 3, 4)
    assert np.array_equal(read.x[0].numpy(), np.stack([GREY] * 3))
    assert read.notes == ("passed over: 1 of other kinds", "1 grey, with three equal channels here")


def test_folders_of_images_are_classes_in_the_order_of_their_numbers(folder: Path) -> None:
    for name in ("10", "9", "1"):
        for index in range(2):
            folder.mkdir(exist_ok=True)
            save(folder / name, f"{index}.png", GREY + int(name))
    read = read_image_folder(folder)
    assert read.folders == ("1", "9", "10")
    assert read.places is not None
    # The images come in the order of their names, whatever their classes are.
    assert [int(image[0, 0, 0]) for image in read.x] == [1, 1, 10, 10, 9, 9]
    assert read.places.tolist() == [0, 0, 2, 2, 1, 1]
    assert labels(read, None) == [1, 1, 10, 10, 9, 9]
    assert labels(read, ("1", "9", "10")) == [0, 0, 2, 2, 1, 1]
    flat = read_image_folder(folder, recursive=True)
    assert flat.folders is None
    assert labels(flat, None) is None
    assert torch.equal(flat.x, read.x)


def test_folders_are_matched_by_the_names_of_classes(folder: Path) -> None:
    for name in ("shoe", "bag"):
        folder.mkdir(exist_ok=True)
        save(folder / name, "0.png", GREY)
    read = read_image_folder(folder)
    assert labels(read, ("shoe", "hat", "bag")) == [2, 0]
    assert labels(read, None) == [0, 1]
    with pytest.raises(DatasetError, match="'bag' is no class of the reference, which has shoe, hat"):
        labels(read, ("shoe", "hat"))


def test_images_are_resized_where_that_is_asked_for(folder: Path) -> None:
    save(folder, "a.png", np.kron(GREY, np.ones((4, 4), np.uint8)))
    save(folder, "b.png", np.kron(GREY.T, np.ones((2, 2), np.uint8)))
    read = read_image_folder(folder, size=6)
    assert tuple(read.x.shape) == (2, 1, 6, 6)
    assert read.notes == ("2 cut or resized to 6x6, of 2 different sizes",)
    expected = fitted(np.kron(GREY, np.ones((4, 4), np.uint8))[np.newaxis], crop=None, size=6)
    assert np.array_equal(read.x[0].numpy(), expected)


def test_transparent_images_are_laid_over_a_background(folder: Path) -> None:
    save(folder, "a.png", with_alpha(GREY, 0))
    white, colour = (read_image_folder(folder, background=each) for each in ("white", (1, 2, 3)))
    assert int(white.x[0, 0, 1, 1]) == 255
    assert colour.x[0, :, 1, 1].tolist() == [1, 2, 3]
    assert colour.notes == ("1 transparent in places and laid over [1, 2, 3]",)


def test_all_that_is_wrong_is_named_at_once(folder: Path) -> None:
    for index in range(25):
        save(folder, f"{index:02}.png", GREY)
        (folder / f"{index:02}.png").write_bytes(b"?")
    with pytest.raises(DatasetError) as caught:
        read_image_folder(folder)
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1].endswith("25 files in all")


def labels(images: FolderImages, class_names: tuple[str, ...] | None) -> list[int] | None:
    found = labels_of(images, class_names, Path("images"))
    return None if found is None else found.tolist()


def test_the_folders_that_a_whole_archive_lies_in_are_no_classes(tmp_path: Path) -> None:
    def packed(name: str, *files: str) -> FolderImages:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.write(tmp_path / "images" / "one.png", file)
        return read_image_folder(tmp_path / name)

    save(tmp_path / "images", "one.png", GREY)
    assert packed("flat.zip", "a.png", "b.png").folders is None
    assert packed("packed.zip", "some/folder/a.png", "some/folder/b.png").folders is None
    classes = packed("classes.zip", "some/cats/a.png", "some/dogs/a.png", "some/cats/b.png")
    assert classes.folders == ("cats", "dogs")
    assert classes.places is not None
    assert classes.places.tolist() == [0, 0, 1]
    with pytest.raises(DatasetError, match="--recursive takes all"):
        packed("mixed.zip", "some/cats/a.png", "some/b.png")
