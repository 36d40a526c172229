"""Modes that a classifier counts: on stacked pictures, and on any labelled data."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from plain_data import PlainData, pixels
from published_files import write_idx
from scipy.stats import entropy

from ganbench import run
from ganbench.api import Features, Samples
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, GridError
from ganbench.scoring.extraction import extract
from ganbench.zoo.metrics.class_modes import ClassModes

CPU = torch.device("cpu")


class Labelled(PlainData):
    """Data of which the metric asks the labels alone."""

    def __init__(self, labels, classes):
        super().__init__(pixels(len(labels), 1, 8, 8), classes=classes)
        self.splits["train"] = Samples(x=self.splits["train"].x, labels=torch.tensor(labels))


def logits(classes, total):
    return Features(features=torch.zeros(len(classes), 1), logits=torch.eye(total)[classes] * 3 - 1)


def score(generated, data, total):
    side = logits(generated, total)
    return ClassModes()(side, Features(features=torch.zeros(1, 1)), data)


def test_modes_and_their_divergence_from_the_real_shares():
    data = Labelled([0, 0, 1, 2, 3, 3, 3, 3], 5)
    values = score([0, 0, 0, 2, 3, 3], data, 5)
    assert values["class_modes"] == 3
    expected = entropy([3 / 6, 0, 1 / 6, 2 / 6], [2 / 8, 1 / 8, 1 / 8, 4 / 8])
    assert values["class_reverse_kl"] == pytest.approx(expected, rel=1e-12)


def test_equal_shares_diverge_by_nothing_and_one_mode_of_equal_ones_by_the_logarithm_of_their_number():
    data = Labelled(list(range(1000)), 1000)
    assert score(list(range(1000)), data, 1000) == {"class_modes": 1000, "class_reverse_kl": 0}
    alone = score([7] * 50, data, 1000)
    assert alone["class_modes"] == 1
    assert alone["class_reverse_kl"] == pytest.approx(math.log(1000), rel=1e-12)


def test_perfect_samples_have_the_divergence_that_their_number_makes():
    data = Labelled(list(range(1000)) * 2, 1000)
    drawn = np.random.default_rng(0).integers(1000, size=26_000).tolist()
    assert score(drawn, data, 1000)["class_reverse_kl"] == pytest.approx(999 / 52_000, rel=0.2)


def test_a_class_that_the_data_do_not_have_is_infinitely_far():
    assert score([0, 1], Labelled([0, 0, 2], 3), 3)["class_reverse_kl"] == math.inf


def test_data_without_labels_and_other_classes_are_refused():
    with pytest.raises(ValueError, match="it needs data with labels, and the data have none"):
        ClassModes().check(PlainData(pixels(4, 1, 8, 8)))
    with pytest.raises(GridError, match="of the data's 3 classes, and the extractor has 5"):
        score([0], Labelled([0, 1, 2], 3), 5)


def patterns(count, seed):
    """A bright bar at the place that is the label, on noise."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = random.integers(60, size=(count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 14 * (label // 5), 5 * (label % 5)
        image[row : row + 12, column : column + 5] += 180
    return images, labels


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    contents = {}
    for seed, (prefix, count) in enumerate({"train": 400, "t10k": 100}.items()):
        images, labels = patterns(count, seed)
        contents |= {f"{prefix}-images-idx3-ubyte": images, f"{prefix}-labels-idx1-ubyte": labels}
    write_idx(tmp_path / "data" / "MNIST" / "raw", contents)


def stacked(samples=600):
    return load_catalog().build("dataset", "stacked_mnist", {"samples": samples})


def channel_classifier(dataset, **options):
    return load_catalog().build("extractor", "channel_classifier", options, scored_dataset=dataset)


@pytest.mark.slow
def test_the_channel_classifier_knows_the_class_of_each_channel(source):
    data = stacked()
    extractor = channel_classifier(data, epochs=8, features=32)
    assert (extractor.channels, extractor.sizes) == ((3,), ((28, 28),))
    test = data.load("test")
    found = extract(extractor, test.x, CPU)
    assert found.features.shape == (120, 96)
    assert found.logits.shape == (120, 1000)
    assert (found.logits.argmax(dim=1) == test.labels).double().mean() > 0.95
    torch.testing.assert_close(found.logits.exp().sum(dim=1), torch.ones(120))
    # What it says of a stack is what the classifier of its source says of the three.
    alone = load_catalog().build(
        "extractor", "classifier", {"epochs": 8, "features": 32}, scored_dataset=data.channel_source
    )
    assert extractor.digest == alone.digest
    parts = [extract(alone, test.x[:, channel : channel + 1], CPU) for channel in range(3)]
    torch.testing.assert_close(found.features, torch.cat([part.features for part in parts], dim=1))
    chances = [part.logits.softmax(dim=1) for part in parts]
    for a, b, c in itertools.product((0, 3, 9), repeat=3):
        expected = chances[0][:, a] * chances[1][:, b] * chances[2][:, c]
        torch.testing.assert_close(found.logits[:, 100 * a + 10 * b + c].exp(), expected)


def test_only_stacked_data_have_channels_to_classify(source):
    with pytest.raises(CatalogError, match="extractor 'channel_classifier': needs stacked data"):
        channel_classifier(load_catalog().build("dataset", "mnist", {}))


@pytest.mark.slow
def test_a_grid_counts_the_modes(in_process, source, tmp_path):
    grid = """
name = "stacked"
seeds = 1
[axes]
dataset = [{ name = "stacked_mnist", samples = 300 }]
architecture = [{ name = "mlp", generator_widths = [8], discriminator_widths = [8] }]
loss = ["non_saturating"]
[train]
steps = 2
batch_size = 8
[score]
metrics = ["class_modes"]
extractor = { name = "channel_classifier", epochs = 1, features = 8 }
samples = 40
"""
    (tmp_path / "grid.toml").write_text(grid)
    results = run(tmp_path / "grid.toml", out=tmp_path / "out", jobs=1)
    scores = results.scores.set_index("metric")["value"]
    assert set(scores.index) == {"class_modes", "class_reverse_kl"}
    assert 1 <= scores["class_modes"] <= 40
    assert scores["class_reverse_kl"] > 0
