"""The bridge to torch-fidelity: its statistics, its Inception, its register of extractors.

torch-fidelity takes seconds to import, so each function imports what it needs.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

from ganbench.api.data import Extractor, Features
from ganbench.errors import WeightsError
from ganbench.scoring.reference import Reference

Array = NDArray[Any]


def frechet_distance(generated: Features, reference: Features) -> float:
    """The Fréchet distance of two Gaussians fitted to features (Heusel et al., 2017, equation 6).

    |mu1 - mu2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)), with torch-fidelity's means and covariances. The
    last trace is taken from the symmetric A^T S1 A, where S2 = A A^T: faster than the eigenvalues of S1 S2,
    which torch-fidelity takes, and free of the noise that those have where a covariance is not of full rank.
    Equal to torch-fidelity's to 1e-6, save where the distance itself is lost in that noise.

    Args:
        generated: at least 2 rows.
        reference: at least 2 rows; what is derived from it is kept where it is a Reference.

    Returns:
        The distance; can come out negative by rounding where both sides are equal.
    """
    # One BLAS thread: the bits must not depend on how many the machine has.
    with threadpool_limits(limits=1, user_api="blas"):
        mean, covariance = _statistics(generated)
        if isinstance(reference, Reference):
            reference_mean, reference_covariance = reference.once("frechet", lambda: _statistics(reference))
            factor = reference.once("frechet_factor", lambda: _factor(reference_covariance))
        else:
            reference_mean, reference_covariance = _statistics(reference)
            factor = _factor(reference_covariance)
        eigenvalues = np.linalg.eigvalsh(factor.T @ covariance @ factor)
        difference = mean - reference_mean
        cross = np.sqrt(eigenvalues.clip(min=0)).sum()
        return float(
            difference @ difference + np.trace(covariance) + np.trace(reference_covariance) - 2 * cross
        )


def _statistics(features: Features) -> tuple[Array, Array]:
    from torch_fidelity.metric_fid import fid_features_to_statistics

    statistics = fid_features_to_statistics(features.features)
    # The covariance of a single feature comes as a bare number.
    return statistics["mu"], np.atleast_2d(statistics["sigma"])


def _factor(covariance: Array) -> Array:
    """A (d, rank) with A A^T = covariance; directions without variance are left out."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    kept = eigenvalues > eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps
    factor: Array = vectors[:, kept] * np.sqrt(eigenvalues[kept])
    return factor


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
