"""Nearest neighbours among features: precision and recall, density and coverage.

A sample's ball reaches to its k-th nearest neighbour on its own side. Precision and recall are
torch-fidelity's, density and coverage those of prdc, the code of Naeem et al. (2020); all four are found
together, on the same distances.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.api.data import Features
from ganbench.scoring.features import Derived, cached, require_equal_width, rows, usable_cores

Array = NDArray[Any]

# Balls up to this neighbour are found together, so that metrics of different k share their distances.
_TOGETHER = 10
# Blocks of distances that are computed side by side: each takes 0.6 GB where features are 2,048 wide.
MAX_THREADS = 8


class BlockSizes(NamedTuple):
    """How many distances are computed, and compared, together.

    Attributes:
        rows: of either side, of which all distances are computed at once. torch-fidelity's: a distance's last
            bits can depend on the size of the product that it comes from, and all that counts here is which
            of two distances is larger.
        compared: distances, 2 MB: they stay in the processor's cache.
    """

    rows: int = 10_000
    compared: int = 2**19


_BLOCKS = BlockSizes()


def fewest_samples(neighbours: int) -> int:
    """Count the samples that a side needs for each to have this many neighbours.

    Raises:
        ValueError: fewer than one neighbour.
    """
    if neighbours < 1:
        raise ValueError(f"neighbours must be at least 1, given {neighbours}")
    return neighbours + 1


def precision(
    generated: Features, reference: Features, neighbours: int, blocks: BlockSizes = _BLOCKS
) -> float:
    """Compute the share of generated samples in a real one's ball (Kynkäänniemi et al., 2019, equation 2).

    Args:
        generated: at least `neighbours` + 1 rows.
        reference: as many; its balls are kept where it can keep them.
        neighbours: k; a ball's border belongs to it.
        blocks: changes memory and time, never the value.

    Returns:
        From 0 to 1, rounded to float32 as torch-fidelity's.

    Raises:
        ValueError: a side has fewer rows, values that are not finite, or another width than the other.
    """
    found, level = _overlap(generated, reference, neighbours, blocks)
    return (found["generated_held"] <= level).float().mean().item()


def recall(generated: Features, reference: Features, neighbours: int, blocks: BlockSizes = _BLOCKS) -> float:
    """Compute the share of real samples in the ball of a generated one; else as `precision`."""
    found, level = _overlap(generated, reference, neighbours, blocks)
    return (found["reference_held"] <= level).float().mean().item()


def density(generated: Features, reference: Features, neighbours: int, blocks: BlockSizes = _BLOCKS) -> float:
    """Compute the mean number of real balls that hold a generated sample, over k (Naeem et al., 2020).

    Args:
        generated: at least `neighbours` + 1 rows.
        reference: as many; its balls are kept where it can keep them.
        neighbours: k; a ball's border is outside, as in prdc.
        blocks: as for `precision`.

    Returns:
        At least 0; about 1 for equal distributions, more where the generated samples crowd among real ones.

    Raises:
        ValueError: a side has fewer rows, values that are not finite, or another width than the other.
    """
    found, level = _overlap(generated, reference, neighbours, blocks)
    held = int(found["held_inside"][: level + 1].sum())
    return held / (neighbours * len(found["generated_held"]))


def coverage(
    generated: Features, reference: Features, neighbours: int, blocks: BlockSizes = _BLOCKS
) -> float:
    """Compute the share of real samples whose ball holds a generated one (Naeem et al., 2020, section 3).

    Arguments and errors are those of `density`; from 0 to 1.
    """
    found, level = _overlap(generated, reference, neighbours, blocks)
    return int((found["reference_holds"] <= level).sum()) / len(found["reference_holds"])


def _overlap(
    generated: Features, reference: Features, neighbours: int, blocks: BlockSizes
) -> tuple[Derived, int]:
    """Count overlaps of two sides' balls; return them with the index of `neighbours` among the sizes."""
    fewest = fewest_samples(neighbours)
    if min(len(generated.features), len(reference.features)) > _TOGETHER >= neighbours:
        sizes = range(1, _TOGETHER + 1)
    else:
        sizes = range(neighbours, neighbours + 1)
    named = f"[{sizes[0]}-{sizes[-1]}]"

    # The reference is kept from one scorer to the next: the generated side says what may be used now.
    threads = min(usable_cores(generated), MAX_THREADS)

    def radii(side: Features) -> Array:
        found = cached(side, f"radii{named}", lambda: _radii(rows(side, fewest), sizes, blocks, threads))
        return found["radii"].numpy()

    def compute() -> Derived:
        require_equal_width(generated.features.shape[1], reference.features.shape[1])
        overlap = _Overlap(radii(generated), radii(reference))
        _for_distances(reference.features, generated.features, overlap.add, blocks, threads)
        return overlap.found()

    return cached(generated, f"overlap{named}", compute), sizes.index(neighbours)


def _radii(features: Tensor, sizes: range, blocks: BlockSizes, threads: int) -> Derived:
    """Compute the distance of each sample to its neighbours, float32 (sizes, N)."""
    # The sample itself is the first of its neighbours.
    count = sizes[-1] + 1
    nearest = np.full((len(features), count), np.inf, np.float32)

    def keep(distances: Array, top: int, left: int) -> None:
        known = nearest[top : top + len(distances)]
        known[:] = _smallest(np.concatenate([known, _smallest(distances, count)], axis=1), count)

    _for_distances(features, features, keep, blocks, threads)
    return {"radii": torch.from_numpy(nearest[:, sizes].T.copy())}


class _Overlap:
    """The samples in each ball, counted; a level is a ball's size, by its place among the sizes.

    Attributes:
        generated_held: int64 (generated,): the lowest level at which a generated sample is in a real one's
            ball; the number of levels where it is in none.
        reference_held: int64 (reference,): the same of the real samples in generated ones' balls.
        reference_holds: int64 (reference,): the lowest level at which a real sample's ball has a generated
            sample inside.
        held_inside: int64 (levels + 1,): generated samples inside real ones' balls, by the lowest level.
    """

    def __init__(self, radii: Array, reference_radii: Array) -> None:
        """Bind the radii of either side's balls, (levels, N), ascending."""
        self._radii = radii
        self._reference_radii = reference_radii
        levels = len(radii)
        self.generated_held = np.full(radii.shape[1], levels)
        self.reference_held = np.full(reference_radii.shape[1], levels)
        self.reference_holds = np.full(reference_radii.shape[1], levels)
        self.held_inside = np.zeros(levels + 1, np.int64)

    def add(self, distances: Array, top: int, left: int) -> None:
        """Add distances of real samples from `top` on (rows) to generated ones from `left` on."""
        height, width = distances.shape
        # Few pairs are in the largest balls: the smaller ones are asked of these only.
        largest = self._reference_radii[-1, top : top + height, None]
        near, row, column = _pairs(distances, distances <= largest, top, left)
        held, inside = _levels(self._reference_radii, row, near)
        np.minimum.at(self.generated_held, column, held)
        np.minimum.at(self.reference_holds, row, inside)
        self.held_inside += np.bincount(inside, minlength=len(self.held_inside))

        near, row, column = _pairs(distances, distances <= self._radii[-1, left : left + width], top, left)
        np.minimum.at(self.reference_held, row, _levels(self._radii, column, near)[0])

    def found(self) -> Derived:
        """Return the attributes as tensors by name."""
        names = ("generated_held", "reference_held", "reference_holds", "held_inside")
        return {name: torch.from_numpy(getattr(self, name)) for name in names}


def _for_distances(
    x: Tensor, y: Tensor, visit: Callable[[Array, int, int], None], blocks: BlockSizes, threads: int
) -> None:
    """Pass all distances of the rows of x to those of y to `visit`, piece by piece, with the piece's corner.

    By calls, not by a generator: a part that is still held while the next block is made would double the
    memory, 400 MB.

    Args:
        x: float32 (N, d).
        y: float32 (M, d).
        visit: takes part of a block; called for one at a time, in any order.
        blocks: how large.
        threads: blocks that are computed side by side, each as if it were alone, to the same bits.
    """
    visiting = Lock()

    def compute(corner: tuple[int, int]) -> None:
        top, left = corner
        block = torch.cdist(x[top : top + blocks.rows], y[left : left + blocks.rows]).numpy()
        step = max(1, blocks.compared // block.shape[1])
        for start in range(0, len(block), step):
            # Of the time, nine parts in ten go into the products above.
            with visiting:
                visit(block[start : start + step], top + start, left)

    corners = list(product(range(0, len(x), blocks.rows), range(0, len(y), blocks.rows)))
    if (threads := min(threads, len(corners))) < 2:
        for corner in corners:
            compute(corner)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(compute, corner) for corner in corners]
        try:
            for future in waiting:
                future.result()
        finally:
            for future in waiting:
                future.cancel()


def _smallest(values: Array, count: int) -> Array:
    """Find the smallest values of each row, ascending; the values are left in another order."""
    if count < values.shape[1]:
        values.partition(count - 1, axis=1)
    return np.sort(values[:, :count], axis=1)


def _pairs(distances: Array, mask: Array, top: int, left: int) -> tuple[Array, Array, Array]:
    """List the distances where the mask is true, with their rows and columns."""
    # A flat search is several times as fast as numpy's in two dimensions.
    place = np.flatnonzero(mask)
    row, column = np.divmod(place, mask.shape[1])
    return distances.ravel()[place], row + top, column + left


def _levels(radii: Array, owner: Array, near: Array) -> tuple[Array, Array]:
    """Find the lowest levels at which the owners' balls reach that far, and at which they hold it inside."""
    held, inside = np.zeros((2, len(near)), np.int8)
    # Radii ascend, so the number of too small ones is the level.
    for level in radii:
        reach = level[owner]
        held += reach < near
        inside += reach <= near
    return held.astype(np.intp), inside.astype(np.intp)
