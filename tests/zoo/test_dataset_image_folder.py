"""A folder of pictures: what is taken, how it is split and cut, and what is refused."""

from __future__ import annotations

import os
import shutil
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError, GanbenchError
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.fingerprint import fingerprint_of


def build(path, **options):
    return load_catalog().build("dataset", "image_folder", {"path": str(path), **options})


def picture(seed, height=8, width=8, channels=3):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pictures"


def filled(folder, count=25, **options):
    return [save(folder / f"{index:03}.png", picture(index, **options)) for index in range(count)]


def test_every_tenth_picture_is_kept_back(folder):
    made = filled(folder)
    data = build(folder)
    assert np.array_equal(data.load("test").x, np.stack([made[9], made[19]]))
    train = [image for index, image in enumerate(made) if index not in (9, 19)]
    assert np.array_equal(data.load("train").x, np.stack(train))
    assert data.load("train").x.dtype == torch.uint8
    assert data.load("train").labels is None
    assert (data.signature.shape, data.signature.classes) == ((3, 8, 8), None)
    assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])


def test_another_share_or_none_is_kept_back(folder):
    made = filled(folder, 7)
    some = build(folder, test_every=3)
    assert np.array_equal(some.load("test").x, np.stack([made[2], made[5]]))
    whole = build(folder, test_every=0)
    assert np.array_equal(whole.load("train").x, np.stack(made))
    for data in (whole, build(folder)):
        with pytest.raises(DatasetError, match="has no test split, which a metric asks for"):
            data.load("test")
    assert whole.fingerprint == fingerprint_of([whole.load("train")])


def test_folders_train_and_test_are_the_splits(folder):
    first, second = save(folder / "train/b/1.png", picture(1)), save(folder / "train/a/2.jpg.png", picture(2))
    third = save(folder / "test/a/3.png", picture(3))
    save(folder / "valid/4.png", picture(4))
    save(folder / "0.png", picture(5))
    data = build(folder)
    assert np.array_equal(data.load("train").x, np.stack([second, first]))
    assert np.array_equal(data.load("test").x, third[np.newaxis])
    labelled = build(folder, labels=True)
    assert labelled.signature.classes == 2
    assert labelled.load("train").labels.tolist() == [0, 1]
    assert labelled.load("test").labels.tolist() == [0]


def test_classes_are_folders_and_come_in_turns(folder):
    made = {
        name: [save(folder / name / f"{index}.png", picture(100 * place + index)) for index in range(count)]
        for place, (name, count) in enumerate({"zebra": 3, "ant": 5}.items())
    }
    data = build(folder, labels=True, test_every=3)
    order = [("ant", 0), ("zebra", 0), ("ant", 1), ("zebra", 1), ("ant", 3), ("ant", 4)]
    train = data.load("train")
    assert np.array_equal(train.x, np.stack([made[name][index] for name, index in order]))
    assert train.labels.tolist() == [0, 1, 0, 1, 0, 0]
    assert data.load("test").labels.tolist() == [0, 1]
    assert data.fingerprint == fingerprint_of([train, data.load("test")])
    limited = build(folder, labels=True, test_every=3, limit=2, flip=True)
    assert limited.load("train").labels.tolist() == [0, 0, 1, 1]
    assert torch.equal(limited.load("train").x[1::2], train.x[:2].flip(3))
    assert len(limited.load("test")) == 2
    assert limited.fingerprint == fingerprint_of([limited.load("train"), limited.load("test")])
    assert build(folder, test_every=3).load("train").labels is None


def test_pictures_are_cut_and_resized(folder):
    made = [save(folder / f"{index}.png", picture(index, 20 + index, 31)) for index in range(4)]
    for options in ({"size": 16}, {"size": 12, "crop": 18}, {"crop": 20}):
        data = build(folder, test_every=0, **options)
        expected = [fitted(image, crop=options.get("crop"), size=options.get("size")) for image in made]
        assert np.array_equal(data.load("train").x, np.stack(expected))


def test_pictures_that_are_not_square_stay_so_where_nothing_is_asked_for(folder):
    made = filled(folder, 3, height=6, width=10)
    assert np.array_equal(build(folder, test_every=0).load("train").x, np.stack(made))


def test_grey_pictures_are_grey_unless_there_are_others_among_them(folder):
    made = filled(folder, 3, channels=1)
    grey = build(folder, test_every=0)
    assert grey.signature.shape == (1, 8, 8)
    assert np.array_equal(grey.load("train").x[:, 0], np.stack(made))
    save(folder / "colour.png", picture(7))
    mixed = build(folder, test_every=0).load("train").x
    assert tuple(mixed.shape) == (4, 3, 8, 8)
    for channel in range(3):
        assert np.array_equal(mixed[:3, channel], np.stack(made))


def test_links_are_followed_once_and_litter_is_passed_over(tmp_path, folder):
    save(tmp_path / "elsewhere" / "b.png", picture(2))
    save(folder / "a.png", picture(1))
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(folder)
    for name in (".hidden.png", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"?")
    save(folder / ".git" / "c.png", picture(3))
    assert len(build(folder, test_every=0).load("train")) == 2


def test_a_relative_path_is_below_the_data_folder_where_there_is_one(tmp_path, folder, monkeypatch):
    filled(folder, 2)
    monkeypatch.chdir(tmp_path)
    assert len(build("pictures").load("train")) == 2
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    with pytest.raises(DatasetError, match=f"{tmp_path}/data/pictures does not exist"):
        build("pictures")
    shutil.move(folder, tmp_path / "data" / "pictures")
    assert len(build("pictures").load("train")) == 2


def test_a_second_time_no_picture_is_opened(folder, monkeypatch):
    filled(folder)
    first = build(folder, size=4, flip=True)

    def refuse(*_, **__):
        raise AssertionError("a picture was opened")

    monkeypatch.setattr(Image, "open", refuse)
    again = build(folder, size=4, flip=True)
    assert again.fingerprint == first.fingerprint
    assert again.signature == first.signature
    for split in ("train", "test"):
        assert torch.equal(again.load(split).x, first.load(split).x)
    with pytest.raises(DatasetError, match="a picture was opened"):
        build(folder, size=5, flip=True)


def test_the_fingerprint_is_of_the_pixels_alone(tmp_path, folder):
    filled(folder)
    before = build(folder).fingerprint
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert build(folder).fingerprint == before
    for path in sorted(folder.iterdir()):
        path.rename(folder / f"x{path.name}")
    assert build(folder).fingerprint == before
    shutil.copytree(folder, tmp_path / "copy")
    for path in (tmp_path / "copy").iterdir():
        with Image.open(path) as image:
            image.save(path, compress_level=0)
    assert build(tmp_path / "copy").fingerprint == before


def test_another_picture_in_a_files_place_is_seen_though_size_and_time_are_the_same(folder):
    filled(folder, 12)
    for path in folder.iterdir():
        with Image.open(path) as image:
            image.convert("RGB").save(path.with_suffix(".bmp"))
        path.unlink()
    before = build(folder).fingerprint
    path = folder / "003.bmp"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert build(folder).fingerprint != before


@pytest.mark.parametrize("change", ["added", "removed", "replaced"])
def test_the_fingerprint_changes_with_the_pictures(folder, change):
    filled(folder)
    before = build(folder).fingerprint
    if change == "removed":
        (folder / "004.png").unlink()
    else:
        save(folder / ("004.png" if change == "replaced" else "900.png"), picture(77))
    assert build(folder).fingerprint != before


def broken_png(path):
    path.write_bytes(path.read_bytes()[:60])


def huge_png(path):
    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (broken_png, "'004.png' is broken: "),
        (huge_png, "'004.png' claims more than"),
        (lambda path: path.write_bytes(b""), "'004.png' is broken: not PNG, JPEG, WEBP, BMP, GIF"),
        (lambda path: save(path, picture(1, 8, 9)), "given: '000.png' is 8x8 RGB, '004.png' is 9x8 RGB"),
        (lambda path: save(path, picture(1, channels=4)), "'004.png' is transparent in places"),
        (
            lambda path: path.rename(path.with_suffix(".heic")),
            "'004.heic' is not read; pictures must",
        ),
        (lambda path: path.unlink() or path.symlink_to("nowhere"), "'004.png' cannot be read: No such file"),
    ],
)
def test_a_picture_that_cannot_be_taken_is_named(folder, spoil, problem):
    filled(folder)
    spoil(folder / "004.png")
    with pytest.raises(DatasetError) as caught:
        build(folder)
    assert str(caught.value).startswith(f"dataset 'image_folder': {folder}: ")
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    images = folder.parent / "cache" / "images"
    assert not images.exists() or [path for path in images.iterdir() if path.suffix != ".lock"] == []


def test_a_folder_that_is_none_or_holds_nothing(tmp_path, folder):
    with pytest.raises(DatasetError, match=f"a folder of images or an .*, and {folder} does not exist"):
        build(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("?")
    with pytest.raises(DatasetError, match=rf"{folder}: holds no images \(\.png, \.jpg"):
        build(folder)
    with pytest.raises(DatasetError, match=r"notes\.txt is a file"):
        build(folder / "notes.txt")


def test_labels_need_folders(folder):
    filled(folder, 3)
    with pytest.raises(DatasetError, match=r"'000\.png' lies in no class's folder, and labels = true"):
        build(folder, labels=True)
    shutil.move(folder, folder.parent / "one")
    shutil.move(folder.parent / "one", folder / "one")
    with pytest.raises(DatasetError, match=r"folders of at least 2 classes, given \['one'\]"):
        build(folder, labels=True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"crop": 9}, "crop = 9, and '000.png' is 8x8 RGB"),
        ({"limit": 24}, "limit must be from 1 to 23, given 24"),
        ({"test_every": 1}, "test_every must be 0, or at least 2, given 1"),
    ],
)
def test_an_impossible_option_is_refused_by_name(folder, options, problem):
    filled(folder)
    with pytest.raises(DatasetError) as caught:
        build(folder, **options)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


def test_transparent_pictures_need_a_background_and_are_counted(folder):
    made = filled(folder, 20, channels=4)
    with pytest.raises(DatasetError) as caught:
        build(folder)
    assert len(caught.value.problems) == 20
    assert caught.value.problems[7].endswith('lay it over a background first, or say background = "white"')
    white, tinted = build(folder, background="white"), build(folder, background=[0, 0, 255])
    assert white.notes == (
        "18 pictures to train on and 2 of the test split; 20 transparent in places and laid over white",
    )
    alpha = made[0][3:] / 255
    expected = np.floor(made[0][:3] * alpha + 255 * (1 - alpha) + 0.5)
    assert np.array_equal(white.load("train").x[0], expected)
    assert tinted.notes[0].endswith("laid over [0, 0, 255]")
    assert white.fingerprint != tinted.fingerprint
    with pytest.raises(GanbenchError, match=r"must be one of 'white', 'black' or a list of 3"):
        build(folder, background="green")


def test_what_is_passed_over_is_counted_each_time(folder):
    filled(folder, 12)
    (folder / "notes.txt").write_text("?")
    (folder / "@eaDir").mkdir()
    assert build(folder, limit=3).notes == (
        "3 pictures to train on and 1 of the test split; 8 more left out, beyond the limit or in no "
        "split's folder; passed over: 1 hidden or a system's, 1 of other kinds",
    )
    (folder / "more.txt").write_text("?")
    assert build(folder, limit=3).notes[0].endswith("passed over: 1 hidden or a system's, 2 of other kinds")
