"""Arrays of the user's own: every layout and type, labels, conditions, splits, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.files import kept_arrays, mapped_members
from ganbench.files.arrays import load_arrays
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.fingerprint import fingerprint_of

IMAGES = np.random.default_rng(0).integers(256, size=(25, 3, 6, 6), dtype=np.uint8)
POINTS = np.random.default_rng(1).normal(3, 2, (25, 5))


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)


def build(path: Path, **options: Any) -> Any:
    return load_catalog().build("dataset", "arrays", {"path": str(path), **options})


def saved(root: Path, **arrays: Any) -> Path:
    np.savez(root / "a.npz", **arrays)
    return root / "a.npz"


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        build(path, **options)
    (problem,) = caught.value.problems
    assert problem.startswith("dataset 'arrays': ")
    return problem


@pytest.mark.parametrize("array", [IMAGES, np.moveaxis(IMAGES, 1, 3), np.asfortranarray(IMAGES)])
def test_images_in_either_layout_are_split_and_mapped(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    data = build(tmp_path / "a.npy")
    train = np.array([row for row in range(25) if row not in (9, 19)])
    assert np.array_equal(data.load("train").x, IMAGES[train])
    assert np.array_equal(data.load("test").x, IMAGES[[9, 19]])
    assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])
    assert data.notes == ("23 images to train on and 2 of the test split",)
    (file,) = (tmp_path / "cache").glob("images/*/pixels.npy")
    assert str(file) in Path("/proc/self/maps").read_text()
    grey = build(saved(tmp_path, whatever=IMAGES[:, 0]), test_every=0)
    assert np.array_equal(grey.load("train").x[:, 0], IMAGES[:, 0])
    with pytest.raises(DatasetError, match="has no test split, which a metric asks for"):
        grey.load("test")


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (np.float32, -1, 1),
        (np.float64, 0, 1),
        (np.float16, 0, 255),
        (np.uint16, 0, 65535),
        (np.int32, -255, 255),
        (">i2", 0, 510),
    ],
)
def test_numbers_of_any_type_are_rounded_to_pixels(tmp_path: Path, kind: Any, low: int, high: int) -> None:
    numbers = (IMAGES.astype(np.float64) / 255 * (high - low) + low).round(12)
    numbers = numbers if np.dtype(kind).kind == "f" else numbers.round()
    path = saved(tmp_path, x=numbers.astype(kind))
    data = build(path, range=[low, high], test_every=0)
    assert np.abs(data.load("train").x.numpy().astype(int) - IMAGES).max() <= (kind is np.float16)
    assert f"from {low} (black) to {high} (white) rounded to 256 values" in data.notes[0]
    assert "say with range what black and white are, as range = [" in refused(path)
    assert "has values from" in refused(path, range=[low, (low + high) / 2])


def test_truth_values_are_black_and_white_and_whole_ones_may_be(tmp_path: Path) -> None:
    found = build(saved(tmp_path, x=IMAGES > 99), test_every=0).load("train").x
    assert np.array_equal(found, (IMAGES > 99) * np.uint8(255))
    path = saved(tmp_path, x=(IMAGES > 99).astype(np.uint8))
    assert torch.equal(build(path, range=[0, 1], test_every=0).load("train").x, found)


def test_images_are_resized_mirrored_and_limited(tmp_path: Path) -> None:
    path = saved(tmp_path, x=IMAGES)
    data = build(path, size=4, flip=True, limit=3)
    assert data.load("train").x.shape == (6, 3, 4, 4)
    assert np.array_equal(data.load("train").x[2], fitted(IMAGES[1], crop=None, size=4))
    assert torch.equal(data.load("train").x[1::2], data.load("train").x[::2].flip(3))
    assert data.notes == (
        "3 images to train on and 2 of the test split; each of the former followed by its mirror image; "
        "cut and resized to 4x4, of shape 3x6x6; "
        "20 more left out, beyond the limit",
    )
    assert "limit must be from 1 to 23, given 24" in refused(path, limit=24)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, ">i8", np.float32, str, "S3"])
def test_labels_of_any_type_are_numbered_by_value(tmp_path: Path, kind: Any) -> None:
    values = np.array([10, 2, 9] * 8 + [2])
    for labels in (values.astype(kind), values.astype(kind)[:, np.newaxis]):
        data = build(saved(tmp_path, x=IMAGES, labels=labels), test_every=0)
        assert data.class_names == ("2", "9", "10")
        assert data.signature.classes == 3
        assert data.load("train").labels.tolist() == [2, 0, 1] * 8 + [0]
    without = build(saved(tmp_path, x=IMAGES, labels=labels), labels=False)
    assert without.load("train").labels is None
    assert without.signature.classes is None


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "train_y", "test_data", "labels_test"),
    ],
)
def test_both_splits_of_a_file_or_of_a_folder(tmp_path: Path, names: tuple[str, ...]) -> None:
    labels = np.arange(25, dtype=np.uint8) % 5
    content = dict(zip(names, (IMAGES[:20], labels[:20], IMAGES[20:], labels[20:]), strict=True))
    packed = build(saved(tmp_path, **content, val_images=IMAGES))
    assert np.array_equal(packed.load("test").x, IMAGES[20:])
    assert packed.load("train").labels.tolist() == labels[:20].tolist()
    assert packed.notes[0].endswith("; passed over: 1 arrays of other names, 'val_images'")
    (tmp_path / "d").mkdir()
    for name, array in content.items():
        np.save(tmp_path / "d" / f"{name}.npy", array)
    assert build(tmp_path / "d").fingerprint == packed.fingerprint


def test_conditions_belong_to_their_rows(tmp_path: Path) -> None:
    condition = np.arange(50.0).reshape(25, 2)
    for x in (IMAGES, POINTS):
        path = saved(tmp_path, x=x, condition=condition)
        data = build(path)
        assert data.signature.condition == (2,)
        assert torch.equal(data.load("test").condition, torch.tensor([[18.0, 19.0], [38.0, 39.0]]))
        before = data.fingerprint
        assert build(saved(tmp_path, x=x, condition=condition + 1)).fingerprint != before
    path = saved(tmp_path, x=IMAGES, condition=condition)
    assert "the images have conditions, which are not mirrored" in refused(path, flip=True)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int16])
def test_points_of_any_dimension(tmp_path: Path, kind: Any) -> None:
    points = POINTS.astype(kind)
    np.save(tmp_path / "p.npy", points)
    data = build(tmp_path / "p.npy")
    assert (data.signature.kind, data.signature.shape) == ("points", (5,))
    assert torch.equal(data.load("test").x, torch.from_numpy(points[[9, 19]].astype(np.float32)))
    assert data.notes == ("23 points to train on and 2 of the test split, of 5 coordinates",)
    even = build(tmp_path / "p.npy", standardise=True)
    assert torch.allclose(even.load("train").x.mean(0), torch.zeros(5), atol=1e-6)
    assert torch.allclose(even.load("train").x.std(0, correction=0), torch.ones(5), atol=1e-6)
    restored = even.load("test").x.numpy() * even.deviation + even.mean
    assert np.allclose(restored, points[[9, 19]], atol=1e-4)
    assert "standardised by mean and deviation of the train split: '0' " in even.notes[0]


@pytest.mark.parametrize(
    ("arrays", "options", "problem"),
    [
        ({"x": IMAGES[:0]}, {}, "'x' holds no samples, its shape is (0, 3, 6, 6)"),
        ({"x": IMAGES[:, :2]}, {}, "has uint8 of shape (25, 2, 6, 6); images must be"),
        ({"x": IMAGES[None]}, {}, "images must be (N, C, H, W)"),
        ({"x": IMAGES.astype(complex)}, {}, "holds complex128; images must be numbers"),
        ({"x": POINTS.astype(str)}, {}, "points must be numbers"),
        (
            {"x": np.where(POINTS > 4, np.nan, POINTS)},
            {},
            "has NaN, infinity or a number beyond",
        ),
        ({"x": POINTS * 1e300}, {}, "beyond float32"),
        ({"x": np.where(IMAGES > 254, np.inf, IMAGES)}, {"range": [0, 255]}, "has NaN or infinity in it"),
        ({"x": IMAGES, "labels": np.arange(24)}, {}, "'labels' must have a row for each of the 25 samples"),
        ({"x": IMAGES, "labels": np.arange(25) / 2}, {}, "'labels' has numbers that are not whole"),
        ({"x": IMAGES, "labels": np.ones((25, 5))}, {}, "labels must be whole numbers or texts"),
        ({"x": IMAGES, "condition": POINTS * np.inf}, {}, "'condition' has NaN or infinity in it"),
        ({"x_train": IMAGES, "x_test": IMAGES[:, :, :5]}, {}, "those of the test split (3, 5, 6)"),
        ({"one": IMAGES, "two": IMAGES}, {}, "has no array 'x' (nor 'x_train', 'train_images', "),
        ({}, {}, "it has nothing"),
        ({"x": IMAGES}, {"standardise": True}, "its samples are images, for which standardise means nothing"),
        ({"x": POINTS}, {"size": 8}, "its samples are points, for which size means nothing"),
        ({"x": IMAGES}, {"range": [1, 1]}, "range must be two different numbers"),
        ({"x": IMAGES}, {"test_every": 1}, "test_every must be 0, or at least 2"),
        ({"x": POINTS * 0}, {"standardise": True}, "standardise = true, and '0' is the same in every point"),
        ({"x": np.array([object()])}, {}, "pickled objects, which are never unpickled"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], problem: str
) -> None:
    assert problem in refused(saved(tmp_path, **arrays), **options)


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_text("1 2 3")
    assert "is not a .npy file" in refused(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([object()]))
    assert "holds pickled objects, which are never unpickled" in refused(tmp_path / "a.npy")
    saved(tmp_path, arr_0=IMAGES).rename(tmp_path / "a.npy")
    assert len(build(tmp_path / "a.npy").load("train")) == 23
    np.save(tmp_path / "a.npy", IMAGES)
    os.truncate(tmp_path / "a.npy", 1000)
    assert "cannot be read" in refused(tmp_path / "a.npy")
    path = saved(tmp_path, x=IMAGES)
    os.truncate(path, 1000)
    assert "cannot be read" in refused(path)
    (tmp_path / "a.txt").write_text("1 2 3")
    assert "must end in .npz or .npy, or be a folder of .npy" in refused(tmp_path / "a.txt")
    (tmp_path / "d").mkdir()
    assert "holds no .npy files" in refused(tmp_path / "d")
    os.mkfifo(tmp_path / "p.npy")
    assert "is not a file but a named pipe" in refused(tmp_path / "p.npy")


@pytest.mark.parametrize("kind", [np.uint8, ">i8", bool, np.float16, np.float64])
def test_one_hot_rows_are_classes(tmp_path: Path, kind: Any) -> None:
    numbers = np.arange(25) % 5
    numbers[numbers == 3] = 4
    data = build(saved(tmp_path, x=IMAGES, labels=np.eye(5)[numbers].astype(kind)), test_every=0)
    assert data.class_names == ("0", "1", "2", "4")
    assert torch.equal(data.load("train").labels, torch.from_numpy(np.minimum(numbers, 3)))
    same = build(saved(tmp_path, x=IMAGES, labels=numbers), test_every=0)
    assert same.fingerprint == data.fingerprint


@pytest.mark.parametrize("wrong", [0, 2, 0.5, np.nan, -1])
def test_rows_that_are_not_one_hot_are_refused(tmp_path: Path, wrong: float) -> None:
    rows = np.eye(5)[np.arange(25) % 5]
    rows[7] = wrong * rows[7]
    problem = refused(saved(tmp_path, x=IMAGES, labels=rows))
    assert "'labels' has float64 of shape (25, 5); labels must be whole numbers or texts" in problem
    assert "or rows with a single 1 among zeros" in problem


ALPHA = np.concatenate([IMAGES, np.full((25, 1, 6, 6), 255, np.uint8)], axis=1)
ALPHA[3, 3, 2, 1], ALPHA[9, 3], ALPHA[20, 3, 0, :3] = 0, 100, 254


def as_pictures(folder: Path, images: Any) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(np.moveaxis(image, 0, 2)).save(folder / f"{number:02}.png")
    return folder


@pytest.mark.parametrize("background", ["white", "black", [10, 200, 30]])
@pytest.mark.parametrize("form", ["channels first", "channels last", "floats"])
def test_transparent_images_are_as_those_of_a_folder(tmp_path: Path, background: Any, form: str) -> None:
    folder = as_pictures(tmp_path / "folder", ALPHA)
    options = {"path": str(folder), "background": background, "size": 5}
    pictures = load_catalog().build("dataset", "image_folder", options)
    span = {"range": [-1, 1]} if form == "floats" else {}
    array = {
        "channels first": ALPHA,
        "channels last": np.moveaxis(ALPHA, 1, 3),
        "floats": ALPHA.astype(np.float32) / 127.5 - 1,
    }[form]
    for _ in range(2):  # made, and kept
        data = build(saved(tmp_path, x=array), background=background, size=5, **span)
        assert data.fingerprint == pictures.fingerprint
        assert f"3 transparent in places and laid over {background}" in data.notes[0]


def test_opacity_that_says_nothing_is_dropped(tmp_path: Path) -> None:
    opaque = ALPHA[[0, 1, 2, 4]]
    plain = build(saved(tmp_path, x=IMAGES[[0, 1, 2, 4]]), test_every=0)
    data = build(saved(tmp_path, x=opaque), test_every=0)
    assert data.fingerprint == plain.fingerprint
    assert "transparent" not in data.notes[0]
    problem = refused(saved(tmp_path, x=ALPHA), test_every=0)
    assert (
        'image 3 is transparent in places; lay it over a background first, or say background = "white"'
        in (problem)
    )
    assert "its samples are points, for which background means nothing" in refused(
        saved(tmp_path, x=POINTS), background="white"
    )


def test_compressed_arrays_are_unpacked_beside_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.asfortranarray(IMAGES), labels=np.arange(25) % 3)
    expected = build(tmp_path / "a.npz").fingerprint
    monkeypatch.setattr(mapped_members, "MIN_UNPACKED_BYTES", 1)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "another"))
    assert build(tmp_path / "a.npz").fingerprint == expected
    array = load_arrays(tmp_path / "a.npz", lambda _: {"x": "x"}, mapped=True)["x"]
    assert isinstance(array, np.memmap)
    assert np.array_equal(array, IMAGES)
    assert [path.name for path in (tmp_path / "another").iterdir()] == ["images"]
    # Where nothing can be kept, it comes into memory.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file"))
    assert np.array_equal(load_arrays(tmp_path / "a.npz", lambda _: {"x": "x"}, mapped=True)["x"], IMAGES)


def test_a_compressed_array_that_is_damaged_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_members, "MIN_UNPACKED_BYTES", 1)
    np.savez_compressed(tmp_path / "a.npz", x=IMAGES)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(content)
    assert "a.npz: cannot be read: " in refused(tmp_path / "a.npz")


@pytest.mark.parametrize("x", [POINTS, IMAGES])
def test_points_and_conditions_are_mapped_and_the_same_as_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x: Any
) -> None:
    options: dict[str, Any] = {"test_every": 3, "limit": 12}
    if x is POINTS:
        options["standardise"] = True
    path = saved(tmp_path, x=x, labels=np.arange(25) % 3, condition=np.arange(50.0).reshape(25, 2))
    in_memory = build(path, **options)
    assert not list((tmp_path / "cache").glob("[pc]o*"))
    monkeypatch.setattr(kept_arrays, "MIN_KEPT_BYTES", 1)
    for _ in range(2):  # made, and kept
        data = build(path, **options)
        for name in ("signature", "fingerprint", "notes", "class_names"):
            assert getattr(data, name) == getattr(in_memory, name)
        if x is POINTS:
            assert data.columns == in_memory.columns
            assert np.array_equal(data.mean, in_memory.mean)
            assert np.array_equal(data.deviation, in_memory.deviation)
        for split in ("train", "test"):
            found, expected = data.load(split), in_memory.load(split)
            for part in ("x", "labels", "condition"):
                assert torch.equal(getattr(found, part), getattr(expected, part))
            parts = (found.x, found.condition) if x is POINTS else (found.condition,)
            assert all(in_shared_map(part, tmp_path / "cache") for part in parts)
    saved(tmp_path, x=x, labels=np.arange(25) % 3, condition=np.arange(50.0).reshape(25, 2) + 1)
    changed = build(path, **options)
    assert changed.fingerprint != in_memory.fingerprint
    assert torch.equal(changed.load("test").condition, in_memory.load("test").condition + 1)


def in_shared_map(tensor: torch.Tensor, cache: Path) -> bool:
    """Whether a tensor lies in a file of the cache that is mapped, shared and read-only."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights = line.split()[:2]
        begin, end = (int(address, 16) for address in addresses.split("-"))
        if begin <= tensor.data_ptr() < end:
            return rights == "r--s" and str(cache) in line
    return False
