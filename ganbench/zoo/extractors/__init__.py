"""The built-in feature extractors: specs only; networks and weights are in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import ExtractorSpec
from ganbench.zoo.extractors.card import card_details, channel_classifier_details, classifier_details
from ganbench.zoo.extractors.inception_weights import inception_details
from ganbench.zoo.extractors.pretrained_weights import PRETRAINED

if TYPE_CHECKING:
    from ganbench.api.data import Dataset, Extractor


def build_digits_cnn() -> Extractor:
    """A classifier of 8x8 digits: 64 features."""
    from ganbench.zoo.extractors.shipped import shipped

    return shipped("digits_cnn")


def build_fashion_cnn() -> Extractor:
    """A classifier of 28x28 clothes: 128 features."""
    from ganbench.zoo.extractors.shipped import shipped

    return shipped("fashion_cnn")


def build_inception_v3() -> Extractor:
    """torch-fidelity's inception-v3-compat: 2,048 features."""
    from ganbench.zoo.extractors.inception import InceptionV3

    return InceptionV3()


def build_pretrained(name: str) -> Extractor:
    """One of torch-fidelity's other networks, by ganbench's name of it."""
    from ganbench.zoo.extractors.pretrained import PretrainedExtractor

    return PretrainedExtractor(name)


def build_classifier(
    scored_dataset: Dataset,
    epochs: int | None = None,
    features: int = 128,
    flip: bool = False,
    seed: int = 0,
) -> Extractor:
    """A small network trained on the train split of the data set that is scored."""
    from ganbench.zoo.extractors.trained import trained

    return trained(scored_dataset, epochs=epochs, features=features, flip=flip, seed=seed)


def build_channel_classifier(
    scored_dataset: Dataset, epochs: int | None = None, features: int = 128, seed: int = 0
) -> Extractor:
    """The classifier of one channel of stacked data, put to each of the three."""
    from ganbench.zoo.extractors.channels import channel_classifier

    return channel_classifier(scored_dataset, epochs=epochs, features=features, seed=seed)


@hookimpl
def ganbench_extractors() -> Iterable[ExtractorSpec]:
    """The extractors that come with ganbench."""
    yield ExtractorSpec(
        name="classifier",
        build=build_classifier,
        summary="A small classifier trained on the data set that is scored: labelled images, 8 to 64 pixels.",
        details=classifier_details,
    )
    yield ExtractorSpec(
        name="channel_classifier",
        build=build_channel_classifier,
        summary="Classifier of stacked_mnist's source on each channel: a logit for each of 1,000 classes.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.2",
        details=channel_classifier_details,
    )
    yield ExtractorSpec(
        name="digits_cnn",
        build=build_digits_cnn,
        summary="A small classifier trained on digits; 8x8 grey images, 64 features, 10 logits.",
        details=lambda: card_details("digits_cnn"),
    )
    yield ExtractorSpec(
        name="fashion_cnn",
        build=build_fashion_cnn,
        summary="A small classifier trained on fashion_mnist; 28x28 grey images, 128 features, 10 logits.",
        details=lambda: card_details("fashion_cnn"),
    )
    yield ExtractorSpec(
        name="inception_v3",
        build=build_inception_v3,
        summary="Inception v3 with the original FID's weights; any size, 2,048 features, 1,008 logits.",
        reference="Szegedy et al., 2016; torch-fidelity's inception-v3-compat",
        details=inception_details,
    )
    for network in PRETRAINED.values():
        yield ExtractorSpec(
            name=network.name,
            build=partial(build_pretrained, network.name),
            summary=network.summary,
            reference=network.reference,
            details=network.details,
        )
