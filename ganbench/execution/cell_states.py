"""The states of one cell in several results folders, and which of them is the cell's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ganbench.analysis.context import metric_label
from ganbench.analysis.records import finite_seconds
from ganbench.errors import StoreError
from ganbench.execution.plan import FINISHED
from ganbench.files.tensors import read_record
from ganbench.grid.history import History
from ganbench.store import Store

# How far a state is: a finished one that cannot be read whole may have to be run again.
_OPEN, _SKIPPED, _DAMAGED, _DONE = range(4)

ScoreKey = tuple[int, str, str, str, int]
ScoreRows = dict[ScoreKey, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class CellState:
    """A cell as one folder has it.

    Attributes:
        store: the folder.
        record: its cell.json.
        scores: its rows by step, metric, extractor, protocol and repeat; None where they are damaged.
        checkpoint_step: of the latest checkpoint that can be read; -1 where there is none.
        has_weights: whether the scored generator is there.
        has_best: whether the one at the best of the scorings is there.
    """

    store: Store
    record: Mapping[str, Any]
    scores: ScoreRows | None
    checkpoint_step: int
    has_weights: bool
    has_best: bool

    @property
    def finished(self) -> bool:
        """Whether it is a result: `ok` or `diverged`, with scores that can be read."""
        return self._rank == _DONE

    @property
    def has_ended(self) -> bool:
        """Whether no run goes on with it."""
        return self.record["status"] in (*FINISHED, "skipped")

    @property
    def _rank(self) -> int:
        if self.record["status"] in FINISHED:
            return _DONE if self.scores is not None else _DAMAGED
        return _SKIPPED if self.record["status"] == "skipped" else _OPEN

    def order(self) -> tuple[Any, ...]:
        """Give what the best state has the most of; it depends on the state alone, never on its folder.

        The finished one goes before the unfinished one, then the further checkpoint, then the one that says
        more; of equal results the one that took the fewest seconds, then the record that sorts first.
        """
        failed = self.record["status"] in ("error", "oom")
        reached = (self.checkpoint_step, failed, self.record["step"]) if self._rank == _OPEN else ()
        text = json.dumps(self.record, sort_keys=True).encode()
        seconds = finite_seconds(self.record["seconds"])
        quickest = -math.inf if math.isnan(seconds) else -seconds
        return (self._rank, reached, self.has_weights, self.has_best, quickest, tuple(-byte for byte in text))


def read_state(store: Store, cell: str) -> CellState | None:
    """Read a cell as a folder has it; None where nothing was recorded of it.

    Raises:
        StoreError: its record is damaged, or of a later version.
    """
    if not store.has_cell(cell):
        return None
    record = store.cell(cell)
    scores: ScoreRows | None = None
    with suppress(StoreError):
        scores = {
            (row["step"], row["metric"], row["extractor"], row["protocol"], row["repeat"]): row
            for row in store.scores(cell)
        }
    return CellState(
        store=store,
        record=record,
        scores=scores,
        checkpoint_step=checkpoint_step(store, cell),
        has_weights=store.has_generator(cell),
        has_best=store.has_generator(cell, best=True),
    )


def best_state(states: Sequence[CellState]) -> CellState:
    """Choose among the states of one cell, whatever their order; of equal ones the last in the list."""
    return max(enumerate(states), key=lambda state: (state[1].order(), state[0]))[1]


def differences_between(one: CellState, other: CellState) -> list[str]:
    """Name how the results of two finished states differ, a phrase each; empty where they are the same.

    Results are how the cell ended, its weights and the scores that both have. Where they differ, so may the
    environments.
    """
    found = [
        f"{name} {_short(one.record.get(name))} there, {_short(other.record.get(name))} here"
        for name in ("status", "step", "weights")
        if one.record.get(name) != other.record.get(name)
    ]
    mine, yours = one.scores or {}, other.scores or {}
    for key in sorted(mine.keys() & yours.keys()):
        before, after = mine[key]["value"], yours[key]["value"]
        if before != after and not (math.isnan(before) and math.isnan(after)):
            step, metric, extractor, *_ = key
            found.append(
                f"{metric_label(metric, extractor)} at step {step}: {before!r} there, {after!r} here"
            )
    if found:
        with suppress(ValueError):
            found += History.from_record(one.record).conflicts(History.from_record(other.record))
    return found


def joined_scores(states: Sequence[CellState]) -> ScoreRows:
    """Join the scores of equal finished states: a folder may have some that another lacks.

    A score is current where any of the folders has it so.
    """
    found: ScoreRows = {}
    for state in states:
        for key, row in (state.scores or {}).items():
            before = found.get(key, row)
            first = min(before, row, key=lambda each: repr(sorted(each.items())))
            found[key] = {**first, "current": before["current"] or row["current"]}
    return found


def checkpoint_step(store: Store, cell: str) -> int:
    """Read the step of a cell's latest checkpoint that can be read; -1 where there is none."""
    for path in store.checkpoints(cell):
        with suppress(StoreError, KeyError, TypeError, ValueError):
            return int(read_record(path)["training"]["step"])
    return -1


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text or "none"
