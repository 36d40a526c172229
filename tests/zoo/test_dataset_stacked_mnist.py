from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from published_files import IDX_FOLDERS, idx_contents, write_idx

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.datasets.fingerprint import fingerprint_of

# Worked out with numpy alone: a stored result relies on them.
FIRST = [52, 81, 683, 125, 437, 324, 956, 961]
DRAWN = "bdd21d57ac122a118a75939ee1e6f8f86ff8e7da8ed3fa74ab9d2ad7cb2e0609"


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    for seed, folder in enumerate(IDX_FOLDERS.values()):
        write_idx(tmp_path / folder / "raw", idx_contents(40, 30, seed))
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))


def build(**options):
    return load_catalog().build("dataset", "stacked_mnist", {"samples": 500, **options})


@pytest.mark.parametrize("source", sorted(IDX_FOLDERS))
def test_each_channel_is_a_picture_of_the_sources_same_split_and_the_class_names_all_three(source):
    data = build(source=source)
    pictures = load_catalog().build("dataset", source, {})
    assert data.channel_source.fingerprint == pictures.fingerprint
    assert (data.signature.shape, data.signature.classes) == ((3, 28, 28), 1000)
    for split, count in (("train", 500), ("test", 100)):
        samples = data.load(split)
        assert tuple(samples.x.shape) == (count, 3, 28, 28)
        assert samples.x.dtype == torch.uint8
        known = {
            image.numpy().tobytes(): int(label)
            for image, label in zip(pictures.load(split).x, pictures.load(split).labels, strict=True)
        }
        for image, label in zip(samples.x.numpy(), samples.labels.tolist(), strict=True):
            digits = [known[channel.tobytes()] for channel in image]
            assert label == 100 * digits[0] + 10 * digits[1] + digits[2]
    assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])


def test_the_draws_are_frozen():
    labels = build().load("train").labels.numpy()
    assert labels[:8].tolist() == FIRST
    assert hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest() == DRAWN


def test_channels_are_independent_and_every_picture_is_drawn():
    data = build(samples=20_000)
    train = data.load("train")
    assert len(train.labels.unique()) == 1000
    digits = np.stack([train.labels // 100, train.labels // 10 % 10, train.labels % 10])
    assert np.abs(np.corrcoef(digits) - np.eye(3)).max() < 0.03
    assert len(train.x[:, 0].flatten(1).unique(dim=0)) == 40


def test_the_seed_and_the_number_decide():
    first = build()
    assert build(seed=1).fingerprint != first.fingerprint
    assert torch.equal(build(samples=300).load("train").x, first.load("train").x[:300])


def test_the_fingerprint_changes_with_the_pictures_that_are_stacked(tmp_path):
    before = build().fingerprint
    path = tmp_path / IDX_FOLDERS["mnist"] / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert build().fingerprint != before


def test_what_it_cannot_be_is_refused():
    with pytest.raises(CatalogError, match="option 'source' of dataset 'stacked_mnist' must be one of"):
        build(source="cifar10")
