"""The Inception Score of logits.

Apart from the metric that reports it, as all arithmetic of scores is: tests hold it against torch-fidelity's.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

# torch-fidelity's seed: the same order, so the same parts.
_SEED = 2020
# The score of any single sample is 1.
_MIN_SAMPLES_PER_PART = 2


def min_samples_of_splits(splits: int) -> int:
    """Give the smallest number of samples whose score in this number of parts depends on them."""
    return _MIN_SAMPLES_PER_PART * splits


def inception_score(logits: Tensor, splits: int) -> tuple[float, float]:
    """Compute exp(KL(p(y|x) || p(y))) over parts of the samples (Salimans et al., 2016, section 4).

    torch-fidelity's parts, after its shuffling; in float64 as there, with one exponential for each logit.

    Args:
        logits: (N, classes), at least two for each part.
        splits: parts over which mean and standard deviation are taken.

    Returns:
        Mean, from 1 to the number of classes, and standard deviation over the parts.

    Raises:
        ValueError: there are fewer samples, or NaN or infinity among their logits.
    """
    values = logits.numpy()
    count = len(values)
    if count < min_samples_of_splits(splits):
        raise ValueError(
            f"logits of at least {min_samples_of_splits(splits)} samples are needed, given {count}"
        )
    finite = np.isfinite(values)
    if not finite.all():
        bad = count - int(finite.all(axis=1).sum())
        raise ValueError(f"the logits of {bad} of {count} samples are not finite")
    order = np.random.RandomState(_SEED).permutation(count)
    scores = np.empty(splits)
    for part in range(splits):
        chosen = values[order[part * count // splits : (part + 1) * count // splits]].astype(np.float64)
        chosen -= chosen.max(axis=1, keepdims=True)
        odds = np.exp(chosen)
        totals = odds.sum(axis=1)
        # The mean of sum p log p, where log p = logit - log(total), and p(y) the mean of p.
        odds /= totals[:, None]
        conditional = np.vdot(odds, chosen) / len(chosen) - np.log(totals).mean()
        marginal = odds.mean(axis=0)
        # A class that no sample has adds nothing.
        marginal = marginal[marginal > 0]
        scores[part] = np.exp(conditional - marginal @ np.log(marginal))
    return float(scores.mean()), float(scores.std())
