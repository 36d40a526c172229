"""Streams of random numbers; each depends on the named parts of a cell and on nothing else.

The loss is in none of them, so cells that differ in it alone start from the same weights and see the same
batches, noise and dropout: their seeds are true pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ganbench.files.canonical import sha256_of
from ganbench.grid.cell import Cell
from ganbench.grid.choice import NONE

_BITS = 63


def stream_seed(seed: int, purpose: str, depends: Mapping[str, Any]) -> int:
    """Derive the seed of one stream, 0 to 2^63 - 1: from SHA-256 over canonical JSON of all three.

    Args:
        seed: the cell's.
        purpose: what the stream is for.
        depends: what else decides it, JSON values.
    """
    digest = sha256_of({"seed": seed, "purpose": purpose, "depends": dict(depends)})
    return int(digest[:16], 16) >> (64 - _BITS)


@dataclass(frozen=True, kw_only=True)
class Streams:
    """The seeds of one cell's streams, 63 bits each.

    Attributes:
        init: of the initial weights; from the architecture with options and the data set.
        data: of the order of batches; from the data set.
        noise: of the generator's input in training; from the architecture.
        loss: of what losses and penalties draw in their turns; from the penalty.
        network: of dropout and the like; from the seed alone.
        penalties: of what each term of a sum of penalties draws, from that penalty alone; none where there
            is a single penalty, which draws from `loss`.
        augmentation: of what the augmentation draws, from it alone; None where there is none.
    """

    init: int
    data: int
    noise: int
    loss: int
    network: int
    penalties: tuple[int, ...] = ()
    augmentation: int | None = None

    @classmethod
    def of(cls, cell: Cell) -> Streams:
        """Derive the streams of a cell."""
        dataset, architecture = cell.dataset.canonical(), cell.architecture.canonical()
        return cls(
            init=stream_seed(cell.seed, "init", {"architecture": architecture, "dataset": dataset}),
            data=stream_seed(cell.seed, "data", {"dataset": dataset}),
            noise=stream_seed(cell.seed, "noise", {"architecture": architecture}),
            loss=stream_seed(cell.seed, "loss", {"penalty": cell.penalty.canonical()}),
            network=stream_seed(cell.seed, "network", {}),
            penalties=tuple(
                stream_seed(cell.seed, "penalty", {"penalty": part.canonical()})
                for part in (cell.penalty.parts if len(cell.penalty.parts) > 1 else ())
            ),
            augmentation=None
            if cell.augmentation == NONE
            else stream_seed(cell.seed, "augmentation", {"augmentation": cell.augmentation.canonical()}),
        )


def build_seed(cell: Cell, kind: Literal["loss", "penalty", "augmentation"], name: str) -> int:
    """Derive the seed of what a loss, penalty or augmentation draws while it is built: the streams `*_init`.

    They are streams of their own, so that weights drawn then are not the numbers of the first turns.

    Args:
        cell: whose it is.
        kind: what is built.
        name: of what is built. Its options change nothing, so that cells that
            differ in them begin alike.
    """
    return stream_seed(cell.seed, f"{kind}_init", {kind: name})


def score_seed(cell: Cell, repeat: int = 0) -> int:
    """Derive the seed of the scored noise, equal at each scoring; from data set and repeat's index."""
    return stream_seed(cell.seed, "score", {"dataset": cell.dataset.canonical(), "repeat": repeat})


def best_seed(cell: Cell) -> int:
    """Derive the seed of the noise by which the kept best generator is scored anew: the stream `best`.

    It is none of those of `score_seed`: the generator was chosen by its value on those samples.
    """
    return stream_seed(cell.seed, "best", {"dataset": cell.dataset.canonical()})
