"""The Fréchet distance of two Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ganbench.api.data import Features
from ganbench.scoring.side import Derived, once

Array = NDArray[Any]


def frechet_distance(generated: Features, reference: Features) -> float:
    """The Fréchet distance of two Gaussians fitted to features (Heusel et al., 2017, equation 6).

    |mu1 - mu2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)), with torch-fidelity's means and covariances. The
    last trace is taken from the symmetric A^T S1 A, where S2 = A A^T: faster than the eigenvalues of S1 S2,
    which torch-fidelity takes, and free of the noise that those have where a covariance is not of full rank.
    Equal to torch-fidelity's to 1e-6, save where the distance itself is lost in that noise.

    Args:
        generated: at least 2 rows.
        reference: at least 2 rows; what is derived from it is kept where it can keep it.

    Returns:
        The distance; can come out negative by rounding where both sides are equal.
    """
    # One BLAS thread: the bits must not depend on how many the machine has.
    with threadpool_limits(limits=1, user_api="blas"):
        fitted = once(generated, "frechet", lambda: _statistics(generated))
        target = once(reference, "frechet", lambda: _statistics(reference))
        factor = once(reference, "frechet_factor", lambda: _factor(target))["factor"].numpy()
        mean, covariance = (fitted[name].numpy() for name in ("mean", "covariance"))
        reference_mean, reference_covariance = (target[name].numpy() for name in ("mean", "covariance"))
        eigenvalues = np.linalg.eigvalsh(factor.T @ covariance @ factor)
        difference = mean - reference_mean
        cross = np.sqrt(eigenvalues.clip(min=0)).sum()
        return float(
            difference @ difference + np.trace(covariance) + np.trace(reference_covariance) - 2 * cross
        )


def _statistics(features: Features) -> Derived:
    from torch_fidelity.metric_fid import fid_features_to_statistics

    statistics = fid_features_to_statistics(features.features)
    # The covariance of a single feature comes as a bare number.
    return {
        "mean": torch.from_numpy(statistics["mu"]),
        "covariance": torch.from_numpy(np.atleast_2d(statistics["sigma"])),
    }


def _factor(statistics: Derived) -> Derived:
    """A (d, rank) with A A^T = covariance; directions without variance are left out."""
    eigenvalues, vectors = np.linalg.eigh(statistics["covariance"].numpy())
    kept = eigenvalues > eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps
    factor: Array = vectors[:, kept] * np.sqrt(eigenvalues[kept])
    return {"factor": torch.from_numpy(factor)}
