from __future__ import annotations

import math

import pytest
import torch
from torch_fidelity import calculate_metrics

from ganbench.api import Features, Samples, Signature
from ganbench.errors import GridError
from ganbench.scoring import NonFiniteSamples, Scorer
from ganbench.scoring.reference import forget_references, reference_features
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.datasets.gaussian_mixtures import GaussianRing
from ganbench.zoo.extractors.classifier import shipped
from ganbench.zoo.metrics.feature_metrics import Fid, InceptionScore


class Images(torch.utils.data.Dataset):
    """uint8 (N, 3, H, W), as torch-fidelity takes them."""

    def __init__(self, images):
        self.images = images.expand(-1, 3, -1, -1).contiguous()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


class Coverage:
    """A metric on samples."""

    needs = "samples"
    minimum = 10

    def __call__(self, generated, reference, dataset):
        return {"generated": len(generated), "reference": len(reference), "std": dataset.std}


class FeaturesOnly:
    """An extractor that does not classify, of any kind of image."""

    digest = "00"
    channels = (1, 3)
    sizes = None
    calls = 0

    def __call__(self, images):
        FeaturesOnly.calls += len(images)
        return Features(features=images.float().flatten(1)[:, :6])


class Fixed:
    """A data set made of what it is given."""

    def __init__(self, x, kind="image", fingerprint="f", labels=None, classes=None):
        self.samples = Samples(x=x, labels=labels)
        self.signature = Signature(shape=tuple(x.shape[1:]), kind=kind, classes=classes)
        self.fingerprint = fingerprint

    def load(self, split):
        return self.samples


def fid_and_is():
    return [("fid", Fid(), {}), ("is", InceptionScore(), {})]


def scorer(**changes):
    given = {
        "dataset": Digits(),
        "reference_split": "train",
        "metrics": fid_and_is(),
        "extractor": shipped("digits_cnn"),
        "extractor_label": "digits_cnn",
        "samples": 200,
    }
    return Scorer(**{**given, **changes})


def noise(count, shape=(1, 8, 8), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Samples(x=torch.randint(256, (count, *shape), dtype=torch.uint8, generator=generator))


@pytest.fixture(autouse=True)
def fresh_references(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    forget_references()


@pytest.mark.parametrize("split", ["train", "test"])
def test_end_to_end_equals_torch_fidelity(split):
    # Images of which some are digits and some noise: neither score is at an end of its range.
    generated = Samples(x=torch.cat([Digits().load("test").x[:150], noise(50).x]))
    rows = {row.metric: row.value for row in scorer(reference_split=split).score(generated)}
    theirs = calculate_metrics(
        input1=Images(generated.x),
        input2=Images(Digits().load(split).x),
        feature_extractor="ganbench-digits-cnn",
        fid=True,
        isc=True,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    assert rows["fid"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-5)
    assert rows["is"] == pytest.approx(theirs["inception_score_mean"], rel=1e-5)
    assert rows["is_std"] == pytest.approx(theirs["inception_score_std"], rel=1e-5)


def test_rows_name_values_extractor_samples_and_protocol():
    scoring = scorer()
    rows = scoring.score(noise(200))
    assert [row.metric for row in rows] == ["fid", "is", "is_std"]
    assert {row.extractor for row in rows} == {"digits_cnn"}
    assert {row.samples for row in rows} == {200}
    assert rows[0].protocol == scoring.protocols["fid"].hash
    assert rows[1].protocol == rows[2].protocol == scoring.protocols["is"].hash != rows[0].protocol
    details = scoring.protocols["fid"].details
    assert details["weights"] == shipped("digits_cnn").digest
    assert details["reference_samples"] == 1442
    assert details["dataset"] == Digits().fingerprint


def test_a_precision_other_than_float32_stands_beside_the_extractor():
    plain, rough = scorer().protocols["fid"], scorer(precision="bfloat16").protocols["fid"]
    assert plain.extractor == "digits_cnn"
    assert "precision" not in plain.details
    assert rough.extractor == "digits_cnn (bfloat16)"
    assert rough.hash != plain.hash
    assert {row.extractor for row in scorer(precision="bfloat16").score(noise(200))} == {rough.extractor}


def test_better_samples_score_better():
    good = Samples(x=Digits().load("test").x[:200])
    better, worse = (
        {row.metric: row.value for row in scorer().score(samples)} for samples in (good, noise(200))
    )
    assert better["fid"] < worse["fid"] / 20
    assert better["is"] > 2 * worse["is"]


def test_equal_images_have_finite_scores():
    rows = {row.metric: row.value for row in scorer().score(Samples(x=noise(1).x.expand(200, -1, -1, -1)))}
    assert math.isfinite(rows["fid"])
    assert rows["fid"] > 0
    assert rows["is"] == pytest.approx(1, abs=1e-6)
    black = Fixed(torch.zeros(50, 1, 8, 8, dtype=torch.uint8))
    constant = scorer(dataset=black).score(Samples(x=torch.zeros(200, 1, 8, 8, dtype=torch.uint8)))
    assert constant[0].value == pytest.approx(0, abs=1e-6)


def test_scores_repeat_bit_by_bit_and_leave_random_state_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = scorer().score(noise(200))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    forget_references()
    assert scorer().score(noise(200)) == first


def test_the_real_side_is_computed_once_for_each_content():
    FeaturesOnly.calls = 0
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (100, 1, 8, 8), dtype=torch.uint8, generator=generator)
    changes = {"extractor": FeaturesOnly(), "metrics": [("fid", Fid(), {})], "samples": 70}
    for _ in range(3):
        scorer(dataset=Fixed(images), **changes).score(noise(70))
    assert FeaturesOnly.calls == 100 + 3 * 70
    scorer(dataset=Fixed(images // 2, fingerprint="other"), **changes).score(noise(70))
    assert FeaturesOnly.calls == 2 * 100 + 4 * 70
    scorer(dataset=Fixed(images), extractor_label="another[layer=2]", **changes).score(noise(70))
    assert FeaturesOnly.calls == 3 * 100 + 5 * 70


def test_few_references_are_kept():
    datasets = [Fixed(noise(20, seed=number).x, fingerprint=str(number)) for number in range(10)]

    def reference(number):
        return reference_features(datasets[number], "train", FeaturesOnly(), "features", torch.device("cpu"))

    first = [reference(number) for number in range(10)]
    assert [number for number in (9, 8, 7, 6, 5) if reference(number) is first[number]] == [9, 8, 7, 6]


def test_points_are_scored_without_an_extractor():
    scoring = scorer(
        dataset=GaussianRing(samples=300),
        metrics=[("coverage", Coverage(), {"within": 3})],
        extractor=None,
        extractor_label="",
    )
    scoring.check()
    rows = scoring.score(Samples(x=torch.zeros(200, 2)))
    assert [(row.metric, row.value, row.extractor) for row in rows] == [
        ("generated", 200.0, ""),
        ("reference", 300.0, ""),
        ("std", 0.01, ""),
    ]
    details = scoring.protocols["coverage"].details
    assert (details["options"], details["weights"], details["rounding"]) == ({"within": 3}, "", "")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_points_that_are_no_numbers_are_refused(bad):
    points = torch.zeros(200, 2)
    points[3, 1] = bad
    scoring = scorer(dataset=GaussianRing(samples=300), metrics=[("coverage", Coverage(), {})])
    with pytest.raises(NonFiniteSamples, match="1 of 200"):
        scoring.score(Samples(x=points))


def test_another_number_of_samples_than_announced_is_a_bug():
    with pytest.raises(ValueError, match="200 samples were announced, 100 given"):
        scorer().score(noise(100))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"samples": 9}, "metric 'is' needs at least 20 samples: score.samples is 9; is.splits=1. takes"),
        ({"extractor": None}, "metric 'fid' needs an extractor: set score.extractor"),
        (
            {"dataset": Fixed(torch.zeros(40, 1, 28, 28, dtype=torch.uint8))},
            "takes images of 8x8, .* have 28x28",
        ),
        (
            {"dataset": Fixed(torch.zeros(40, 3, 8, 8, dtype=torch.uint8))},
            "takes 1 channel, and the data have 3",
        ),
        ({"dataset": GaussianRing(samples=50)}, "'digits_cnn' takes images, and the data are points"),
        ({"dataset": Fixed(torch.zeros(5, 1, 8, 8, dtype=torch.uint8))}, "'is' needs at least 20 reference"),
        (
            {"extractor": FeaturesOnly()},
            "metric 'is' needs logits, which extractor 'digits_cnn' does not give",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused_before_training(changes, complaint):
    with pytest.raises(GridError, match=complaint):
        scorer(**changes).check()


class Counts:
    """A metric on features and labels; it gives the number of samples of each class on both sides."""

    needs = "features+labels"
    minimum = 3

    def __call__(self, generated, reference, dataset):
        sides = {"made": generated, "real": reference}
        return {
            f"{name}_{label}": int((side.labels == label).sum())
            for name, side in sides.items()
            for label in range(dataset.signature.classes)
        }


def labelled(*counts, classes=None):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return Fixed(noise(len(labels)).x, labels=labels, classes=classes or len(counts))


def test_a_metric_that_needs_labels_is_given_those_of_both_sides():
    changes = {"dataset": labelled(30, 40), "metrics": [("counts", Counts(), {}), ("fid", Fid(), {})]}
    scoring = scorer(**changes)
    scoring.check()
    labels = torch.tensor([0] * 50 + [1] * 150)
    rows = scoring.score(Samples(x=noise(200).x, labels=labels))
    assert [row.value for row in rows[:4]] == [50, 150, 30, 40]
    # Of how many samples each value is made: the rarest class decides.
    assert [row.fewest for row in rows] == [50] * 4 + [200]
    with pytest.raises(ValueError, match="a metric needs labels, and the samples have none"):
        scoring.score(noise(200))


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        (labelled(30, 2, 40), "'counts' needs at least 3 reference samples of each class: class 1 has 2"),
        (labelled(30, 40, classes=3), "reference samples of each class: class 2 has 0"),
        (Fixed(noise(50).x), "metric 'counts' needs labels, and the data have none"),
    ],
)
def test_labels_that_cannot_be_scored_are_refused_before_training(dataset, complaint):
    with pytest.raises(GridError, match=complaint):
        scorer(dataset=dataset, metrics=[("counts", Counts(), {})]).check()


def test_every_problem_is_named_at_once_and_none_where_there_is_none():
    scorer().check()
    with pytest.raises(GridError) as caught:
        scorer(samples=1, dataset=Fixed(torch.zeros(40, 3, 9, 9, dtype=torch.uint8))).check()
    assert len(caught.value.problems) == 4


def test_an_extractor_that_nobody_needs_is_not_held_against_the_data():
    scorer(dataset=GaussianRing(samples=50), metrics=[("coverage", Coverage(), {})]).check()


def test_unofficial_weights_stand_beside_the_number():
    extractor = FeaturesOnly()
    extractor.unofficial = True
    scoring = scorer(extractor=extractor, extractor_label="inception_v3", metrics=[("fid", Fid(), {})])
    assert scoring.score(noise(200))[0].extractor == "inception_v3 (unofficial weights)"
    official = scorer(extractor=FeaturesOnly(), extractor_label="inception_v3", metrics=[("fid", Fid(), {})])
    assert scoring.protocols["fid"].hash != official.protocols["fid"].hash
