"""What `size`, `flip`, `classes` and `limit` make of a data set in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from published_files import idx_contents, write_idx

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets.fingerprint import fingerprint_of

TRAIN, TEST = 25, 12


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    write_idx(tmp_path / "MNIST" / "raw", idx_contents(TRAIN, TEST))
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    return tmp_path / "MNIST" / "raw"


def build(**options):
    return load_catalog().build("dataset", "mnist", options)


def test_size_is_pillows_bilinear_filter():
    small, plain = build(size=16), build()
    for split in ("train", "test"):
        for made, image in zip(small.load(split).x, plain.load(split).x, strict=True):
            expected = Image.fromarray(image[0].numpy()).resize((16, 16), Image.Resampling.BILINEAR)
            assert np.array_equal(made[0], np.asarray(expected))
    assert small.signature.shape == (1, 16, 16)
    assert torch.equal(small.load("train").labels, plain.load("train").labels)


def test_the_size_that_it_has_changes_nothing():
    assert build(size=28).fingerprint == build().fingerprint


def test_flip_doubles_the_train_split_by_mirror_images():
    flipped, plain = build(flip=True), build()
    train, before = flipped.load("train"), plain.load("train")
    assert len(train) == 2 * TRAIN
    assert torch.equal(train.x[0::2], before.x)
    assert torch.equal(train.x[1::2], before.x.flip(3))
    assert torch.equal(train.labels[0::2], before.labels)
    assert torch.equal(train.labels[1::2], before.labels)
    assert torch.equal(flipped.load("test").x, plain.load("test").x)


def test_classes_are_kept_in_both_splits_and_numbered_anew():
    some, plain = build(classes=[7, 0, 4]), build()
    assert some.signature.classes == 3
    for split in ("train", "test"):
        samples, before = some.load(split), plain.load(split)
        rows = [row for row, label in enumerate(before.labels.tolist()) if label in (7, 0, 4)]
        assert torch.equal(samples.x, before.x[rows])
        assert samples.labels.tolist() == [[7, 0, 4].index(int(before.labels[row])) for row in rows]
        assert samples.labels.dtype == torch.int64


def test_limit_keeps_the_first_of_the_train_split_after_the_choice_of_classes():
    some = build(classes=[3, 5], limit=4, flip=True)
    wanted = build().load("train").x[[3, 5, 13, 15]]
    assert torch.equal(some.load("train").x[0::2], wanted)
    assert some.load("train").labels.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert len(some.load("test")) == 2


def test_the_fingerprint_is_of_what_the_options_make():
    variants = [{}, {"size": 16}, {"flip": True}, {"classes": [0, 1]}, {"classes": [1, 0]}, {"limit": 5}]
    built = [build(**options) for options in variants]
    assert len({data.fingerprint for data in built}) == len(variants)
    for data in built:
        assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])
    assert build(limit=TRAIN).fingerprint == built[0].fingerprint


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"limit": TRAIN + 1}, f"limit must be from 1 to {TRAIN}, given {TRAIN + 1}"),
        ({"classes": [3], "limit": 4}, "limit must be from 1 to 3, given 4"),
        ({"classes": [1, 1]}, r"given [1, 1]"),
        ({"classes": [0, 10]}, r"given [0, 10]"),
    ],
)
def test_an_impossible_option_is_refused_by_name(options, problem):
    with pytest.raises(DatasetError) as caught:
        build(**options)
    assert str(caught.value).startswith("dataset 'mnist': ")
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_class_that_a_split_lacks_is_refused(files):
    (files / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0" + bytes([TEST]) + bytes(TEST))
    with pytest.raises(DatasetError, match=r"the test split has no images of classes \[4, 5\]"):
        build(classes=[4, 5])


def test_what_is_cut_is_the_centre():
    pixels = np.arange(3 * 8 * 11, dtype=np.uint8).reshape(3, 8, 11)
    assert np.array_equal(fitted(pixels, crop=4, size=None), pixels[:, 2:6, 3:7])
    assert np.array_equal(fitted(pixels, crop=None, size=8), pixels[:, :, 1:9])
    square = Image.fromarray(pixels[:, 1:7, 2:8].transpose(1, 2, 0))
    expected = np.asarray(square.resize((9, 9), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert np.array_equal(fitted(pixels, crop=6, size=9), expected)
    assert fitted(pixels, crop=None, size=None) is pixels


def test_making_smaller_averages_instead_of_leaving_out():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (1, 64, 32))
    small = fitted(stripes, crop=None, size=16)
    assert small.min() > 110
    assert small.max() < 145
