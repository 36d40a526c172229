"""The training of one cell, before its first step."""

from __future__ import annotations

import torch

from ganbench.grid import Cell
from ganbench.grid.seeds import Streams
from ganbench.runner.materials import dataset_of, objective_of, penalty_of, players_of, samples_of
from ganbench.training import Seeds, Trainer


def trainer_of(cell: Cell, device: torch.device) -> Trainer:
    """A cell's training at step 0, with everything that decides its bits; one anew at each call.

    Args:
        cell: which.
        device: where to train.

    Raises:
        DatasetError: the data is not there.
        Unsupported: the combination cannot be built.
    """
    streams = Streams.of(cell)
    before = cell.train.loss_before_freeze
    return Trainer(
        settings=cell.train,
        players=players_of(cell),
        objective=objective_of(cell, cell.loss),
        loss_before_freeze=None if before is None else objective_of(cell, before),
        penalty=penalty_of(cell),
        signature=dataset_of(cell.dataset).signature,
        samples=samples_of(cell.dataset, "train"),
        seeds=Seeds(data=streams.data, noise=streams.noise, loss=streams.loss, network=streams.network),
        device=device,
    )
