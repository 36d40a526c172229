"""A folder of pictures: which of its folders are splits, which are classes, and what is no picture of it."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench.api import Dataset
from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)


def build(folder: Path, **options: Any) -> Any:
    return load_catalog().build("dataset", "image_folder", {"path": str(folder), **options})


def save(root: Path, *names: str) -> None:
    """Save a picture under each name, its first pixel its place among them."""
    for index, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 4), index, dtype=np.uint8)
        pixels[3, 3] = 255
        Image.fromarray(pixels).save(path)


def which(data: Dataset, split: str) -> list[int]:
    """The places of the pictures of a split among those saved."""
    try:
        return [int(image[0, 0, 0]) for image in data.load(split).x]  # type: ignore[arg-type]
    except DatasetError:
        return []


HELD_OUT = ("val", "valid", "validation", "dev", "test", "testing", "VAL", "Test", "Validation", "eval")


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("held_out", HELD_OUT)
def test_a_held_out_folder_beside_train_is_the_test_split(
    tmp_path: Path, held_out: str, labels: bool
) -> None:
    root = tmp_path / "d"
    save(root, "train/a/0.png", "train/b/0.png", f"{held_out}/a/0.png", f"{held_out}/b/0.png")
    data = build(root, labels=labels)
    assert which(data, "train") == [0, 1]
    assert which(data, "test") == [2, 3]
    assert data.signature.classes == (2 if labels else None)
    assert data.class_names == (("a", "b") if labels else None)


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("training", "testing"),
        ("Train", "Valid"),
        ("TRAINING", "dev"),
        ("training_set", "test_set"),
        ("train2017", "val2017"),
        ("img_train", "img_val"),
    ],
)
def test_the_train_split_has_other_names_too(tmp_path: Path, train: str, held_out: str) -> None:
    root = tmp_path / "d"
    save(root, f"{train}/a/0.png", f"{train}/b/0.png", f"{held_out}/a/0.png")
    data = build(root, labels=True)
    assert (which(data, "train"), which(data, "test"), data.signature.classes) == ([0, 1], [2], 2)


def test_the_test_split_goes_before_the_validation_split_which_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "d"
    save(root, "train/a/0.png", "train/b/0.png", "val/a/0.png", "test/a/0.png", "valid/b/0.png")
    data = build(root, labels=True)
    assert (which(data, "train"), which(data, "test")) == ([0, 1], [3])


def test_a_train_folder_alone_is_split_as_the_whole_would_be(tmp_path: Path) -> None:
    root = tmp_path / "d"
    save(root, *(f"train/{name}/{index}.png" for name in "ab" for index in range(3)))
    data = build(root, labels=True, test_every=3)
    assert (which(data, "train"), which(data, "test")) == ([0, 3, 1, 4], [2, 5])
    whole = build(root, test_every=3)
    assert (which(whole, "train"), which(whole, "test")) == ([0, 1, 3, 4], [2, 5])


def test_a_class_of_trains_is_a_class(tmp_path: Path) -> None:
    root = tmp_path / "d"
    save(root, "bus/0.png", "train/0.png", "training shoe/0.png", "tram/0.png")
    assert build(root, labels=True).class_names == ("bus", "train", "training shoe", "tram")
    deeper = tmp_path / "e"
    save(deeper, "train/dev/0.png", "train/train/0.png", "test/dev/0.png", "test/train/0.png")
    data = build(deeper, labels=True)
    assert data.class_names == ("dev", "train")
    assert (which(data, "train"), which(data, "test")) == ([0, 1], [2, 3])


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ["a/0.png", "b/0.png", "val/0.png"],
            "has a folder 'val', the name of a held-out split, and none na",
        ),
        (
            ["Test/0.png", "other/0.png"],
            "put the other pictures in one, give the path of one split, or rename",
        ),
        (["test/a/0.png", "val/a/0.png"], "has a folder 'test', the name of a held-out split"),
        (["train/a/0.png", "val/a/0.png", "dev/a/0.png"], "could be the test split: 'dev', 'val'; leave one"),
        (["train/a/0.png", "training/a/0.png", "val/a/0.png"], "the train split: 'train', 'training'; leave"),
        (["cats/train/0.png", "cats/val/0.png", "dogs/train/0.png"], "has a folder 'cats/val', the name of"),
        (["images/train/0.png", "images/Test/0.png"], "a folder 'images/Test', the name of a held-out split"),
        (["train/a/0.png", "train/val/0.png"], "has a folder 'train/val', the name of a held-out split, amo"),
        (["train/a/0.png", "train/b/dev/0.png", "test/a/0.png"], "has a folder 'train/b/dev', the name of a"),
    ],
)
def test_a_held_out_folder_that_cannot_be_placed_is_refused_by_name(
    tmp_path: Path, names: list[str], problem: str, labels: bool
) -> None:
    root = tmp_path / "d"
    save(root, *names)
    with pytest.raises(DatasetError) as caught:
        build(root, labels=labels)
    assert str(caught.value).startswith(f"dataset 'image_folder': {root}: has ")
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        ([str(index) for index in range(12)], [str(index) for index in range(12)]),
        (["00", "01", "10", "2"], ["00", "01", "2", "10"]),
        (["10", "-2", "-10", "3"], ["-10", "-2", "3", "10"]),
        (["10", "9", "nine"], ["10", "9", "nine"]),
        (["1.5", "10", "9"], ["1.5", "10", "9"]),
        (["b", "B", "a"], ["B", "a", "b"]),
    ],
)
def test_classes_that_are_whole_numbers_come_in_the_order_of_their_values(
    tmp_path: Path, names: list[str], ordered: list[str]
) -> None:
    root = tmp_path / "d"
    save(root, *(f"{name}/0.png" for name in names))
    data = build(root, labels=True)
    assert data.class_names == tuple(ordered)
    train = data.load("train")
    assert [names[place] for place in which(data, "train")] == ordered
    assert train.labels.tolist() == list(range(len(names)))
    # Also where the array is there already and no picture is opened.
    assert build(root, labels=True).class_names == tuple(ordered)


def test_two_names_of_one_number_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "d"
    save(root, "train/1/0.png", "train/2/0.png", "test/01/0.png")
    with pytest.raises(DatasetError, match="has classes '01' and '1', which are the same number"):
        build(root, labels=True)


def test_what_was_kept_in_another_order_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "d"
    save(root, *(f"{index}/0.png" for index in range(12)))
    monkeypatch.setattr("ganbench.zoo.datasets.picture_splits.order_classes", sorted)
    monkeypatch.setattr("ganbench.zoo.datasets.image_folder._READING", 1)
    before = build(root, labels=True)
    assert before.class_names[2] == "10"
    monkeypatch.undo()
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    after = build(root, labels=True)
    assert which(after, "train") == list(range(12))
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/0.png/SYNOPHOTO_THUMB_M.png",
        "__MACOSX/._0.png",
        "__macosx/a/0.png",
        "lost+found/0.png",
        ".ipynb_checkpoints/0-checkpoint.png",
        "._0.png",
        "$RECYCLE.BIN/0.png",
        "#recycle/0.png",
        "@Recycle/0.png",
        "System Volume Information/0.png",
        "a/@eaDir/0.png",
        "a/.thumbnails/0.png",
    ],
)
def test_what_other_programs_leave_behind_is_passed_over(tmp_path: Path, name: str) -> None:
    root = tmp_path / "d"
    save(root, "a/0.png", "b/0.png")
    before = build(root, labels=True).fingerprint
    save(root, "a/0.png", "b/0.png", name)
    (root / "Thumbs.db").write_bytes(b"?")
    data = build(root, labels=True)
    assert (which(data, "train"), data.fingerprint) == ([0, 1], before)
    assert which(build(root), "train") == [0, 1]


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    # By its name alone: the address of a socket has room for about a hundred characters.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as opened:
        opened.bind(path.name)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (named_pipe, "'b.png' is not a file but a named pipe"),
        (bound_socket, "'b.png' is not a file but a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "'b.png' is not a file but a device"),
        (lambda path: path.symlink_to("nowhere"), "'b.png' cannot be read: No such file"),
        (lambda path: path.symlink_to("b.png"), "'b.png' cannot be read: Too many levels of symbolic links"),
        # It may have been a folder of pictures.
        (lambda path: path.with_suffix("").symlink_to("nowhere"), "'b' cannot be read: No such file"),
    ],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: Any, problem: str) -> None:
    root = tmp_path / "d"
    save(root, "a.png")
    make(root / "b.png")
    with pytest.raises(DatasetError) as caught:
        build(root)
    assert problem in str(caught.value)
