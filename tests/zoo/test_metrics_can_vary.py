"""A value that is the same whatever the samples are is refused, with the option that helps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from plain_data import PlainData, normal, pixels

from ganbench.api import Features, Samples
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, GridError
from ganbench.grid import read_grid
from ganbench.scoring import Scorer
from ganbench.scoring.features import FeatureSet
from ganbench.zoo.extractors.classifier import shipped

FEATURES = [
    ("fid", {}),
    ("is", {"splits": 3}),
    ("is", {"splits": 1}),
    ("kid", {"subset_size": 5, "subsets": 4}),
    ("precision", {"neighbours": 2}),
    ("recall", {"neighbours": 2}),
    ("density", {"neighbours": 2}),
    ("coverage", {"neighbours": 2}),
    ("class_modes", {}),
    ("intra_fid", {"per_class": True}),
]
SAMPLES = [
    ("modes", {}),
    ("high_quality", {}),
    ("reverse_kl", {}),
    ("wasserstein", {}),
    ("wasserstein", {"samples": 1}),
    ("wasserstein", {"method": "sliced", "projections": 1}),
    ("frechet", {}),
    ("mmd", {}),
]
MODES = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])


def built(name: str, options: dict[str, Any]) -> Any:
    return load_catalog().build("metric", name, options)


def labelled(classes: int) -> PlainData:
    data = PlainData(pixels(12, 1, 8, 8), classes=classes)
    data.splits = {
        split: Samples(x=data.splits[split].x, labels=torch.arange(12) % classes)
        for split in ("train", "test")
    }
    return data


def side(seed: int, count: int, classes: int = 2) -> FeatureSet:
    return FeatureSet(
        features=normal(count, 3, seed=seed),
        logits=3 * normal(count, classes, seed=seed + 100),
        labels=torch.arange(count) % classes,
    )


@pytest.mark.parametrize(
    ("name", "options"), FEATURES, ids=[f"{name}-{options}" for name, options in FEATURES]
)
def test_every_value_on_features_varies_from_the_fewest_samples_on(
    name: str, options: dict[str, Any]
) -> None:
    metric, data = built(name, options), labelled(2)
    count = metric.minimum * (2 if metric.needs == "features+labels" else 1)
    real = side(7, 12)
    found = [metric(side(seed, count), real, data) for seed in range(40)]
    for value in found[0]:
        assert len({round(values[value], 9) for values in found}) > 1, value


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), SAMPLES, ids=[f"{name}-{options}" for name, options in SAMPLES])
def test_every_value_on_points_varies_from_the_fewest_samples_on(name: str, options: dict[str, Any]) -> None:
    metric = built(name, options)
    points = MODES.repeat(8, 1) + 0.1 * normal(24, 2)
    data = PlainData(points, modes=MODES, std=0.5)
    draws = [
        MODES[torch.arange(metric.minimum) * seed % 3] + 0.8 * normal(metric.minimum, 2, seed=seed)
        for seed in range(40)
    ]
    found = [metric(Samples(x=x), data.load("train"), data) for x in draws]
    for value in found[0]:
        assert len({round(values[value], 9) for values in found}) > 1, value


@pytest.mark.parametrize(
    ("metric", "samples", "problem"),
    [
        ("is", 19, "must be at least 20 for the metric 'is', given 19; is[splits=1] takes fewer"),
        (
            {"name": "is", "splits": 7},
            13,
            "for the metric 'is[splits=7]', given 13; is[splits=1] takes fewer",
        ),
        (
            "kid",
            876,
            "must be at least 1000 for the metric 'kid', given 876; kid[subset_size=...] takes fewer",
        ),
        (
            "precision",
            3,
            "must be at least 4 for the metric 'precision', given 3; precision[neighbours=...] tak",
        ),
        ("recall", 3, "; recall[neighbours=...] takes fewer"),
        ("density", 5, "; density[neighbours=...] takes fewer"),
        ("coverage", 5, "; coverage[neighbours=...] takes fewer"),
    ],
)
def test_too_few_samples_are_refused_with_the_option_named(metric: Any, samples: int, problem: str) -> None:
    axes = {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["minimax"]}
    score = {"metrics": [metric], "extractor": "digits_cnn", "samples": samples}
    with pytest.raises(GridError) as caught:
        read_grid({"name": "g", "seeds": 1, "axes": axes, "score": score}, load_catalog())
    assert len(caught.value.problems) == 1
    assert "score.samples" in caught.value.problems[0]
    assert problem in caught.value.problems[0]


def problems(data: Any, name: str, extractor: Any = None, samples: int = 50, **options: Any) -> str:
    metric = built(name, options)
    scorer = Scorer(
        dataset=data,
        reference_split="train",
        metrics=[(name, metric, options)],
        extractor=extractor,
        extractor_label="extractor",
        samples=samples,
    )
    with pytest.raises(GridError) as caught:
        scorer.check()
    return str(caught.value)


def test_too_few_real_samples_are_refused_with_the_option_named() -> None:
    data, cnn = PlainData(pixels(12, 1, 8, 8)), shipped("digits_cnn")
    assert "at least 20 reference samples: there are 12; is[splits=1] takes fewer" in problems(
        data, "is", cnn
    )
    assert "reference samples: there are 12; kid[subset_size=...] takes" in problems(data, "kid", cnn)
    assert "there are 12; recall[neighbours=...]" in problems(data, "recall", cnn, neighbours=12)


def test_data_and_extractors_that_leave_nothing_to_vary_are_refused() -> None:
    class OneClass:
        digest, channels, sizes = "0", (1, 3), None

        def __call__(self, images: torch.Tensor) -> Features:
            features = images.float().flatten(1)[:, :4]
            return Features(features=features, logits=features[:, :1])

    data = labelled(2)
    text = problems(data, "is", OneClass(), splits=2)
    assert text == "metric 'is' needs logits of at least 2 classes: extractor 'extractor' has 1"
    assert "it counts classes, and the data have only one" in problems(labelled(1), "class_modes", OneClass())
    points = PlainData(normal(20, 2), modes=MODES[:1], std=0.5)
    assert "it compares the shares of modes, and the data have only one" in problems(points, "reverse_kl")
    one = PlainData(pixels(20, 1, 8, 8), pixels(1, 1, 8, 8))
    assert "it needs at least 2 test images, and the data have 1" in problems(one, "parzen")
    with pytest.raises(CatalogError, match="'bins' of metric 'jsd' must be at least 2"):
        built("jsd", {"bins": 1})


def test_the_options_that_messages_name_are_there() -> None:
    catalog = load_catalog()
    for name in ("is", "kid", "precision", "recall", "density", "coverage"):
        option = catalog.build("metric", name, {}).fewer_samples.split("[")[1].split("=")[0]
        assert option in catalog.entry("metric", name).options
