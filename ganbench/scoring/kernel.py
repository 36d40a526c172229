"""The kernel distance of two sets of features."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Features
from ganbench.scoring.blas import one_blas_thread
from ganbench.scoring.features import Derived, cached, require_equal_width, rows

Array = NDArray[Any]

# torch-fidelity's seed: the same subsets.
_SEED = 2020
# float32 entries of a table of kernel values, 64 MB: a larger one no longer saves time.
MAX_TABLE_ENTRIES = 2**24
# Rows of a table that are looked at together: they stay in the processor's cache.
_ROWS = 64


def kernel_distance(
    generated: Features,
    reference: Features,
    *,
    subsets: int,
    size: int,
    max_table_entries: int = MAX_TABLE_ENTRIES,
) -> tuple[float, float]:
    """Squared maximum mean discrepancy over random subsets (Bińkowski et al., 2018, section 4).

    Unbiased, with the kernel (x·y / d + 1)³. torch-fidelity computes it in float32, where rounding alone
    moves a value by 1e-8 and more. So the same subsets go through the same operations in the same order here,
    and the value is torch-fidelity's to the last bit, where that is run with one BLAS thread.

    Args:
        generated: at least `size` rows.
        reference: at least `size` rows; its share of the value is kept where it can keep it.
        subsets: how many subsets are drawn from each side.
        size: samples of a subset, at least 2, drawn without replacement.
        max_table_entries: of a table of kernel values, float32, that saves computing a pair again for each
            subset that has it. Changes the time, never the value.

    Returns:
        Mean and standard deviation over the subsets; the mean can be slightly negative.

    Raises:
        ValueError: a side has fewer rows, values that are not finite, or another width than the other.
    """
    x, y = rows(generated, size).numpy(), reference.features.numpy()
    require_equal_width(x.shape[1], y.shape[1])

    def reference_share() -> Derived:
        checked = rows(reference, size).numpy()
        drawn_reference = draw_subsets(len(x), len(y), subsets, size)[1]
        return {"within": torch.from_numpy(sum_within(checked, drawn_reference, max_table_entries))}

    with one_blas_thread():
        # Which rows of the reference are drawn depends on how many are generated: one stream serves both.
        name = f"kernel[{subsets} of {size}, against {len(x)}]"
        within_reference = cached(reference, name, reference_share)["within"].numpy()
        drawn, drawn_reference = draw_subsets(len(x), len(y), subsets, size)
        within = sum_within(x, drawn, max_table_entries)
        between = _between(x, y, drawn, drawn_reference, max_table_entries)
    values = (within + within_reference) / (size * (size - 1)) - 2 * between / (size * size)
    # From here on torch-fidelity computes in float64.
    values = values.astype(np.float64)
    return float(values.mean()), float(values.std())


@lru_cache(maxsize=4)
def draw_subsets(generated: int, reference: int, subsets: int, size: int) -> tuple[Array, Array]:
    """Draw the rows of each subset, int64 (subsets, size), of either side."""
    random = np.random.RandomState(_SEED)
    drawn = [
        [random.choice(count, size, replace=False) for count in (generated, reference)]
        for _ in range(subsets)
    ]
    first, second = zip(*drawn, strict=True)
    return np.stack(first), np.stack(second)


def sum_within(x: Array, drawn: Array, max_entries: int) -> Array:
    """Sum the kernel over pairs of different samples of each subset, float32 (subsets,)."""
    sums = np.empty(len(drawn), np.float32)
    for number, values in enumerate(_pairs(x, drawn, max_entries)):
        sums[number] = (values.sum(axis=1) - values.diagonal()).sum()
    return sums


def _between(x: Array, y: Array, drawn: Array, drawn_reference: Array, max_entries: int) -> Array:
    """Sum the kernel over pairs of a subset's samples from either side, float32 (subsets,)."""
    sums = np.empty(len(drawn), np.float32)
    table = tabulate(x, y, drawn, drawn_reference, max_entries)
    for number, (chosen, others) in enumerate(zip(drawn, drawn_reference, strict=True)):
        if table is None:
            columns = _kernel(x[chosen], y[others]).sum(axis=0)
        else:
            columns = _column_sums(table, chosen)[others]
        sums[number] = columns.sum()
    return sums


def _pairs(x: Array, drawn: Array, max_entries: int) -> Iterator[Array]:
    """Compute the kernel of every two samples of each subset, float32 (size, size)."""
    table = tabulate(x, x, drawn, drawn, max_entries)
    values = np.empty((drawn.shape[1], drawn.shape[1]), np.float32)
    for chosen in drawn:
        if table is None:
            subset = x[chosen]
            _kernel(subset, subset, values)
        else:
            for start in range(0, len(chosen), _ROWS):
                part = table[chosen[start : start + _ROWS]]
                np.take(part, chosen, axis=1, out=values[start : start + _ROWS], mode="clip")
        yield values


def tabulate(
    x: Array, y: Array, drawn: Array, others: Array, max_entries: int = MAX_TABLE_ENTRIES
) -> Array | None:
    """Tabulate the kernel of every row of x with every row of y; None where the subsets' own are cheaper.

    That is where the table would be as large as they are together, and where a matrix product gives a pair
    other bits in the table than among its subset, as some processors' do: the first subset shows it.
    """
    subsets, size = drawn.shape
    if 2 * len(x) * len(y) > min(subsets * size * size, 2 * max_entries):
        return None
    table = _kernel(x, y)
    subset = x[drawn[0]]
    expected = _kernel(subset, subset if x is y else y[others[0]])
    return table if np.array_equal(table[np.ix_(drawn[0], others[0])], expected) else None


def _kernel(x: Array, y: Array, out: Array | None = None) -> Array:
    # numpy takes another routine for a product with itself: x and y are one array where torch-fidelity's are.
    values: Array = np.matmul(x, y.T, out=out)
    values *= 1.0 / x.shape[1]
    values += 1.0
    values **= 3
    return values


def _column_sums(table: Array, chosen: Array) -> Array:
    """Compute table[chosen].sum(axis=0), row after row as numpy adds them, without the copy."""
    sums = np.zeros(table.shape[1], np.float32)
    for row in chosen:
        sums += table[row]
    return sums
