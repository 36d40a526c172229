from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ganbench.api import Dataset
from ganbench.errors import DatasetError
from ganbench.zoo.datasets.digits import Digits, read_table
from ganbench.zoo.datasets.fingerprint import fingerprint_of


def test_splits_are_all_of_scikit_learns_digits_once():
    data = Digits()
    train, test = data.load("train"), data.load("test")
    assert isinstance(data, Dataset)
    assert (len(train), len(test)) == (1442, 355)
    assert train.x.dtype == torch.uint8
    assert train.x.shape[1:] == data.signature.shape == (1, 8, 8)
    assert train.labels.dtype == torch.int64
    source, labels = load_digits(return_X_y=True)
    wanted = sorted(
        (int(label), *np.rint(row * 255 / 16).astype(int)) for row, label in zip(source, labels, strict=True)
    )
    got = sorted(
        (int(label), *row.flatten().tolist())
        for split in (train, test)
        for row, label in zip(split.x, split.labels, strict=True)
    )
    assert got == wanted
    assert train.x.max() == 255


def test_scikit_learn_is_asked_only_where_its_file_is_not_found(tmp_path, monkeypatch):
    expected = load_digits(return_X_y=True)
    for found in (read_table(None), read_table(tmp_path)):
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))

    def refuse(**_):
        raise AssertionError("importing scikit-learn takes each worker long")

    monkeypatch.setattr("sklearn.datasets.load_digits", refuse)
    assert len(Digits().load("train")) == 1442


def test_classes_are_in_proportion_in_both_splits():
    data = Digits()
    train, test = data.load("train").labels.bincount(), data.load("test").labels.bincount()
    assert torch.equal(test, (train + test) // 5)


def test_loading_neither_uses_nor_moves_random_state():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    before = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    first = Digits().fingerprint
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    torch.manual_seed(2)
    assert Digits().fingerprint == first


def test_fingerprint_changes_with_one_pixel_one_label_and_the_split():
    train, test = (Digits().load(split) for split in ("train", "test"))
    original = fingerprint_of([train, test])
    assert original == Digits().fingerprint
    assert fingerprint_of([test, train]) != original
    train.x[0, 0, 0, 0] += 1
    pixel = fingerprint_of([train, test])
    train.x[0, 0, 0, 0] -= 1
    train.labels[5] = (train.labels[5] + 1) % 10
    assert len({original, pixel, fingerprint_of([train, test])}) == 3


def test_options_make_of_it_what_they_make_of_every_image_set():
    plain = Digits()
    assert Digits(size=8, classes=tuple(range(10))).fingerprint == plain.fingerprint
    # Worked out before there were options: stored results rely on it.
    assert plain.fingerprint.startswith("6b65723e645b286a")
    some = Digits(size=32, classes=(3, 5), limit=20, flip=True)
    train = some.load("train")
    assert (some.signature.shape, some.signature.classes) == ((1, 32, 32), 2)
    assert (tuple(train.x.shape), len(some.load("test"))) == ((40, 1, 32, 32), 72)
    assert torch.equal(train.x[1::2], train.x[0::2].flip(3))
    with pytest.raises(DatasetError, match="dataset 'digits': limit must be from 1 to 1442, given 1443"):
        Digits(limit=1443)
