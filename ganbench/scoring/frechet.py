"""The Fréchet distance of two Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Features
from ganbench.scoring.blas import one_blas_thread
from ganbench.scoring.features import Derived, FeatureSet, as_float64, cached, require_equal_width, rows

Array = NDArray[Any]


def frechet_distance(generated: Features, reference: Features) -> float:
    """Compute the Fréchet distance of two Gaussians fitted to features (Heusel et al., 2017, equation 6).

    |mu1 - mu2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)), with torch-fidelity's means and covariances. The
    last trace is taken from the symmetric A^T S1 A, where S2 = A A^T: faster than the eigenvalues of S1 S2,
    which torch-fidelity takes, and free of the noise that those have where a covariance is not of full rank.
    Equal to torch-fidelity's to 1e-6, save where the distance itself is lost in that noise.

    Args:
        generated: at least 2 rows.
        reference: at least 2 rows; what is derived from it is kept where it can keep it.

    Returns:
        The distance; can come out negative by rounding where both sides are equal.

    Raises:
        ValueError: a side has fewer rows, values that are not finite, or another width than the other.
    """
    with one_blas_thread():
        fitted = cached(reference, "frechet", lambda: _factored(*_moments(reference)))
        reference_mean, factor = fitted["mean"].numpy(), fitted["factor"].numpy()
        mean, centred = _centred(generated)
        require_equal_width(len(mean), len(reference_mean))
        count, width = centred.shape
        # A^T S1 A from whichever is smaller, S1 or the rows that it is made of; B B^T has the eigenvalues of
        # B^T B, but for zeros.
        if width < count:
            inner = factor.T @ (centred.T @ centred) @ factor
        else:
            projected = centred @ factor
            inner = projected.T @ projected if projected.shape[1] < count else projected @ projected.T
        cross = np.sqrt(np.linalg.eigvalsh(inner / (count - 1)).clip(min=0)).sum()
        variance = np.vdot(centred, centred) / (count - 1)
        difference = mean - reference_mean
        return float(difference @ difference + variance + fitted["variance"].item() - 2 * cross)


def _centred(features: Features) -> tuple[Array, Array]:
    """Split features into mean, float32 as torch-fidelity takes it, and centred rest, float64 (N, d)."""
    values = rows(features, 2)
    centred = as_float64(features, values)
    centred -= centred.mean(axis=0)
    return values.numpy().mean(axis=0), centred


def mean_and_covariance(features: Features) -> tuple[Array, Array]:
    """Fit a Gaussian to features, as `frechet_distance` does.

    Args:
        features: at least 2 rows.

    Returns:
        Mean (d,), float32 as torch-fidelity takes it, and unbiased covariance (d, d), float64.

    Raises:
        ValueError: there are fewer rows, or values that are not finite.
    """
    with one_blas_thread():
        return _moments(features)


def features_of_gaussian(mean: Array, covariance: Array) -> FeatureSet:
    """Make a side of `frechet_distance` from a mean and a covariance alone.

    Args:
        mean: (d,).
        covariance: (d, d), symmetric.

    Returns:
        Features without rows: any other metric refuses them.
    """
    with one_blas_thread():
        fitted = _factored(mean, covariance)
    side = FeatureSet(features=torch.empty(0, len(mean)))
    side.once("frechet", lambda: fitted)
    return side


def _moments(features: Features) -> tuple[Array, Array]:
    mean, centred = _centred(features)
    # numpy's cov takes twice as long: it copies, and so multiplies what could be any two matrices.
    return mean, centred.T @ centred / (len(centred) - 1)


def _factored(mean: Array, covariance: Array) -> Derived:
    """Mean, total variance, and A (d, rank) with A A^T = covariance: directions without variance left out."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    kept = eigenvalues > eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps
    return {
        "mean": torch.from_numpy(mean),
        "variance": torch.tensor(np.trace(covariance)),
        "factor": torch.from_numpy(vectors[:, kept] * np.sqrt(eigenvalues[kept])),
    }
