"""People's own collections: broken files, many formats, archives, labels from tables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.zoo.datasets.image_folder import ImageFolder


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


def build(path: Path, **options: Any) -> ImageFolder:
    made: ImageFolder = load_catalog().build("dataset", "image_folder", {"path": str(path), **options})
    return made


def pixels(seed: int, channels: int = 3) -> Any:
    shape = (8, 8) if channels == 1 else (8, 8, channels)
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def filled(folder: Path, names: Any = 12) -> Path:
    for index, name in enumerate(range(names) if isinstance(names, int) else names):
        path = folder / (f"{name:03}.png" if isinstance(name, int) else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(index)).save(path)
    return folder


def cut(path: Path, keep: int = -60) -> None:
    path.write_bytes(path.read_bytes()[:keep])


def problems(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(DatasetError) as caught:
        call()
    return caught.value.problems


def test_broken_pictures_are_all_named_at_once(folder: Path) -> None:
    filled(folder, 30)
    for index in (3, 9, 28):
        cut(folder / f"{index:03}.png")
    told = problems(lambda: build(folder))
    assert [line.split(": ")[2].split("'")[1] for line in told[:3]] == ["003.png", "009.png", "028.png"]
    assert (
        told[3]
        == f"dataset 'image_folder': {folder}: on_error = \"skip\" passes over those that cannot be read"
    )
    # Those whose headers are broken, and what else cannot be read, too.
    for index in range(22):
        cut(folder / f"{index:03}.png", 20)
    (folder / "x.heic").write_bytes(b"")
    os.mkfifo(folder / "y.png")
    told = problems(lambda: build(folder))
    assert len(told) == 22
    assert "'x.heic' is not read" in told[0] or "'y.png' is not a file but a named pipe" in told[0]
    assert told[-2].endswith("and so are more, 24 files in all")


def test_skipped_files_are_counted_named_and_in_the_fingerprint(tmp_path: Path, folder: Path) -> None:
    filled(folder, 30)
    whole = build(folder, on_error="skip")
    assert whole.fingerprint == build(folder).fingerprint
    assert whole.notes == ("27 pictures to train on and 3 of the test split",)
    shutil.copytree(folder, tmp_path / "without")
    for index in (3, 9):
        cut(folder / f"{index:03}.png")
        (tmp_path / "without" / f"{index:03}.png").unlink()
    (folder / "x.heic").write_bytes(b"")
    without, skipping = build(tmp_path / "without"), build(folder, on_error="skip")
    for split in ("train", "test"):
        assert torch.equal(without.load(split).x, skipping.load(split).x)
    assert without.fingerprint != skipping.fingerprint
    (note,) = skipping.notes
    assert "; 3 skipped that cannot be read or have no label: '003.png', '009.png', 'x.heic'" in note
    assert build(folder, on_error="skip").fingerprint == skipping.fingerprint
    (folder / "x.heic").rename(folder / "z.heic")
    assert build(folder, on_error="skip").fingerprint != skipping.fingerprint


def test_a_note_names_the_first_few(folder: Path) -> None:
    filled(folder, 30)
    for index in range(9):
        cut(folder / f"{index:03}.png", 4)
    (note,) = build(folder, on_error="skip").notes
    assert note.endswith("'006.png', '007.png', ...")


def test_what_an_option_decides_is_not_skipped(folder: Path) -> None:
    filled(folder, 3)
    Image.fromarray(pixels(0, 4)).save(folder / "a.png")
    (told,) = problems(lambda: build(folder, on_error="skip"))
    assert told.endswith('or say background = "white"')
    assert len(build(folder, on_error="skip", background="black").load("train")) == 4


def test_nothing_left_is_refused(folder: Path) -> None:
    filled(folder, 2)
    for path in folder.iterdir():
        cut(path, 4)
    (told,) = problems(lambda: build(folder, on_error="skip"))
    assert "holds no images" in told
    assert "that can be read; '000.png' is broken" in told


@pytest.mark.parametrize("ending", ["tif", "tiff", "gif", "ppm", "jfif", "bmp"])
def test_other_formats_are_read(folder: Path, ending: str) -> None:
    filled(folder, 3)
    with Image.open(folder / "001.png") as image:
        form = {"format": "JPEG", "quality": 100, "subsampling": 0} if ending == "jfif" else {}
        (image.quantize(256) if ending == "gif" else image).save(folder / f"001.{ending}", **form)
    expected = pixels(1).transpose(2, 0, 1).astype(int)
    (folder / "001.png").unlink()
    found = build(folder, test_every=0).load("train").x[1].numpy()
    assert np.abs(found - expected).mean() < (25 if ending in ("gif", "jfif") else 1e-9)


@pytest.mark.parametrize("ending", ["gif", "webp", "tif", "png"])
def test_several_pictures_in_a_file_are_refused_or_skipped(folder: Path, ending: str) -> None:
    filled(folder, 4)
    frames = [Image.fromarray(pixels(index)) for index in range(3)]
    frames[0].save(folder / f"x.{ending}", save_all=True, append_images=frames[1:])
    (told,) = problems(lambda: build(folder))
    wanted = "holds several pictures" if ending == "tif" else "is an animation"
    assert f"'x.{ending}' {wanted}; on_error = \"skip\" passes over it" in told
    assert len(build(folder, on_error="skip").load("train")) == 4


def test_a_turned_tiff_is_upright(folder: Path) -> None:
    folder.mkdir()
    stored = np.random.default_rng(0).integers(256, size=(4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    for compression in ("raw", "tiff_lzw"):
        Image.fromarray(stored).save(folder / f"{compression}.tif", exif=exif, compression=compression)
    Image.fromarray(stored).save(folder / "png.png", exif=exif)
    data = build(folder, test_every=0)
    assert data.signature.shape == (3, 6, 4)
    assert all(torch.equal(image, data.load("train").x[0]) for image in data.load("train").x)
    assert "3 turned upright" in data.notes[0]


def test_of_16_bits_the_upper_8_are_taken(folder: Path) -> None:
    folder.mkdir()
    deep = np.random.default_rng(0).integers(65536, size=(8, 8), dtype=np.uint16)
    for name in ("a.png", "b.tif", "c.pgm"):
        Image.fromarray(deep).save(folder / name)
    data = build(folder, test_every=0)
    assert data.signature.shape == (1, 8, 8)
    for image in data.load("train").x:
        assert np.array_equal(image[0], deep >> 8)
    assert "3 of 16 bits per channel, of which the upper 8 are taken" in data.notes[0]
    Image.fromarray(deep.astype(np.float32)).save(folder / "f.tif")
    (told,) = problems(lambda: build(folder))
    assert "'f.tif' has more than 16 bits a channel; round it to 8 first" in told


def zipped(folder: Path, path: Path, extra: Any = (), top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, f"{top}{file.relative_to(folder)}")
        for name, content in extra:
            archive.writestr(name, content)
    return path


def tarred(folder: Path, path: Path, top: str = "") -> Path:
    mode: Any = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        archive.add(folder, top or ".")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("top", ["", "data/"])
def test_an_archive_is_the_folder_that_was_packed(
    tmp_path: Path, folder: Path, ending: str, top: str
) -> None:
    filled(
        folder,
        [f"{split}/{name}/{index}.png" for split in ("train", "test") for name in "ba" for index in range(3)],
    )
    (folder / "notes.txt").write_text("?")
    path = tmp_path / f"d.{ending}"
    made = zipped(folder, path, top=top) if ending == "zip" else tarred(folder, path, top=top)
    for options in ({}, {"labels": True, "size": 4, "flip": True}):
        there, packed = build(folder, **options), build(made, **options)
        assert packed.fingerprint == there.fingerprint
        assert packed.class_names == there.class_names
        assert packed.notes == there.notes
        assert ("mirror image" in packed.notes[0]) is ("flip" in options)


def test_an_archive_is_unpacked_once(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tarred(filled(folder), tmp_path / "d.tar.gz")
    before = build(path)
    monkeypatch.setattr("ganbench.zoo.datasets.picture_collection.opened_archive", None)
    again = build(path)
    assert (again.fingerprint, again.notes) == (before.fingerprint, before.notes)


def test_labels_of_stylegans_archives(tmp_path: Path, folder: Path) -> None:
    names = [f"00000/img{index:08}.png" for index in range(12)]
    filled(folder, names)
    table = json.dumps({"labels": [[name, index % 3] for index, name in enumerate(names)]})
    path = zipped(folder, tmp_path / "d.zip", [("dataset.json", table)])
    data = build(path, labels=True, test_every=0)
    assert data.class_names == ("0", "1", "2")
    assert data.load("train").labels.tolist() == [0, 1, 2] * 4
    assert build(path, test_every=0).load("train").labels is None
    # In a folder, folders have always been the classes.
    (folder / "dataset.json").write_text(table)
    assert "at least 2 classes" in problems(lambda: build(folder, labels=True))[0]
    assert build(folder, labels="dataset.json", test_every=0).fingerprint == data.fingerprint
    without = zipped(folder / "00000", tmp_path / "e.zip", [("dataset.json", '{"labels": null}')])
    assert "lies in no class's folder" in problems(lambda: build(without, labels=True))[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file_name,label\n000.png,cat\n001.png,dog\n002.png,cat\n"),
        ("labels.csv", "000.png,cat\n001.png,dog\n./002.png, cat\n"),
        ("labels.csv", "\ufeffid;size;class\n000.png;3;cat\n001.png;4;dog\n002.png;4;cat\nz.png;1;dog\n"),
        ("labels.csv", "id,breed,class\n000,x,cat\n001,x,dog\n002,y,cat\n"),
        ("labels.tsv", "000.png\tcat\n001.png\tdog\n002.png\tcat\n"),
        ("labels.json", '{"labels": {"000.png": "cat", "001.png": "dog", "002.png": "cat"}}'),
    ],
)
def test_labels_from_a_table(tmp_path: Path, folder: Path, name: str, text: str) -> None:
    filled(folder, 3)
    (folder / name).write_text(text)
    data = build(folder, labels=name, test_every=0)
    assert data.class_names == ("cat", "dog")
    # In turns from the classes.
    assert data.load("train").labels.tolist() == [0, 1, 0]
    assert ("1 labels of pictures that are not there" in data.notes[0]) is ("z.png" in text)
    path = zipped(folder, tmp_path / "d.zip")
    assert build(path, labels=name, test_every=0).fingerprint == data.fingerprint
    # Beside it, where a relative path is looked for.
    os.chdir(tmp_path)
    (folder / name).rename(tmp_path / name)
    assert build(folder, labels=name, test_every=0).fingerprint == data.fingerprint
    (tmp_path / name).write_text(text.replace("dog", "cow"))
    assert build(folder, labels=name, test_every=0).class_names == ("cat", "cow")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("000.png,cat\n001.png,dog\n", "'002.png' has no label in 'labels.csv'; on_error = \"skip\""),
        ("000.png,cat\n001.png,dog\n000.png,dog\n", "gives '000.png' two labels, 'cat' and 'dog'"),
        ("000.png,cat\n001.png,cat\n002.png,cat\n", "must give at least 2 classes, given ['cat']"),
        ("a,b,c\n1,2,3\n", "has 3 columns, ['a', 'b', 'c']; it must have two"),
        ("a\n1,2,3\n", "cannot be read as a table"),
        ("", "cannot be read as a table"),
        ("file,label\n", "holds no labels"),
    ],
)
def test_tables_that_are_wrong_are_refused(folder: Path, text: str, problem: str) -> None:
    filled(folder, 3)
    (folder / "labels.csv").write_text(text)
    (told,) = problems(lambda: build(folder, labels="labels.csv"))
    assert problem in told


def test_names_in_a_table_are_found_however_they_are_written(folder: Path) -> None:
    filled(folder, ["a/1.png", "b/1.png", "b/2.jpg", "b/caf\u00e9.png"])
    rows = ["a/1.png,cat", "b\\1.png,dog", "2,dog", "b/cafe\u0301.png,cat", "1.png,cow"]
    (folder / "labels.csv").write_text("\n".join(rows))
    data = build(folder, labels="labels.csv", test_every=0)
    assert data.class_names == ("cat", "dog")
    assert data.load("train").labels.tolist() == [0, 1, 0, 1]
    assert "1 labels of pictures that are not there" in data.notes[0]


@pytest.mark.slow
def test_folders_may_lie_deep_in_each_other(folder: Path) -> None:
    filled(folder, 2)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(600):
            os.mkdir("a")
            os.chdir("a")
        Image.fromarray(pixels(2)).save("x.png")
        assert len(build(folder, test_every=0).load("train")) == 3
        for _ in range(15):
            os.mkdir("a" * 200)
            os.chdir("a" * 200)
        (told,) = problems(lambda: build(folder))
        assert "cannot be read: File name too long; on_error" in told
    finally:
        os.chdir(before)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_pictures_without_a_label_can_be_skipped(folder: Path) -> None:
    filled(folder, 3)
    (folder / "labels.csv").write_text("000.png,cat\n001.png,dog\n")
    data = build(folder, labels="labels.csv", on_error="skip")
    assert "1 skipped that cannot be read or have no label: '002.png'" in data.notes[0]


def test_a_file_of_labels_must_be_there_and_be_one(folder: Path) -> None:
    filled(folder, 3)
    assert "there is no such file in it, nor" in problems(lambda: build(folder, labels="labels.csv"))[0]
    (told,) = problems(lambda: build(folder, labels="yes"))
    assert told.endswith("labels must be true, false or a file (.csv, .tsv, .json), given 'yes'")
    (folder / "labels.json").write_text('{"labels": [["000.png", [0.5, 0.5]]]}')
    assert "only whole numbers are read" in problems(lambda: build(folder, labels="labels.json"))[0]


def test_a_member_that_is_damaged_is_named_or_skipped(tmp_path: Path, folder: Path) -> None:
    path = zipped(filled(folder), tmp_path / "d.zip")
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("003.png").header_offset + 60
    content = bytearray(path.read_bytes())
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    (told,) = problems(lambda: build(path))
    assert f"{path}: '003.png' is broken: " in told
    assert (
        "1 skipped that cannot be read or have no label: '003.png'" in build(path, on_error="skip").notes[0]
    )


def test_damaged_labels_in_an_archive_are_refused_in_a_line(tmp_path: Path, folder: Path) -> None:
    filled(folder, 3)
    path = zipped(folder, tmp_path / "d.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("dataset.json", '{"labels": [["000.png", 1]]}')
    path.write_bytes(path.read_bytes().replace(b'"labels"', b'"labals"', 1))
    for labels in (True, "dataset.json"):
        (told,) = problems(lambda labels=labels: build(path, labels=labels))
        assert "'dataset.json' cannot be read: is broken: Bad CRC-32" in told
    assert len(build(path).load("train")) == 3


def test_an_unsafe_archive_and_one_without_pictures_are_refused_in_a_line(tmp_path: Path) -> None:
    for name, problem in (("../a.png", "leads out of it"), ("a.txt", "holds no images (.png, ")):
        path = tmp_path / "d.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"?")
        for on_error in ("refuse", "skip"):
            with pytest.raises(DatasetError) as caught:
                build(path, on_error=on_error)
            (told,) = caught.value.problems
            assert told.startswith(f"dataset 'image_folder': {path}: ")
            assert problem in told
