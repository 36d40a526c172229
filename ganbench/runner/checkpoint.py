"""What a cell left on disk: its checkpoints, where they were made, and the weights of its generator."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganbench.errors import StoreError
from ganbench.files.tensors import read_record
from ganbench.grid import Cell, Environment
from ganbench.grid.history import History
from ganbench.runner.best_generator import BestScoring, KeptBest, best_protocol, split_best
from ganbench.runner.build import CellParts, build_trainer
from ganbench.runner.task import Task
from ganbench.store import Store
from ganbench.training import Trainer, batch_format, lay_out, networks_of, tell_step

# A checkpoint holds what the fresh training does, moments of the optimizers and the curves so far.
_FACTOR = 8
_SLACK = 2**28


class OtherEnvironment(Exception):
    """A worker, or a checkpoint, is of another environment than the one that was planned."""


class Resumed(NamedTuple):
    """A training to go on with.

    Attributes:
        parts: of the cell; players, losses, penalties and augmentation are the trainer's.
        trainer: at the checkpoint's step.
        history: the environments that led there, and this one.
        seconds: that it has taken so far.
        rows: the scores up to that step.
        constant: whether the generator's samples were all alike when it was last scored.
        cost: what it has cost so far, as `CellCost.state` gives it; None in older checkpoints.
        best: the generator at the best scoring so far; None where none is kept.
    """

    parts: CellParts
    trainer: Trainer
    history: History
    seconds: float
    rows: list[dict[str, Any]]
    constant: bool
    cost: object
    best: BestScoring | None


def resume(
    task: Task, parts: CellParts, here: Environment, store: Store, note: Callable[[str], None]
) -> Resumed | None:
    """Restore the training from the latest checkpoint that is whole.

    A damaged checkpoint is removed, and the earlier one used.

    Args:
        task: which cell, and whether a checkpoint of another environment may be used.
        parts: of the cell; what is trained is built anew for each checkpoint that is tried.
        here: the environment of this process.
        store: the results folder.
        note: told of each checkpoint that is not used.

    Returns:
        None where there is no checkpoint to go on from.

    Raises:
        OtherEnvironment: the checkpoint is of another environment, and must not be used or does not fit.
        StoreError: a damaged checkpoint cannot be removed.
    """
    cell = task.cell
    for path in store.checkpoints(cell.id):
        built = parts.fresh()
        trainer = build_trainer(built, task.environment.engine)
        changes: list[str] = []
        try:
            tensors, record = store.read_checkpoint(path, size_limit(trainer.state()[0], _FACTOR))
            history = checkpoint_history(store, cell, record)
            changes = history.differences(here)
            if changes and not task.keep_stale:
                raise OtherEnvironment
            best = split_best(tensors, record, best_protocol(built))
            trainer.restore(tensors, record["training"])
            seconds = float(record["seconds"])
            if not (0 <= trainer.step <= cell.train.steps and 0 <= seconds < math.inf):
                raise ValueError(f"step {trainer.step}, {seconds} seconds")
            rows = [row for row in store.scores(cell.id) if row["step"] <= trainer.step]
        except Exception as error:
            if changes:
                # It is whole, as its checksum says, and what was trained is nowhere else.
                unwanted = isinstance(error, OtherEnvironment)
                cannot = "" if unwanted else f" and does not fit this one: {error!r}"
                raise OtherEnvironment(
                    f"{path}: made in another environment ({'; '.join(changes)}){cannot}; --rerun stale "
                    "starts the cell over, --keep-stale goes on from it where it fits"
                ) from None
            # It must not push the earlier one out when the next is written.
            store.drop_checkpoint(path)
            what = error if isinstance(error, StoreError) else f"{path}: does not fit this cell: {error!r}"
            note(f"{what}; not used")
            continue
        constant = record.get("constant") is True
        history = history.continued(here, trainer.step)
        return Resumed(built, trainer, history, seconds, rows, constant, record.get("cost"), best)
    return None


def checkpoint_history(store: Store, cell: Cell, checkpoint: Mapping[str, Any]) -> History:
    """Read the environments that led to a checkpoint from its record.

    Raises:
        ValueError: the checkpoint is another cell's, or does not say.
    """
    if checkpoint.get("cell") != cell.id:
        raise ValueError(f"it is of cell {checkpoint.get('cell')}")
    record: Mapping[str, Any] = {}
    with contextlib.suppress(StoreError):
        record = store.cell(cell.id)
    return History.from_checkpoint(checkpoint, record, cell.dataset.label)


def checkpoint_changes(store: Store, cell: Cell, now: Environment) -> list[str]:
    """Name what has changed since the checkpoint was made from which a run would go on.

    Reads the checkpoint's record alone. Where it is damaged further on, the worker finds out.

    Returns:
        A phrase each; empty where nothing has, or where there is no checkpoint that can be read.
    """
    for path in store.checkpoints(cell.id):
        with contextlib.suppress(StoreError, ValueError):
            return checkpoint_history(store, cell, read_record(path)).differences(now)
    return []


def load_generator(store: Store, parts: CellParts, best: KeptBest | None = None) -> nn.Module:
    """Load a cell's stored weights into the generator of its parts, on their device.

    Args:
        store: the results folder.
        parts: of the cell.
        best: given, the weights are those that were kept as the best; else the final ones.

    Raises:
        StoreError: there are none, they are damaged, or they do not fit.
        Unsupported: the players cannot be built.
    """
    cell, generator = parts.cell, parts.players.generator.to(torch.device(parts.device))
    if cell.train.precision == "float64":
        generator.double()
    lay_out(generator, batch_format(cell.train.memory_format, networks_of(parts.players)))
    try:
        limit = size_limit(generator.state_dict(), 2)
        generator.load_state_dict(store.generator(cell.id, limit, best=best is not None))
    except RuntimeError as error:
        raise StoreError(
            f"{store.path}: the weights of {cell.id} do not fit {cell.architecture.label}"
        ) from error
    tell_step(generator, cell.train.steps if best is None else best.step, cell.train.steps)
    return generator


def size_limit(state: Mapping[str, Tensor], factor: int) -> int:
    """Give the bytes that a file with these tensors, or `factor` times as much, may have."""
    return factor * sum(tensor.nbytes for tensor in state.values()) + _SLACK
