"""The training of one cell before its first step, and the engine that plays it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganbench.grid import Cell
from ganbench.grid.seeds import Streams
from ganbench.runner.materials import dataset_of, objective_of, penalty_of, players_of, samples_of
from ganbench.training import AUTO, ENGINES, Engine, EngineChoice, Trainer, TrainStep, choose_engine


def trainer_of(cell: Cell, device: torch.device, engine: str = "eager") -> Trainer:
    """Build a cell's training at step 0, with everything that decides its bits; anew at each call.

    Args:
        cell: which.
        device: where to train.
        engine: resolved, as `settle_engine` gives it.

    Raises:
        DatasetError: the data is not there.
        Unsupported: the combination cannot be built.
    """
    before = cell.train.loss_before_freeze
    return Trainer(
        settings=cell.train,
        players=players_of(cell),
        objective=objective_of(cell, cell.loss),
        loss_before_freeze=None if before is None else objective_of(cell, before),
        penalty=penalty_of(cell),
        signature=dataset_of(cell.dataset).signature,
        samples=samples_of(cell.dataset, "train"),
        streams=Streams.of(cell),
        device=device,
        engine=ENGINES[engine],
    )


def settle_engine(
    cell: Cell,
    device: str,
    *,
    engines: Mapping[str, type[Engine]] = ENGINES,
    auto: Mapping[str, tuple[str, ...]] = AUTO,
) -> EngineChoice:
    """Choose the engine of a cell; its networks are built only where an engine has to be asked.

    Args:
        cell: which.
        device: where it is to be trained, as torch names it.
        engines: by name.
        auto: names that `auto` tries, by type of device.

    Raises:
        GridError: the engine that the cell asks for refuses it.
    """

    def make_steps() -> list[TrainStep]:
        try:
            return trainer_of(cell, torch.device(device)).train_steps
        except Exception:
            # The cell is skipped or fails, for a reason that is told elsewhere: no engine will play it.
            return []

    return choose_engine(cell.train.engine, torch.device(device), make_steps, engines=engines, auto=auto)
