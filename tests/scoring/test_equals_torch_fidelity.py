"""The same images give torch-fidelity's own numbers: from memory, from PNG files, from its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image
from random_inception import write_random_weights
from torch_fidelity import calculate_metrics

from ganbench.api import Samples, Signature
from ganbench.runner.image_folders import read_image_folder
from ganbench.scoring import Scorer
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.extractors.classifier import shipped
from ganbench.zoo.extractors.pretrained import InceptionV3
from ganbench.zoo.metrics.feature_metrics import BallShare, Fid, InceptionScore, Kid

THEIR_NAMES = {
    "fid": "frechet_inception_distance",
    "is": "inception_score_mean",
    "is_std": "inception_score_std",
    "kid": "kernel_inception_distance_mean",
    "kid_std": "kernel_inception_distance_std",
    "precision": "precision",
    "recall": "recall",
}


class Images(torch.utils.data.Dataset):
    """uint8 (N, 3, H, W), as torch-fidelity takes them."""

    def __init__(self, images):
        self.images = images.expand(-1, 3, -1, -1).contiguous()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


class Data:
    """A data set of what it is given."""

    def __init__(self, images):
        self.samples = Samples(x=images)
        self.signature = Signature(shape=tuple(images.shape[1:]), kind="image")
        self.fingerprint = str(images.sum().item())

    def load(self, split):
        return self.samples


def ours(generated, reference, extractor, *, splits, subsets, subset_size):
    metrics = [
        ("fid", Fid()),
        ("is", InceptionScore(splits)),
        ("kid", Kid(subsets, subset_size)),
        ("precision", BallShare("precision", neighbours=3)),
        ("recall", BallShare("recall", neighbours=3)),
    ]
    scorer = Scorer(
        dataset=Data(reference),
        reference_split="train",
        metrics=[(name, metric, {}) for name, metric in metrics],
        extractor=extractor,
        extractor_label="the extractor",
        samples=len(generated),
    )
    scorer.check()
    return {row.metric: row.value for row in scorer.score(Samples(x=generated))}


def theirs(first, second, extractor, *, splits, subsets, subset_size):
    found = calculate_metrics(
        input1=first,
        input2=second,
        feature_extractor=extractor,
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=splits,
        kid_subsets=subsets,
        kid_subset_size=subset_size,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    return {name: found[key] for name, key in THEIR_NAMES.items()}


def write_pngs(images, folder):
    folder.mkdir()
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(folder / f"{number:05}.png")
    return folder


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


DIGITS = {"splits": 10, "subsets": 20, "subset_size": 150}


@pytest.fixture(scope="module")
def digits():
    """Digits of which a third are noise, so that no score is at an end of its range; and real ones."""
    noise = torch.randint(256, (80, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return torch.cat([Digits().load("test").x[:160], noise]), Digits().load("train").x[:300]


@pytest.fixture(scope="module")
def from_memory(digits):
    extractor = shipped("digits_cnn")
    expected = theirs(Images(digits[0]), Images(digits[1]), "ganbench-digits-cnn", **DIGITS)
    return ours(*digits, extractor, **DIGITS), expected


@pytest.mark.parametrize("name", THEIR_NAMES)
def test_equals_calculate_metrics_from_memory(name, from_memory):
    found, expected = from_memory
    assert found[name] == pytest.approx(expected[name], rel=1e-5)
    assert expected[name] > 1e-3
    assert name not in ("precision", "recall") or expected[name] < 0.95


@pytest.fixture(scope="module")
def from_files(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    paths = [
        write_pngs(images, folder / name) for images, name in zip(digits, ("first", "second"), strict=True)
    ]
    extractor = shipped("digits_cnn")
    expected = theirs(*map(str, paths), "ganbench-digits-cnn", **DIGITS)
    return ours(*(read_image_folder(path).x for path in paths), extractor, **DIGITS), expected


@pytest.mark.parametrize("name", THEIR_NAMES)
def test_equals_calculate_metrics_through_png_files(name, from_files, from_memory):
    found, expected = from_files
    assert found[name] == pytest.approx(expected[name], rel=1e-5)
    assert found[name] == from_memory[0][name]


INCEPTION = {"splits": 2, "subsets": 100, "subset_size": 15}


@pytest.fixture(scope="module")
def from_the_command_line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inception")
    weights = folder / "random.pth"
    digest = write_random_weights(weights)
    generator = torch.Generator().manual_seed(0)
    smooth = torch.randint(256, (20, 3, 4, 4), generator=generator)
    smooth = smooth.repeat_interleave(8, 2).repeat_interleave(8, 3)
    noise = torch.randint(256, (20, 3, 32, 32), generator=generator)
    # Both sides have smooth images and noise, but in such other shares that every distance is a large one:
    # torch-fidelity's own rounding is 1e-7 of what it takes differences of.
    real = torch.cat([smooth[:15], noise[:4]]).to(torch.uint8)
    fake = torch.cat([smooth[15:], noise[4:], noise[:3] // 4]).to(torch.uint8)
    paths = [write_pngs(images, folder / name) for images, name in ((fake, "fake"), (real, "real"))]
    command = [sys.executable, "-m", "torch_fidelity.fidelity", "--cpu", "--json", "--silent", "--no-cache"]
    command += ["--isc", "--fid", "--kid", "--prc", "--save-cpu-ram"]
    command += ["--input1", str(paths[0]), "--input2", str(paths[1])]
    command += [
        "--feature-extractor",
        "inception-v3-compat",
        "--feature-extractor-weights-path",
        str(weights),
    ]
    command += ["--isc-splits", "2", "--kid-subset-size", "15"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_INCEPTION_WEIGHTS", str(weights))
        patch.setenv("GANBENCH_INCEPTION_SHA256", digest)
        values = ours(*(read_image_folder(path).x for path in paths), InceptionV3(), **INCEPTION)
    return values, {name: found[key] for name, key in THEIR_NAMES.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIR_NAMES)
def test_equals_the_command_line_through_inception(name, from_the_command_line):
    found, expected = from_the_command_line
    assert found[name] == pytest.approx(expected[name], rel=1e-5)
    assert expected[name] > 1e-4
