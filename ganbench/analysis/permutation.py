"""Resampling tests, which assume nothing of the scores' distribution.

Each works on many comparisons at once: the last axis holds the seeds, any axes before it the comparisons,
which share the flips or permutations. scipy's `permutation_test` gives the same numbers (a test says so) and
takes fifty times as long for a table's many small comparisons, for it writes every resample out.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Up to this many arrangements all are counted: 16 pairs, or 9 against 9. Beyond, as many as DRAWS are drawn.
EXACT = 50_000
DRAWS = 20_000

_SEED = 20140610
_BLOCK = 4_000_000
# Sums of the same numbers in another order differ by rounding alone.
_ROUNDING = 1e-9


def sign_flip(differences: ArrayLike) -> Floats:
    """Compute the two-sided p of the sign-flip test, under which each difference may as well be negated.

    Exact for up to 16 pairs. Beyond that of DRAWS flips, the one observed among them, always the same ones:
    p is valid (never too small on average) and has a standard error of at most .0016 at p = .05.

    Args:
        differences: (..., n), n at least 1, finite.

    Returns:
        (...): share of the flips whose sum is at least as far from 0 as the one observed.
    """
    values = _scaled(np.asarray(differences, dtype=np.float64))
    return _share(values, _flips(values.shape[-1]))


def permutation(old: ArrayLike, new: ArrayLike) -> Floats:
    """Compute the two-sided p of the permutation test, under which any seed may be of either group.

    Exact for up to EXACT groupings, as `sign_flip` beyond that.

    Args:
        old: (..., n_old), n_old at least 1, finite.
        new: (..., n_new), likewise.

    Returns:
        (...): share of the groupings whose means lie at least as far apart as those observed.
    """
    first, second = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    both = _scaled(np.concatenate([first, second], axis=-1))
    centred = _scaled(both - both.mean(axis=-1, keepdims=True))
    return _share(centred, _groups(first.shape[-1], second.shape[-1]))


def arrangements(n_old: int, n_new: int | None = None) -> int:
    """Count the flips of `n_old` pairs, or the groupings of two groups where `n_new` is given."""
    return 2**n_old if n_new is None else math.comb(n_old + n_new, n_new)


def _scaled(values: Floats) -> Floats:
    """Divide each comparison by its largest number, which leaves p alone and prevents overflow."""
    largest = np.max(np.abs(values), axis=-1, keepdims=True)
    return np.asarray(values / np.where(largest > 0, largest, 1.0))


def _share(values: Floats, arranged: Floats) -> Floats:
    """Compute the share of arrangements (m, n), the first being as observed, with a sum as far from 0."""
    flat = values.reshape(-1, values.shape[-1])
    shares = np.empty(len(flat))
    rows = max(1, _BLOCK // len(arranged))
    for start in range(0, len(flat), rows):
        sums = np.abs(flat[start : start + rows] @ arranged.T)
        shares[start : start + rows] = (sums >= sums[:, :1] - _ROUNDING).mean(axis=1)
    return shares.reshape(values.shape[:-1])


@lru_cache(maxsize=32)
def _flips(n: int) -> Floats:
    """Draw signs, (m, n) of -1 and 1: the first row all 1; where all are listed, the last column too."""
    if arrangements(n) <= 2 * EXACT:
        return _signs(np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1)
    drawn = np.random.default_rng([_SEED, n]).integers(0, 2, (DRAWS, n))
    drawn[0] = 0
    return _signs(drawn)


@lru_cache(maxsize=32)
def _groups(n_old: int, n_new: int) -> Floats:
    """Draw groups, (m, n_old + n_new) of 0 and 1 with n_new ones; the first row has them last."""
    n = n_old + n_new
    if arrangements(n_old, n_new) <= EXACT:
        chosen = np.array(list(itertools.combinations(range(n - 1, -1, -1), n_new)))
    else:
        order = np.random.default_rng([_SEED, n_old, n_new]).random((DRAWS, n)).argsort(axis=1)
        chosen = order[:, :n_new]
        chosen[0] = np.arange(n_old, n)
    groups = np.zeros((len(chosen), n))
    np.put_along_axis(groups, chosen, 1.0, axis=1)
    return groups


def _signs(bits: NDArray[np.int64]) -> Floats:
    return np.where(bits == 0, 1.0, -1.0)
