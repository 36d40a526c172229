"""The built-in feature extractors: specs only; networks and weights are in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench.api.hookspecs import hookimpl
from ganbench.api.lazy import lazy
from ganbench.api.specs import ExtractorSpec
from ganbench.zoo.extractors.card import card_details, channel_classifier_details, classifier_details
from ganbench.zoo.extractors.inception_weights import inception_details
from ganbench.zoo.extractors.pretrained_weights import PRETRAINED


@hookimpl
def ganbench_extractors() -> Iterable[ExtractorSpec]:
    """Register the built-in extractors."""
    yield ExtractorSpec(
        name="classifier",
        build=lazy("ganbench.zoo.extractors.trained:trained"),
        summary="A small classifier trained on the data set that is scored: labelled images, 8 to 64 pixels.",
        details=classifier_details,
    )
    yield ExtractorSpec(
        name="channel_classifier",
        build=lazy("ganbench.zoo.extractors.channels:channel_classifier"),
        summary="Classifier of stacked_mnist's source on each channel: a logit for each of 1,000 classes.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.2",
        details=channel_classifier_details,
    )
    yield ExtractorSpec(
        name="digits_cnn",
        build=lazy("ganbench.zoo.extractors.classifier:shipped", "digits_cnn"),
        summary="A small classifier trained on digits; 8x8 grey images, 64 features, 10 logits.",
        details=lambda: card_details("digits_cnn"),
    )
    yield ExtractorSpec(
        name="fashion_cnn",
        build=lazy("ganbench.zoo.extractors.classifier:shipped", "fashion_cnn"),
        summary="A small classifier trained on fashion_mnist; 28x28 grey images, 128 features, 10 logits.",
        details=lambda: card_details("fashion_cnn"),
    )
    yield ExtractorSpec(
        name="inception_v3",
        build=lazy("ganbench.zoo.extractors.pretrained:InceptionV3"),
        summary="Inception v3 with the original FID's weights; any size, 2,048 features, 1,008 logits.",
        reference="Szegedy et al., 2016; torch-fidelity's inception-v3-compat",
        details=inception_details,
    )
    for network in PRETRAINED.values():
        yield ExtractorSpec(
            name=network.name,
            build=lazy("ganbench.zoo.extractors.pretrained:PretrainedExtractor", network.name),
            summary=network.summary,
            reference=network.reference,
            details=network.details,
        )
