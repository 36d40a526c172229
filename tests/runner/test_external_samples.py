"""Samples made by other programs, and the data set that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.api import Dataset, Samples, Signature
from ganbench.errors import DatasetError
from ganbench.runner.external_samples import ExternalDataset, Reading, read_samples, require_pairs

GREY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 10
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=3)
GREY_LIKE = Signature(shape=(1, 3, 4), kind="image")
COLOUR_LIKE = Signature(shape=(3, 3, 4), kind="image")
POINTS_LIKE = Signature(shape=(2,), kind="points")


def folder(path: Path, images: Any) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index:05}.png")
    return path


def array(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_a_folder_and_an_array_of_the_same_pixels_are_the_same(tmp_path: Path) -> None:
    pictures = folder(tmp_path / "pictures", COLOUR)
    stored = array(tmp_path / "stored.npz", x=COLOUR.transpose(0, 3, 1, 2))
    made = [read_samples(path, COLOUR_LIKE).x for path in (pictures, stored)]
    assert torch.equal(*made)
    data = [ExternalDataset(read_samples(path), path) for path in (pictures, stored)]
    assert data[0].signature == data[1].signature == COLOUR_LIKE
    assert data[0].fingerprint == data[1].fingerprint
    COLOUR[0, 0, 0, 0] ^= 1
    other = ExternalDataset(read_samples(array(tmp_path / "other.npz", x=COLOUR)), stored)
    COLOUR[0, 0, 0, 0] ^= 1
    assert other.fingerprint != data[0].fingerprint


def test_grey_images_saved_as_colour_are_grey(tmp_path: Path) -> None:
    tripled = folder(tmp_path / "tripled", np.repeat(GREY[..., None], 3, axis=3))
    for like in (GREY_LIKE, None):
        assert np.array_equal(read_samples(tripled, like).x[:, 0].numpy(), GREY)
    # What a generator of colour images makes stays colour, also where it has learnt grey only.
    assert tuple(read_samples(tripled, COLOUR_LIKE).x.shape) == (2, 3, 3, 4)


def test_points_and_what_belongs_to_them(tmp_path: Path) -> None:
    x, labels = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([2, 0, 1])
    stored = array(tmp_path / "points.npz", x=x, labels=labels, index=labels, condition=x)
    samples = read_samples(stored, POINTS_LIKE)
    assert torch.equal(samples.x, torch.from_numpy(x))
    for part in (samples.labels, samples.index):
        assert part is not None
        assert part.tolist() == [2, 0, 1]
    data = ExternalDataset(samples, stored)
    assert isinstance(data, Dataset)
    assert data.signature == POINTS_LIKE
    assert data.load("train").labels is None
    with pytest.raises(DatasetError, match=r"points.npz: has no test split, which a metric asks for"):
        data.load("test")


@pytest.mark.parametrize(
    ("made", "like", "problem"),
    [
        (COLOUR, GREY_LIKE, "has images of 3x3x4; the reference has images of 1x3x4"),
        (GREY, POINTS_LIKE, "has images of 1x3x4; the reference has points of 2 coordinates"),
    ],
)
def test_what_does_not_look_like_the_reference_is_refused(
    tmp_path: Path, made: Any, like: Signature, problem: str
) -> None:
    with pytest.raises(DatasetError, match=f"made: {problem}$"):
        read_samples(folder(tmp_path / "made", made), like)


def test_a_path_that_is_nothing_of_the_kind(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"?")
    results = tmp_path / "results"
    results.mkdir()
    (results / "grid.toml").write_text("")
    pictures = folder(tmp_path / "pictures", GREY)
    points = array(tmp_path / "points.npz", x=np.ones((3, 2)))
    wide = array(tmp_path / "wide.npz", x=np.ones((3, 5)))
    for path, like, span, problem in (
        (tmp_path / "absent", None, None, "absent: there is no such file or folder"),
        (tmp_path / "absent.npz", None, None, "absent.npz: there is no such file"),
        (tmp_path / "x.pt", None, None, "x.pt: must be a folder of images, an archive of them (.zip, .tar, "),
        (
            results,
            None,
            None,
            f"`ganbench run {results}/grid.toml --out {results} --set 'score.metrics=[...]'`",
        ),
        (pictures, None, (0.0, 1.0), "pictures: is a folder of images, whose range is known: --range is for"),
        (points, None, (0.0, 1.0), "points.npz: points have no black and white: --range is for images"),
        (points, GREY_LIKE, None, "points.npz: has float64 of shape (3, 2); images must be"),
        (wide, POINTS_LIKE, None, "wide.npz: has points of 5 coordinates; the reference has points of 2"),
    ):
        with pytest.raises(DatasetError) as caught:
            read_samples(path, like, Reading(span=span))
        assert problem in str(caught.value)


def test_pairs_have_to_be_said_and_to_be_true() -> None:
    x, path = torch.zeros(3, 1, 2, 2, dtype=torch.uint8), Path("made.npz")
    index = torch.tensor([4, 0, 4])
    conditions = torch.arange(10.0).reshape(5, 2)
    data = Samples(x=torch.zeros(5, 1, 2, 2, dtype=torch.uint8), condition=conditions)
    labelled = Samples(x=data.x, labels=torch.arange(5))
    require_pairs(Samples(x=x, index=index), data, path)
    require_pairs(Samples(x=x, index=index, condition=conditions[index]), data, path)
    require_pairs(Samples(x=x, index=index, labels=index), labelled, path)
    for samples, real, problem in (
        (Samples(x=x), data, "made.npz: a metric needs pairs, and only an .npz of `ganbench sample` says"),
        (Samples(x=x, index=index + 1), data, "'index' must name rows of the reference, 0 to 4, given 5"),
        (Samples(x=x, index=index - 1), data, "'index' must name rows of the reference, 0 to 4, given -1"),
        (Samples(x=x, index=index, condition=conditions[:3]), data, "are not those of the reference"),
        (Samples(x=x, index=index, condition=conditions[index, :1]), data, "are not those of the reference"),
        (Samples(x=x, index=index, labels=index.flip(0) + 1), labelled, "are not those of the reference"),
    ):
        with pytest.raises(DatasetError, match=problem):
            require_pairs(samples, real, path)


def test_grey_images_against_coloured_ones_have_three_equal_channels(tmp_path: Path) -> None:
    found = read_samples(folder(tmp_path / "grey", GREY), COLOUR_LIKE).x
    assert np.array_equal(found.numpy(), np.repeat(GREY[:, np.newaxis], 3, axis=1))


def test_images_of_another_size_are_read_as_they_are(tmp_path: Path) -> None:
    assert tuple(read_samples(folder(tmp_path / "low", GREY[:, :2]), GREY_LIKE).x.shape) == (2, 1, 2, 4)


def test_a_reference_of_class_folders_has_classes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("cat", "dog"):
        folder(tmp_path / "real" / name, GREY)
    data = ExternalDataset.read(tmp_path / "real")
    assert data.class_names == ("cat", "dog")
    assert data.signature == Signature(shape=(1, 3, 4), kind="image", classes=2)
    labels = data.load("train").labels
    assert labels is not None
    assert labels.tolist() == [0, 0, 1, 1]
    plain = ExternalDataset.read(tmp_path / "real" / "cat")
    assert (plain.class_names, plain.signature.classes) == (None, None)
    assert plain.fingerprint == ExternalDataset(read_samples(tmp_path / "real" / "cat"), tmp_path).fingerprint


def test_the_same_images_in_other_classes_are_other_data(tmp_path: Path) -> None:
    images = np.concatenate([GREY, GREY + 1])
    read = []
    for cats in (1, 2):
        place = tmp_path / str(cats)
        place.mkdir()
        folder(place / "cat", images[:cats])
        folder(place / "dog", images[cats:])
        read.append(ExternalDataset.read(place))
    assert torch.equal(read[0].load("train").x, read[1].load("train").x)
    assert read[0].fingerprint != read[1].fingerprint


def test_transparent_images_of_an_array_are_as_those_of_a_folder(tmp_path: Path) -> None:
    colour = np.repeat(COLOUR, 2, axis=1)
    like = Signature(shape=(3, 6, 4), kind="image")
    rgba = np.concatenate([colour, np.full((2, 6, 4, 1), 255, np.uint8)], axis=3)
    rgba[1, 0, 0, 3] = 90
    pictures = folder(tmp_path / "pictures", rgba)
    stored = array(tmp_path / "stored.npz", arr_0=rgba)
    scaled = array(tmp_path / "scaled.npz", x=rgba.transpose(0, 3, 1, 2) / 255)
    for background in ("black", (1, 200, 30)):
        notes: list[list[str]] = [[], [], []]
        made = [
            read_samples(path, like, Reading(background=background, span=span), notes=said).x
            for path, span, said in zip((pictures, stored, scaled), (None, None, (0, 1)), notes, strict=True)
        ]
        assert torch.equal(made[0], made[1])
        assert torch.equal(made[0], made[2])
        assert notes[0] == notes[1] == notes[2]
        assert notes[0][0].startswith("1 transparent in places and laid over ")
    with pytest.raises(DatasetError, match=r"image 1 is transparent in places; .* say --background white"):
        read_samples(stored, like)
    opaque = array(tmp_path / "opaque.npz", x=np.concatenate([rgba[:1], rgba[:1]]))
    assert np.array_equal(read_samples(opaque).x[0], colour[0].transpose(2, 0, 1))
    points = array(tmp_path / "points.npz", x=np.ones((3, 2)))
    with pytest.raises(DatasetError, match="points are not transparent: --background is for images"):
        read_samples(points, POINTS_LIKE, Reading(background="white"))


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool, np.float32])
def test_one_hot_rows_are_labels(tmp_path: Path, kind: Any) -> None:
    rows = np.eye(3)[[2, 0]].astype(kind)
    for names in ({"x": COLOUR, "labels": rows}, {"arr_0": COLOUR, "arr_1": rows}):
        labels = read_samples(array(tmp_path / "a.npz", **names)).labels
        assert labels is not None
        assert labels.tolist() == [2, 0]
    rows[1] = 0
    with pytest.raises(
        DatasetError, match=r"'labels' is .* of shape \(2, 3\); expected integers of shape \(2,\)"
    ):
        read_samples(array(tmp_path / "a.npz", x=COLOUR, labels=rows))
    # An array of no telling name that holds something else.
    assert read_samples(array(tmp_path / "a.npz", arr_0=COLOUR, arr_1=rows)).labels is None


def test_transparent_pictures_are_a_reference_over_a_background(tmp_path: Path) -> None:
    folder = tmp_path / "sprites"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 4), np.uint8)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{index}.png")
    np.save(tmp_path / "sprites.npy", pixels)
    with pytest.raises(DatasetError, match="transparent"):
        ExternalDataset.read(folder)
    white = [
        ExternalDataset.read(path, Reading(background="white")) for path in (folder, tmp_path / "sprites.npy")
    ]
    assert white[0].fingerprint == white[1].fingerprint
    assert torch.equal(white[0].load("train").x, read_samples(folder, reading=Reading(background="white")).x)
