"""One combination of a grid with one seed, and its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ganbench.files.canonical import sha256_of
from ganbench.grid.choice import NONE, Choice
from ganbench.grid.settings import ScoreSettings, TrainSettings
from ganbench.grid.tolerance import Tolerance

_ID_DIGITS = 11


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The unit that is trained, scored and stored.

    Attributes:
        dataset: what is learnt.
        architecture: who plays.
        loss: for what.
        penalty: and at what price.
        augmentation: how samples are changed before the discriminator sees them.
        varied: value of each setting that the grid varies, by dotted key, in the grid's order; a list or
            a table as its label. Before them `augmentation`, its label, where the grid has any.
        train: how it is trained, everything resolved.
        score: how it is scored.
        seed: 0 to 2^31 - 1.
        scored_as: the full values of varied settings of [score]; a part of the identity.
        check: how much worse than a baseline each score may get, by its name; no part of the identity.
        needs: `num_gpus` and `mem_gb` that a cluster is to set aside for it, as far as they are said;
            likewise.
    """

    dataset: Choice
    architecture: Choice
    loss: Choice
    penalty: Choice
    augmentation: Choice = NONE
    varied: Mapping[str, Any] = field(default_factory=dict)
    train: TrainSettings
    score: ScoreSettings
    seed: int
    scored_as: Mapping[str, Any] = field(default_factory=dict)
    check: Mapping[str, Tolerance] = field(default_factory=dict)
    needs: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """`c` and 11 hexadecimal digits: the same on every machine and in every grid that has this cell.

        Made from the four choices, and the augmentation where there is one, with their non-default options;
        the settings of training that differ from their defaults; the seed; and varied settings of scoring.
        What ganbench adds later is left out while it has its default, so that the id stays.
        """
        identity: dict[str, Any] = {
            "dataset": self.dataset.canonical(),
            "architecture": self.architecture.canonical(),
            "loss": self.loss.canonical(),
            "penalty": self.penalty.canonical(),
            "train": self.train.changed(),
            "seed": self.seed,
        }
        if self.augmentation != NONE:
            identity["augmentation"] = self.augmentation.canonical()
        if self.scored_as:
            identity["score"] = dict(self.scored_as)
        return "c" + sha256_of(identity)[:_ID_DIGITS]

    @property
    def axes(self) -> dict[str, str]:
        """The labels of dataset, architecture, loss and penalty."""
        return {
            "dataset": self.dataset.label,
            "architecture": self.architecture.label,
            "loss": self.loss.label,
            "penalty": self.penalty.label,
        }


def cells_counted(count: int) -> str:
    """Write how many cells there are: `1 cell`, `12 cells`."""
    return "1 cell" if count == 1 else f"{count} cells"
