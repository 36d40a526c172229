"""The generator at the best of a cell's scorings, where `score.keep_best` has it kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ganbench.errors import GridError, StoreError
from ganbench.grid import Cell
from ganbench.grid.scoring import directed_scores
from ganbench.runner.build import CellParts
from ganbench.scoring.protocol import Protocol
from ganbench.store import Store

# Of its tensors in a checkpoint, beside those of the training.
_PREFIX = "kept_best."


@dataclass(frozen=True, kw_only=True)
class BestScoring:
    """The best scoring so far.

    Attributes:
        step: of the generator.
        value: by which it was chosen; finite.
        state: its weights, on the CPU.
    """

    step: int
    value: float
    state: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class KeptBest:
    """The best scoring of a finished cell, whose weights are kept beside the final ones.

    Attributes:
        score: by which it was chosen, such as `fid`.
        step: of the generator.
        value: of that score, on the samples that it was chosen by.
        weights: SHA-256 of the file, hexadecimal.
    """

    score: str
    step: int
    value: float
    weights: str

    @property
    def words(self) -> str:
        """Which weights they are."""
        return f"best by {self.score}, step {self.step}"


class BestGenerator:
    """Keeps the generator at the best of a cell's scorings, in memory and in the cell's folder.

    Checkpoints hold it too: so a training that goes on from an earlier step knows what was the best by then.

    Attributes:
        kept: the best so far; None before any, and where the cell keeps none.
    """

    def __init__(self, cell: Cell, store: Store) -> None:
        """Begin without any.

        Args:
            cell: which.
            store: where the weights are written.
        """
        self.kept: BestScoring | None = None
        self._cell = cell
        self._store = store

    def consider(
        self, step: int, generator: nn.Module, rows: Iterable[Mapping[str, Any]], parts: CellParts
    ) -> None:
        """Keep the generator of a step where it scored better than at all steps before.

        Args:
            step: just scored.
            generator: as it was scored.
            rows: the cell's scores.
            parts: of the cell.

        Raises:
            StoreError: the weights cannot be written.
        """
        score, scorer = self._cell.score, parts.scorer
        if score.keep_best is None or scorer is None:
            return
        metric, direction = directed_scores(score, parts.shared.catalog)[score.keep_best]
        # The first sample set: at each step the same noise.
        wanted = (step, score.keep_best, scorer.protocols[metric].hash, 0)
        for row in rows:
            if (row["step"], row["metric"], row["protocol"], row["repeat"]) == wanted:
                value = float(row["value"])
                before = None if self.kept is None else self.kept.value
                if math.isfinite(value) and (before is None or _is_better(value, before, direction)):
                    state = {
                        name: each.detach().cpu().clone() for name, each in generator.state_dict().items()
                    }
                    self.kept = BestScoring(step=step, value=value, state=state)
                    self._store.write_generator(self._cell.id, state, best=True)

    def settle(self) -> dict[str, Any]:
        """Write the kept weights again: an earlier attempt may have left those of a later step.

        Returns:
            What the cell's record says of it: score, step, value and SHA-256 of the file; nothing
            where none is kept.

        Raises:
            StoreError: the file system refuses.
        """
        if self.kept is None:
            return {}
        weights = self._store.write_generator(self._cell.id, self.kept.state, best=True)
        found = {"step": self.kept.step, "value": self.kept.value, "weights": weights}
        return {"best": {"score": self._cell.score.keep_best, **found}}

    def checkpoint(self, parts: CellParts) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Give what a checkpoint holds of it: tensors, and a part of the record."""
        protocol = best_protocol(parts)
        if protocol is None:
            return {}, {}
        said: dict[str, Any] = {"protocol": protocol.hash}
        if self.kept is None:
            return {}, {"best": said}
        tensors = {f"{_PREFIX}{name}": tensor for name, tensor in self.kept.state.items()}
        return tensors, {"best": {**said, "step": self.kept.step, "value": self.kept.value}}


def kept_best(store: Store, cell: Cell) -> KeptBest:
    """Read which weights a finished cell has kept as its best.

    Raises:
        StoreError: it has kept none, or its record is damaged.
    """
    said = store.cell(cell.id).get("best")
    if said is None:
        why = "its grid does not ask for one; set keep_best in [score] and run it again"
        if (name := cell.score.keep_best) is not None:
            why = f"none of its scorings gave a finite {name}, by which to choose"
        raise StoreError(f"{store.path}: cell {cell.id} has kept no best generator: {why}")
    try:
        # Records of earlier builds name no score; it is the one of their grid.
        score = str(said.get("score") or cell.score.keep_best or "a score that is not recorded")
        return KeptBest(
            score=score, step=int(said["step"]), value=float(said["value"]), weights=str(said["weights"])
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.path}: the record of {cell.id} is damaged: best: {said!r}, {error!r}"
        ) from error


def split_best(
    tensors: dict[str, Tensor], record: Mapping[str, Any], protocol: Protocol | None
) -> BestScoring | None:
    """Take the best generator out of what a checkpoint holds.

    Args:
        tensors: the checkpoint's; those of the best generator are removed.
        record: the checkpoint's.
        protocol: see `best_protocol`; None where the cell keeps no best.

    Returns:
        None where there has been none yet, or the cell keeps none.

    Raises:
        ValueError: the cell keeps the best, and the checkpoint is of a training that did not, or chose it
            otherwise: what was the best before is lost.
    """
    names = [name for name in tensors if name.startswith(_PREFIX)]
    state = {name.removeprefix(_PREFIX): tensors.pop(name) for name in names}
    if protocol is None:
        return None
    said = record.get("best")
    if not isinstance(said, Mapping) or said.get("protocol") != protocol.hash:
        raise ValueError("its training did not keep the best generator as score.keep_best now asks")
    if "step" not in said:
        return None
    return BestScoring(step=int(said["step"]), value=float(said["value"]), state=state)


def best_protocol(parts: CellParts) -> Protocol | None:
    """Describe how the best generator is chosen and measured; None where the cell keeps none.

    The rule of choice belongs to it: the best of more scorings looks better, so the two are not compared.

    Raises:
        GridError: the metric asks the discriminator, which is the final one when the best is scored anew.
    """
    score, scorer = parts.cell.score, parts.scorer
    if score.keep_best is None or scorer is None:
        return None
    metric, _ = directed_scores(score, parts.shared.catalog)[score.keep_best]
    if metric in scorer.asking:
        raise GridError(
            f"score.keep_best: metric {metric!r} asks the discriminator, and only the best generator is kept"
        )
    first = "the untrained one and " if score.initial else ""
    chosen = f"the best by {score.keep_best} of {first}every {score.every} steps and the final one"
    return replace(scorer.protocols[metric], selection=chosen)


def _is_better(value: float, before: float, direction: str) -> bool:
    return value < before if direction == "lower" else value > before
