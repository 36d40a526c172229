from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from ganbench import run
from ganbench.api import Extractor, Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.files.cache import cache_folder
from ganbench.scoring.extraction import extract
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.extractors import trained
from ganbench.zoo.extractors.card import classifier_details

CPU = torch.device("cpu")


class Blocks:
    """Images of one bright block on noise, its place the label; `count` in each split."""

    def __init__(self, channels=1, size=8, count=60, classes=4, labels=True, kind="image"):
        self.signature = Signature(shape=(channels, size, size), kind=kind, classes=classes)
        self.fingerprint = f"blocks {channels} {size} {count} {classes}"
        self._count, self._labels = count, labels

    def load(self, split):
        random = torch.Generator().manual_seed(len(split))
        shape = self.signature.shape
        x = torch.randint(60, (self._count, *shape), dtype=torch.uint8, generator=random)
        labels = torch.randint(4, (self._count,), generator=random)
        half = shape[1] // 2
        for image, label in zip(x, labels.tolist(), strict=True):
            row, column = half * (label // 2), half * (label % 2)
            image[:, row : row + half, column : column + half] += 150
        return Samples(x=x, labels=labels if self._labels else None)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))


def build(dataset=None, **options):
    return trained.trained(dataset or Blocks(), **{"epochs": 2, "features": 16} | options)


def weights_files():
    return sorted((cache_folder() / "classifiers").glob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 8), (3, 13), (1, 28), (3, 64)])
def test_it_learns_any_labelled_images(channels, size):
    dataset = Blocks(channels=channels, size=size)
    extractor = build(dataset, epochs=8)
    assert isinstance(extractor, Extractor)
    assert (extractor.channels, extractor.sizes) == ((channels,), ((size, size),))
    assert extractor.card["test_accuracy"] > 0.9
    test = dataset.load("test")
    out = extract(extractor, test.x, CPU)
    assert out.features.shape == (60, 16)
    assert out.logits.shape == (60, 4)
    accuracy = float((out.logits.argmax(dim=1) == test.labels).double().mean())
    assert accuracy == pytest.approx(extractor.card["test_accuracy"], abs=1 / 60)


def test_neither_random_state_nor_threads_nor_modes_change_a_bit():
    first = build()
    threads = torch.get_num_threads()
    for path in weights_files():
        path.unlink()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    try:
        torch.set_num_threads(2)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            again = build()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), before)
    assert again.digest == first.digest
    assert len(weights_files()) == 1


def test_weights_are_trained_once_and_come_from_the_cache(monkeypatch):
    first = build()
    monkeypatch.setattr(trained, "fit", lambda *_: pytest.fail("trained again"))
    second = build()
    assert second.digest == first.digest
    assert second.card == first.card
    images = Blocks().load("test").x
    assert torch.equal(extract(first, images, CPU).features, extract(second, images, CPU).features)


def test_a_flipped_byte_is_trained_away(monkeypatch):
    first = build()
    (path,) = weights_files()
    content = path.read_bytes()
    for place in (len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        assert build().digest == first.digest
    monkeypatch.setattr(trained, "fit", lambda *_: pytest.fail("not kept"))
    assert build().digest == first.digest


@pytest.mark.parametrize("options", [{"epochs": 1}, {"features": 17}, {"flip": True}, {"seed": 1}])
def test_each_option_is_another_network(options):
    first, other = build(), build(**options)
    assert first.digest != other.digest
    assert len(weights_files()) == 2
    assert build().digest == first.digest


def test_other_data_are_another_network():
    digests = {build(dataset).digest for dataset in (Blocks(), Blocks(count=50), Blocks(channels=3))}
    assert len(digests) == 3


def test_unset_epochs_show_enough_images():
    assert [trained.default_epochs(images) for images in (10, 1_442, 10_000, 60_000)] == [50, 35, 5, 5]


def test_torch_fidelity_knows_each_by_its_digest():
    names = {build(dataset).registered for dataset in (Blocks(), Blocks(channels=3))}
    assert len(names) == 2
    assert names <= set(FEATURE_EXTRACTORS_REGISTRY)


@pytest.mark.parametrize(
    ("dataset", "options", "complaint"),
    [
        (Blocks(kind="points"), {}, "takes images, and the data are points"),
        (Blocks(channels=2), {}, "1 or 3 channels, and the data have 2"),
        (Blocks(size=7), {}, "8 to 64 pixels a side, and the data have 7x7"),
        (Blocks(size=65), {}, "8 to 64 pixels a side, and the data have 65x65"),
        (Blocks(classes=None), {}, "labels of at least 2 classes"),
        (Blocks(classes=1), {}, "labels of at least 2 classes"),
        (Blocks(labels=False), {}, "the train split has none"),
        (Blocks(classes=3), {}, "labels from 0 to 2, and the train split has 0 to 3"),
        (Blocks(count=1), {}, "at least 2 labelled images"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_line(dataset, options, complaint):
    with pytest.raises(CatalogError, match=f"extractor 'classifier': .*{complaint}") as caught:
        load_catalog().build("extractor", "classifier", options, scored_dataset=dataset)
    assert len(caught.value.problems) == 1
    assert weights_files() == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"epochs": 0}, "'epochs' of .* must be at least 1 and at most 10000, given 0"),
        ({"features": 0}, "'features' of .* must be at least 1"),
        ({"seed": -1}, "'seed' of .* must be at least 0"),
    ],
)
def test_an_option_out_of_bounds_is_refused_by_name(options, complaint):
    with pytest.raises(CatalogError, match=complaint):
        load_catalog().coerce("extractor", "classifier", options)


def test_what_was_trained_is_shown_without_torch():
    assert "none trained yet" in classifier_details()["found"]
    extractor = build(epochs=8)
    code = (
        "import sys, json\n"
        "from ganbench.zoo.extractors.card import classifier_details\n"
        "print(classifier_details()['found'])\n"
        "assert not {'torch', 'numpy', 'torch_fidelity'} & set(sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f"4 classes of 1x8x8: test accuracy {extractor.card['test_accuracy']:.2%} after 8 epochs" in out
    assert extractor.digest[:12] in out
    (card,) = (cache_folder() / "classifiers").glob("*.json")
    card.write_text("{")
    assert "not readable" in classifier_details()["found"]
    build(epochs=8)
    assert json.loads(card.read_text()) == extractor.card


@pytest.mark.slow
def test_two_processes_that_train_at_once_end_with_the_same_bits(tmp_path):
    code = (
        "import sys, torch\n"
        "torch.manual_seed(int(sys.argv[1])); torch.set_num_threads(int(sys.argv[1]))\n"
        "from ganbench.zoo.datasets.digits import Digits\n"
        "from ganbench.zoo.extractors.trained import trained\n"
        "print(trained(Digits(), epochs=1).digest)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(index)], stdout=subprocess.PIPE, text=True)
        for index in (1, 2)
    ]
    digests = {worker.communicate(timeout=300)[0] for worker in workers}
    assert digests == {trained.trained(Digits(), epochs=1).digest + "\n"}
    assert len(weights_files()) == 1
    assert not [name for name in os.listdir(cache_folder() / "classifiers") if name.endswith(".tmp")]


GRID = {
    "name": "trained",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": ["mlp"],
        "loss": ["minimax"],
        "score.extractor_precision": ["float32", "bfloat16"],
    },
    "train": {"steps": 3, "batch_size": 16},
    "score": {
        "metrics": ["fid", "is"],
        "extractor": {"name": "classifier", "epochs": 1},
        "samples": 40,
    },
}


@pytest.mark.slow
def test_a_grid_is_scored_with_it_in_either_precision(in_process, tmp_path):
    scores = run(GRID, out=tmp_path / "out", jobs=1).scores
    assert scores["extractor"].str.startswith("classifier[epochs=1]").all()
    assert len(weights_files()) == 1
    exact, rough = (rows for _, rows in scores.groupby("score.extractor_precision", sort=False))
    assert list(exact["metric"]) == list(rough["metric"])
    assert set(exact["protocol"]).isdisjoint(rough["protocol"])
    one, other = exact["value"].to_numpy(), rough["value"].to_numpy()
    assert (one != other).any()
    # A spread over parts is small beside the score, and rounding moves both alike.
    assert abs(other - one).max() < 0.05 * abs(one).max()
