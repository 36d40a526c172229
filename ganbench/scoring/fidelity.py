"""The bridge to torch-fidelity: its statistics, its Inception, its register of extractors.

torch-fidelity takes seconds to import, so each function imports what it needs.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.api.data import Extractor
from ganbench.errors import WeightsError


def inception_score(logits: Tensor, splits: int) -> tuple[float, float]:
    """torch-fidelity's Inception Score (Salimans et al., 2016), samples shuffled with its fixed seed.

    Args:
        logits: (N, classes), N at least `splits`.
        splits: parts over which mean and standard deviation are taken.

    Returns:
        Mean and standard deviation of exp(KL(p(y|x) || p(y))) over the splits.
    """
    from torch_fidelity.metric_isc import (
        KEY_METRIC_ISC_MEAN,
        KEY_METRIC_ISC_STD,
        isc_features_to_metric,
    )

    values = isc_features_to_metric(logits, splits=splits)
    return values[KEY_METRIC_ISC_MEAN], values[KEY_METRIC_ISC_STD]


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """A state_dict from a .pth file, its tensors only: no code of the file is run.

    Raises:
        WeightsError: the file holds something else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is none makes the unpickler fail in any way there is
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is not a file of PyTorch weights: {reason}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} is not a file of PyTorch weights: it holds no state_dict")
    return state


def inception_network(state: Mapping[str, Tensor], named: str) -> nn.Module:
    """torch-fidelity's inception-v3-compat with these weights.

    Args:
        state: its state_dict.
        named: what to call the weights in an error.

    Returns:
        A frozen module in eval mode: uint8 (N, 3, H, W) -> (features (N, 2048), unbiased logits (N, 1008)).

    Raises:
        WeightsError: the state does not fit the network.
    """
    from torch_fidelity import FeatureExtractorInceptionV3

    # The constructor unpickles whatever file it is given: it gets these tensors, written anew.
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    buffer.seek(0)
    try:
        with torch.random.fork_rng(devices=[]):
            net = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=buffer
            )
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{named} does not fit torch-fidelity's Inception: {reason}") from error
    # 1.5 times faster on a CPU, equal to 1e-6.
    module: nn.Module = net.to(memory_format=torch.channels_last)
    return module


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
