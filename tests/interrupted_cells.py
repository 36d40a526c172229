"""Trainings of a cell, whole and interrupted, without a results folder or a report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from parts_here import parts
from torch import Tensor

from ganbench.grid import Cell
from ganbench.runner.build import build_trainer


def trained(cell: Cell, stops: Sequence[int] = ()) -> dict[str, Tensor]:
    """Train a cell to its last step, and return all tensors of its checkpoint.

    Args:
        cell: what is trained.
        stops: steps after which everything is built anew and restored from a checkpoint.
    """
    trainer = build_trainer(parts(cell))
    for step in stops:
        trainer.advance(step)
        tensors, record = trainer.state()
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        trainer = build_trainer(parts(cell))
        trainer.restore(tensors, json.loads(json.dumps(record)))
        assert trainer.step == step
    trainer.advance(cell.train.steps)
    return {name: tensor.detach() for name, tensor in trainer.state()[0].items()}


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """Name tensors that are not the same bits."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name].numpy().tobytes() != other[name].numpy().tobytes()]
