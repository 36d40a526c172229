"""The built-in feature extractors: specs only; networks and weights are in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import ExtractorSpec
from ganbench.zoo.extractors.card import card_details
from ganbench.zoo.extractors.inception_weights import inception_details

if TYPE_CHECKING:
    from ganbench.api.data import Extractor


def build_digits_cnn() -> Extractor:
    """A classifier of 8x8 digits: 64 features."""
    from ganbench.zoo.extractors.classifier import Classifier

    return Classifier("digits_cnn")


def build_fashion_cnn() -> Extractor:
    """A classifier of 28x28 clothes: 128 features."""
    from ganbench.zoo.extractors.classifier import Classifier

    return Classifier("fashion_cnn")


def build_inception_v3() -> Extractor:
    """torch-fidelity's inception-v3-compat: 2,048 features."""
    from ganbench.zoo.extractors.inception import InceptionV3

    return InceptionV3()


@hookimpl
def ganbench_extractors() -> Iterable[ExtractorSpec]:
    """The extractors that come with ganbench."""
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
