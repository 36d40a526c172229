from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
import torch
from torch_fidelity import calculate_metrics

from ganbench.api import Extractor
from ganbench.errors import WeightsError
from ganbench.scoring.extraction import extract
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.datasets.mnist import DEBIAN_FOLDER, MnistLike
from ganbench.zoo.extractors import classifier, ganbench_extractors
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER, card, card_details

CPU = torch.device("cpu")
ACCURACY = {
    "digits_cnn": (Digits, 0.97),
    "fashion_cnn": (lambda: MnistLike("fashion_mnist"), 0.91),
}
needs_fashion = pytest.mark.skipif(
    not DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist is not installed"
)
NAMES = ["digits_cnn", pytest.param("fashion_cnn", marks=[pytest.mark.slow, needs_fashion])]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_are_as_accurate_as_their_card_says(name):
    data, required = ACCURACY[name]
    dataset, facts = data(), card(name)
    test = dataset.load("test")
    logits = extract(classifier.shipped(name), test.x, CPU).logits
    accuracy = float((logits.argmax(dim=1) == test.labels).double().mean())
    assert accuracy >= required
    # Another processor may round one image near the boundary the other way.
    assert accuracy == pytest.approx(facts["test_accuracy"], abs=2 / len(test))
    assert facts["fingerprint"] == dataset.fingerprint
    assert facts["test_samples"] == len(test)


@pytest.mark.parametrize("name", ACCURACY)
def test_shipped_file_is_small_and_the_one_on_the_card(name):
    content = (WEIGHTS_FOLDER / f"{name}.safetensors").read_bytes()
    assert len(content) < 1_000_000
    assert hashlib.sha256(content).hexdigest() == card(name)["sha256"] == classifier.shipped(name).digest


@pytest.mark.parametrize("name", ACCURACY)
def test_features_and_logits_have_the_announced_shapes(name):
    extractor = classifier.shipped(name)
    assert isinstance(extractor, Extractor)
    assert extractor.channels == (1,)
    images = torch.randint(256, (3, 3, *extractor.sizes[0]), dtype=torch.uint8)
    out = extractor(images)
    assert out.features.shape == (3, card(name)["features"])
    assert out.logits.shape == (3, 10)
    assert out.features.dtype == out.logits.dtype == torch.float32
    assert not out.features.requires_grad


def test_an_image_has_the_same_features_whatever_is_beside_it():
    extractor = classifier.shipped("digits_cnn")
    images = Digits().load("test").x[:8].expand(-1, 3, -1, -1)
    assert torch.allclose(extractor(images).features[2:3], extractor(images[2:3]).features, atol=1e-5)


def test_building_and_using_leave_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    classifier.shipped("digits_cnn")(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_changed_weights_file_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS_FOLDER, folder)
    monkeypatch.setattr(classifier, "WEIGHTS_FOLDER", folder)
    path = folder / "digits_cnn.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not the file that was shipped"):
        classifier.shipped("digits_cnn")
    path.unlink()
    with pytest.raises(WeightsError, match="not the file that was shipped"):
        classifier.shipped("digits_cnn")


def test_torch_fidelity_knows_the_extractor():
    classifier.shipped("digits_cnn")
    first, second = (Digits().load(split).x.expand(-1, 3, -1, -1)[:60] for split in ("train", "test"))
    values = calculate_metrics(
        input1=list_dataset(first),
        input2=list_dataset(second),
        feature_extractor="ganbench-digits-cnn",
        fid=True,
        isc=True,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    assert values["frechet_inception_distance"] > 0
    assert values["inception_score_mean"] > 1


def list_dataset(images):
    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(images)

        def __getitem__(self, index):
            return images[index]

    return Images()


def test_what_show_prints_needs_no_torch():
    assert set(card_details("digits_cnn")) == {"test accuracy", "takes", "gives", "weights", "recipe"}
    code = (
        "import sys, ganbench.zoo.extractors as zoo\n"
        "texts = [dict(spec.details()) for spec in zoo.ganbench_extractors()]\n"
        "import json; print(json.dumps(texts))\n"
        "assert not {'torch', 'numpy', 'torch_fidelity'} & set(sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    shown = dict(zip([spec.name for spec in ganbench_extractors()], json.loads(out), strict=True))
    assert f"{card('digits_cnn')['test_accuracy']:.2%}" in shown["digits_cnn"]["test accuracy"]
    assert shown["digits_cnn"]["test accuracy"].startswith("99")
    assert all({"takes", "gives", "weights"} <= set(facts) for facts in shown.values())
