"""Data of a plugin that is not what it announces is refused before training, data set and plugin named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from fake_site import FakeSite
from parts_here import forget, shared

from ganbench import Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.errors import GridError, PluginError
from ganbench.execution.grid_check import preflight
from ganbench.grid import Choice, read_grid
from ganbench.runner.shared_dataset import described_on_trial

IMAGES = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
POINTS = torch.zeros(6, 2)
IMAGE = Signature(shape=(1, 8, 8), kind="image")
POINT = Signature(shape=(2,), kind="points")
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
PLUGIN = """
from ganbench import DatasetSpec, hookimpl

given = None

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="given_data", build=lambda: given)
"""


class Given:
    """A data set as it is given, with the same samples in both splits."""

    def __init__(self, samples: Any, signature: Any, **attributes: Any) -> None:
        self.samples, self.signature = samples, signature
        self.fingerprint = "given"
        vars(self).update(attributes)

    def load(self, split: str) -> Any:
        return self.samples() if callable(self.samples) else self.samples


@pytest.fixture
def offer(fake_site: FakeSite) -> Any:
    module = fake_site.install("fake-data", PLUGIN, version="2.5")
    load_catalog()
    return lambda dataset: setattr(sys.modules[module], "given", dataset)


def changed(signature: Signature, **fields: Any) -> Signature:
    return Signature(**{**vars(signature), **fields})


@pytest.mark.parametrize(
    ("fields", "error", "problem"),
    [
        ({"x": torch.zeros(6)}, ValueError, "x must be (N, C, H, W) for images or (N, d) for points, given"),
        (
            {"x": torch.tensor(1.0)},
            ValueError,
            "x must be (N, C, H, W) for images or (N, d) for points, given shape ()",
        ),
        ({"x": IMAGES.numpy()}, TypeError, "x must be a tensor, given ndarray"),
        ({"x": None}, TypeError, "x must be a tensor, given NoneType"),
        (
            {"labels": LABELS[:5]},
            ValueError,
            "labels must be (6,), one for each sample of x, given shape (5,",
        ),
        ({"labels": LABELS[:, None]}, ValueError, "labels must be (6,), one for each sample of x, given sha"),
        ({"labels": LABELS.int()}, TypeError, "labels must be int64, given int32"),
        ({"labels": LABELS.float()}, TypeError, "labels must be int64, given float32"),
        ({"labels": LABELS.tolist()}, TypeError, "labels must be a tensor, given list"),
        (
            {"condition": POINTS[:4]},
            ValueError,
            "condition must have a row for each of the 6 samples of x, g",
        ),
        ({"condition": torch.tensor(0.0)}, ValueError, "condition must have a row for each of the 6 samples"),
        ({"index": LABELS[:2]}, ValueError, "index must be (6,), one for each sample of x, given shape (2,)"),
        ({"index": POINTS[:, 0]}, TypeError, "index must be int64, given float32"),
    ],
)
def test_samples_check_ranks_and_lengths(
    fields: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error) as caught:
        Samples(**{"x": IMAGES, **fields})
    assert f"Samples.{problem}" in str(caught.value)


def test_samples_that_are_right_are_made() -> None:
    assert len(Samples(x=IMAGES, labels=LABELS, condition=POINTS, index=LABELS)) == 6
    assert len(Samples(x=POINTS, condition=LABELS)) == 6
    assert len(Samples(x=IMAGES[:0], labels=LABELS[:0])) == 0


def test_samples_are_known_without_torch() -> None:
    code = "import sys, ganbench; ganbench.Samples; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("samples", "signature", "problem"),
    [
        (
            Samples(x=IMAGES / 255),
            IMAGE,
            "x must be uint8 (N, C, H, W), black 0 and white 255, where kind is ",
        ),
        (Samples(x=IMAGES.int()), IMAGE, "where kind is 'image', given int32"),
        (Samples(x=POINTS.double()), POINT, "x must be float32 (N, d) where kind is 'points', given float64"),
        (Samples(x=POINTS.byte()), POINT, "x must be float32 (N, d) where kind is 'points', given uint8"),
        (Samples(x=IMAGES[:, 0]), IMAGE, "x has samples of shape (8, 8), and signature.shape is (1, 8, 8)"),
        (Samples(x=IMAGES.mT[..., :4]), IMAGE, "x has samples of shape (1, 8, 4), and signature.shape is (1"),
        (Samples(x=POINTS[:, :1]), POINT, "x has samples of shape (1,), and signature.shape is (2,)"),
        (Samples(x=IMAGES[:0]), IMAGE, "x holds no samples"),
        (Samples(x=POINTS + torch.nan), POINT, "x has NaN or infinity in sample 0"),
        (Samples(x=POINTS.index_fill(0, LABELS[1:2], torch.inf)), POINT, "x has NaN or infinity in sample 1"),
        (
            Samples(x=IMAGES, labels=LABELS),
            changed(IMAGE, classes=2),
            "labels must be from 0 to 1, as signature.classes is 2, given 2 (sample 2)",
        ),
        (Samples(x=IMAGES, labels=LABELS - 1), changed(IMAGE, classes=3), "given -1 (sample 0)"),
        (
            Samples(x=IMAGES, labels=LABELS),
            IMAGE,
            "labels are there, and signature.classes is None: give the",
        ),
        (Samples(x=IMAGES), changed(IMAGE, classes=3), "labels are missing, and signature.classes is 3"),
        (
            Samples(x=IMAGES, condition=POINTS),
            changed(IMAGE, condition=(3,)),
            "condition has rows of shape (2,), and signature.condition is (3,)",
        ),
        (Samples(x=IMAGES, condition=POINTS), IMAGE, "condition is there, and signature.condition is None"),
        (
            Samples(x=IMAGES),
            changed(IMAGE, condition=(3,)),
            "condition is missing, and signature.condition is",
        ),
        (
            Samples(x=IMAGES, condition=POINTS.index_fill(0, LABELS[2:3], torch.nan)),
            changed(IMAGE, condition=(2,)),
            "condition has NaN or infinity in sample 2",
        ),
        (None, IMAGE, "`load` must give ganbench.Samples, given None"),
        ((IMAGES, LABELS), IMAGE, "`load` must give ganbench.Samples, given tuple"),
    ],
)
def test_samples_are_held_against_the_signature(
    offer: Any, samples: Any, signature: Signature, problem: str
) -> None:
    offer(Given(samples, signature))
    with pytest.raises(PluginError) as caught:
        shared().dataset(Choice("given_data")).load("train")
    assert caught.value.problems[0].startswith("dataset 'given_data' (plugin fake-data 2.5): train split: ")
    assert problem in caught.value.problems[0]
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        (None, "its build gives None in place of a data set"),
        (Given(None, None), "`signature` must be a ganbench.Signature, given None"),
        (Given(None, (2,)), "`signature` must be a ganbench.Signature, given tuple"),
        (
            Given(None, changed(POINT, kind="sound")),
            "signature.kind must be 'image' or 'points', given 'sound",
        ),
        (
            Given(None, changed(IMAGE, shape=(8, 8))),
            "signature.shape must be (channels, height, width) where",
        ),
        (Given(None, changed(IMAGE, shape=(1, 8, 0))), "where kind is 'image', given (1, 8, 0)"),
        (
            Given(None, changed(POINT, shape=2)),
            "signature.shape must be (d,) where kind is 'points', given 2",
        ),
        (
            Given(None, changed(POINT, classes=0)),
            "signature.classes must be a number of classes or None, giv",
        ),
        (
            Given(None, changed(POINT, condition=4)),
            "signature.condition must be the shape of one condition o",
        ),
        (
            Given(None, POINT, fingerprint=""),
            "`fingerprint` must be text that changes with the content, given",
        ),
        (
            Given(None, POINT, fingerprint=7),
            "`fingerprint` must be text that changes with the content, given 7",
        ),
        (Given(None, POINT, load=None), "`load(split)` is missing"),
        (Given(None, POINT, describe="red"), "`describe` must be a method or None, given str"),
        (Given(None, POINT, baselines={}), "`baselines` must be a method or None, given dict"),
        (
            Given(None, changed(POINT, classes=3), class_names=["a", "b"]),
            "`class_names` must be a name for each of the 3 classes, given ['a', 'b']",
        ),
        (
            Given(None, changed(POINT, classes=2), class_names=[0, 1]),
            "for each of the 2 classes, given [0, 1]",
        ),
    ],
)
def test_a_data_set_that_lacks_something_is_refused(offer: Any, dataset: Any, problem: str) -> None:
    offer(dataset)
    with pytest.raises(PluginError) as caught:
        shared().dataset(Choice("given_data"))
    assert caught.value.problems[0].startswith("dataset 'given_data' (plugin fake-data 2.5): ")
    assert problem in caught.value.problems[0]


def test_everything_that_is_wrong_is_said_before_anything_is_trained(offer: Any) -> None:
    samples = Samples(x=IMAGES / 255, labels=LABELS)
    offer(Given(samples, changed(IMAGE, classes=2)))
    axes = {"dataset": ["given_data"], "architecture": ["mlp"], "loss": ["minimax", "hinge"]}
    document = {"name": "g", "seeds": 2, "axes": axes, "train": {"steps": 2, "batch_size": 2}}
    with pytest.raises(GridError) as caught:
        preflight(read_grid(document, load_catalog()), "cpu", shared())
    assert len(caught.value.problems) == 2
    assert all(
        "dataset 'given_data' (plugin fake-data 2.5): train split: " in line for line in caught.value.problems
    )


def test_samples_that_do_not_fit_together_are_named_with_their_plugin(offer: Any) -> None:
    offer(Given(lambda: Samples(x=IMAGES, labels=LABELS[:3]), changed(IMAGE, classes=3)))
    with pytest.raises(
        PluginError, match=r"'given_data' \(plugin fake-data 2.5\).*: Samples.labels must be \(6,\)"
    ):
        shared().dataset(Choice("given_data")).load("train")


def shouted(_: Any) -> str:
    raise KeyError("loud")


DESCRIPTIONS: dict[str, tuple[Any, str]] = {
    "raises": (shouted, "KeyError: 'loud' (describe, fake_fake_data.py:8)"),
    "gives nothing": (lambda _: None, "`describe` must give text, given None"),
    "gives a number": (lambda label: label, "`describe` must give text, given int"),
    "gives bytes": (lambda _: b"coat", "`describe` must give text, given bytes"),
    "is empty": (lambda _: " ", "must give one printable line of 1 to 200 characters, given ' '"),
    "has two lines": (lambda _: "a\nb", r"must give one printable line of 1 to 200 characters, given 'a\nb'"),
    "is long": (lambda _: "x" * 201, "... of 201 characters"),
}


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_a_description_that_is_no_line_of_text_is_refused(offer: Any, what: str) -> None:
    describe, problem = DESCRIPTIONS[what]
    offer(Given(Samples(x=IMAGES, labels=LABELS), changed(IMAGE, classes=3), describe=describe))
    with pytest.raises(PluginError) as caught:
        shared().dataset(Choice("given_data")).load("train")
    (line,) = caught.value.problems
    assert line.startswith("dataset 'given_data' (plugin fake-data 2.5): ")
    assert problem in line


def test_each_label_and_some_conditions_are_described_on_trial() -> None:
    labels = torch.zeros(500, dtype=torch.int64)
    labels[[3, 499]] = torch.tensor([7, 2000])
    x = torch.zeros(500, 2)
    assert described_on_trial(Samples(x=x, labels=labels)).labels.tolist() == [0, 7, 2000]  # type: ignore[union-attr]
    conditions = torch.arange(500)
    tried = described_on_trial(Samples(x=x, condition=conditions, labels=labels)).condition
    assert tried is not None
    assert (len(tried), int(tried[0]), int(tried[-1])) == (64, 0, 499)


def test_a_description_is_given_a_label_or_a_condition(offer: Any) -> None:
    given: list[Any] = []

    def describe(condition: Any) -> str:
        given.append(condition)
        return f"made from {condition}"

    named = {"class_names": ["coat", "shirt", "shoe"]}
    samples = Samples(x=IMAGES, labels=LABELS)
    offer(Given(samples, changed(IMAGE, classes=3), describe=describe, **named))
    dataset = shared().dataset(Choice("given_data"))
    assert dataset.captions(samples) == [f"made from {label}" for label in LABELS]
    assert all(type(label) is int for label in given)
    forget()
    offer(Given(samples, changed(IMAGE, classes=3), **named))
    assert shared().dataset(Choice("given_data")).captions(samples)[:2] == ["coat", "shirt"]
    forget()
    offer(Given(samples, changed(IMAGE, classes=3)))
    dataset = shared().dataset(Choice("given_data"))
    assert (dataset.describes, dataset.captions(samples)[:2]) == (False, ["0", "1"])
    forget()
    given.clear()
    conditioned = Samples(x=IMAGES, labels=LABELS, condition=POINTS + torch.arange(6)[:, None])
    offer(Given(conditioned, changed(IMAGE, classes=3, condition=(2,)), describe=describe, **named))
    assert shared().dataset(Choice("given_data")).captions(conditioned)[1] == "made from tensor([1., 1.])"
    assert all(condition.shape == (2,) for condition in given)
    forget()
    offer(Given(conditioned, changed(IMAGE, classes=3, condition=(2,)), **named))
    dataset = shared().dataset(Choice("given_data"))
    assert (dataset.describes, dataset.captions(conditioned)) == (False, [""] * 6)


BASELINES: dict[str, tuple[Any, str]] = {
    "raises": (shouted, "KeyError: 'loud' (baselines, fake_fake_data.py:8)"),
    "gives one": (lambda _: IMAGES[:2], "`baselines` must give images by name, given Tensor"),
    "gives many": (lambda _: dict.fromkeys("abcde", IMAGES[:2]), "at most 4 methods' images, given 5"),
    "gives more": (lambda _: {"a": IMAGES}, "uint8 images (2, 1, 8, 8) of 'a', given uint8 (6, 1, 8, 8)"),
    "gives floats": (lambda _: {"a": IMAGES[:2] / 2}, "of 'a', given float32 (2, 1, 8, 8)"),
    "gives nothing": (lambda _: {"a": None}, "of 'a', given None"),
    "names none": (lambda _: {" ": IMAGES[:2]}, "must name each method in words, given ' '"),
    "names another": (lambda _: {"input": IMAGES[:2]}, "must name no method 'input', as other columns"),
    "says much": (lambda _: {"x" * 41: IMAGES[:2]}, "must give names of at most 40 characters, given 'xxx"),
}


@pytest.mark.parametrize("what", BASELINES)
def test_baselines_that_are_no_images_by_name_are_refused(offer: Any, what: str) -> None:
    baselines, problem = BASELINES[what]
    data = Samples(x=IMAGES, condition=IMAGES)
    offer(Given(data, changed(IMAGE, condition=IMAGE.shape), baselines=baselines))
    with pytest.raises(PluginError) as caught:
        shared().dataset(Choice("given_data")).load("train")
    (line,) = caught.value.problems
    assert line.startswith("dataset 'given_data' (plugin fake-data 2.5): ")
    assert problem in line


def test_a_data_set_that_keeps_to_its_contract_is_taken(offer: Any) -> None:
    signature = changed(IMAGE, classes=3, condition=(2,))
    offer(Given(Samples(x=IMAGES, labels=LABELS, condition=POINTS), signature, class_names=("a", "b", "c")))
    assert len(shared().dataset(Choice("given_data")).load("test")) == 6
