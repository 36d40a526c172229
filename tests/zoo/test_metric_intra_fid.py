from __future__ import annotations

import pytest
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ganbench.api import Features, Metric, Samples, Signature
from ganbench.scoring.features import FeatureSet
from ganbench.scoring.frechet import frechet_distance
from ganbench.scoring.reference import forget_references, reference_features
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.feature_metrics import Fid, IntraFid

CLASSES = 3


class Labelled:
    """Images whose class shows in their brightness, 20 of class 0, 30 of 1, 40 of 2, mixed."""

    signature = Signature(shape=(1, 4, 4), kind="image", classes=CLASSES)
    fingerprint = "labelled"
    loads = 0

    def load(self, split):
        Labelled.loads += 1
        stream = torch.Generator().manual_seed(0)
        labels = torch.arange(CLASSES).repeat_interleave(torch.tensor([20, 30, 40]))
        labels = labels[torch.randperm(90, generator=stream)]
        x = torch.randint(0, 100, (90, 1, 4, 4), generator=stream) + 50 * labels.reshape(-1, 1, 1, 1)
        return Samples(x=x.to(torch.uint8), labels=labels)


class Pixels:
    digest, channels, sizes = "00", (1,), None

    def __call__(self, images):
        return Features(features=images[:, 0].flatten(1).float())


def side(counts, width, seed, shift=0.0):
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(CLASSES).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=stream)]
    mixing = torch.randn(width, width, generator=stream)
    features = torch.randn(len(labels), width, generator=stream) @ mixing + shift * labels.unsqueeze(1)
    return FeatureSet(features=features, labels=labels)


def of_class(features, label):
    return features.features[features.labels == label]


def ours(generated, reference, **options):
    return IntraFid(**options)(generated, reference, Labelled())


def test_it_is_the_mean_of_torch_fidelitys_fid_of_each_class():
    generated, reference = side([30, 12, 25], 8, 0, 1.0), side([40, 50, 20], 8, 1)
    values = ours(generated, reference, per_class=True)
    for label in range(CLASSES):
        statistics = [fid_features_to_statistics(of_class(each, label)) for each in (generated, reference)]
        theirs = fid_statistics_to_metric(*statistics, False)[KEY_METRIC_FID]
        assert values[f"intra_fid_{label}"] == pytest.approx(theirs, rel=1e-6)
        by_hand = frechet_distance(
            *(Features(features=of_class(each, label)) for each in (generated, reference))
        )
        assert values[f"intra_fid_{label}"] == by_hand
    assert values["intra_fid"] == pytest.approx(
        sum(values[f"intra_fid_{k}"] for k in range(3)) / 3, rel=1e-12
    )


def test_the_classes_are_given_only_where_they_are_asked_for():
    sides = side([4, 5, 6], 3, 0), side([7, 8, 9], 3, 1)
    assert set(ours(*sides)) == {"intra_fid"}
    assert set(ours(*sides, per_class=True)) == {"intra_fid", "intra_fid_0", "intra_fid_1", "intra_fid_2"}
    assert ours(*sides)["intra_fid"] == ours(*sides, per_class=True)["intra_fid"]


def test_images_of_the_wrong_class_show_where_fid_sees_nothing():
    reference = side([50, 50, 50], 6, 0, 4.0)
    wrong = FeatureSet(features=reference.features, labels=(reference.labels + 1) % CLASSES)
    fid = Fid()(wrong, reference, Labelled())["fid"]
    assert abs(fid) < 1e-3
    assert abs(ours(reference, reference)["intra_fid"]) < 1e-3
    assert ours(wrong, reference)["intra_fid"] > 10


def test_a_class_of_two_samples_is_enough_and_of_one_is_not():
    assert ours(side([2, 2, 2], 3, 0), side([2, 9, 2], 3, 1))["intra_fid"] > 0
    with pytest.raises(ValueError, match="at least 2 samples are needed, given 1"):
        ours(side([2, 1, 2], 3, 0), side([5, 5, 5], 3, 1))


def test_what_is_fitted_to_the_real_side_is_kept_by_class(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    generated = side([20, 20, 20], 16, 0)

    def scored(dataset):
        forget_references()
        real = reference_features(dataset, "train", Pixels(), "pixels", torch.device("cpu"))
        return ours(generated, real, per_class=True)

    first = scored(Labelled())
    data = Labelled().load("train")
    pixels = FeatureSet(features=data.x.flatten(1).float(), labels=data.labels)
    assert first == ours(generated, pixels, per_class=True)

    class Gone(Labelled):
        def load(self, split):
            raise AssertionError("the images were asked for")

    assert scored(Gone()) == first


def test_what_it_needs_and_gives():
    metric = IntraFid()
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("features+labels", 2)
    spec = next(spec for spec in ganbench_metrics() if spec.name == "intra_fid")
    # Those of single classes stand in the tables and are not compared.
    assert spec.directions == {"intra_fid": "lower"}
    assert spec.biased_below == {"intra_fid": 10_000}
    with pytest.raises(TypeError, match="features"):
        metric(Samples(x=torch.zeros(2, 1)), Samples(x=torch.zeros(2, 1)), Labelled())
    with pytest.raises(TypeError, match="labels"):
        metric(Features(features=torch.ones(4, 2)), side([2, 2, 2], 2, 0), Labelled())
