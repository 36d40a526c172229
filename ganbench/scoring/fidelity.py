"""The bridge to torch-fidelity: its register of extractors.

torch-fidelity takes seconds to import, so each function imports what it needs.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganbench.api.data import Extractor


def register_extractor(name: str, extractor: Extractor) -> None:
    """Makes an extractor known to torch-fidelity: `calculate_metrics(feature_extractor=name, ...)`.

    Args:
        name: without slashes; registering a name again replaces what stood under it.
        extractor: gives the feature layer `features` and, where it classifies, `logits`.
    """
    from torch_fidelity import FeatureExtractorBase, register_feature_extractor
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class Registered(FeatureExtractorBase):  # type: ignore[misc]
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        def forward(self, images: Tensor) -> tuple[Tensor | None, ...]:
            out = extractor(images)
            return tuple(getattr(out, layer) for layer in self.features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return "features", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

    FEATURE_EXTRACTORS_REGISTRY.pop(name, None)
    register_feature_extractor(name, Registered)
