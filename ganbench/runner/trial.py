"""One batch through every part of a cell before anything trains, so that misfits are refused at the start."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.errors import GanbenchError, GridError, Unsupported
from ganbench.grid import Cell
from ganbench.runner.materials import dataset_of, loss_of, loss_spec_of, penalty_of, players_of, samples_of
from ganbench.training import CellGame, global_stream

_CPU = torch.device("cpu")


def try_cell(cell: Cell) -> None:
    """Build the parts and play one batch without a step.

    An exception that a plugin's own code raises is left to the run, where it becomes the cell's `error`.

    Raises:
        Unsupported: the combination cannot be built; the cell is skipped.
        GridError: a part breaks its contract: a wrong shape, a wrong width, a loss that is not a scalar.
        DatasetError: the data is not there.
    """
    data = samples_of(cell.dataset, "train")
    batch = cell.train.batch_size
    if batch > len(data):
        raise GridError(
            f"train.batch_size: must be at most {len(data)}, the training samples of {cell.dataset.label}, "
            f"given {batch}"
        )
    try:
        with global_stream(0, _CPU):
            _play(cell, batch)
    except GanbenchError:
        raise
    except Exception:
        return


def _play(cell: Cell, batch: int) -> None:
    shape = dataset_of(cell.dataset).signature.shape
    outputs = loss_spec_of(cell).discriminator_outputs
    players = players_of(cell)
    loss, penalty = loss_of(cell), penalty_of(cell)
    where = f"architecture {cell.architecture.label!r} on dataset {cell.dataset.label!r}"
    data = samples_of(cell.dataset, "train")
    x = data.x[:batch].float()
    real = x / 127.5 - 1 if data.x.dtype == torch.uint8 else x
    pool = data.condition if data.condition is not None else data.labels
    condition = None if pool is None else pool[:batch]
    if players.conditional and condition is None:
        raise Unsupported(f"{where}: the players take a condition and the data have none")
    game = CellGame(
        players,
        loss,
        couples_samples=True,
        loss_stream=torch.Generator().manual_seed(0),
        device=_CPU,
        dtype=torch.float32,
        outputs=outputs,
    )
    noise = torch.rand(batch, players.noise.size)
    game.begin("discriminator", real, condition, noise)
    made = game.fake
    if made.shape != (batch, *shape):
        raise GridError(f"{where}: the generator gives shape {tuple(made.shape)}, expected {(batch, *shape)}")
    scores = game.score(real)
    if scores.ndim != 2 or scores.shape[0] == 0 or batch % scores.shape[0]:
        raise GridError(
            f"{where}: the discriminator gives shape {tuple(scores.shape)}, expected (batch, outputs)"
        )
    if outputs is not None and scores.shape[1] != outputs:
        raise GridError(
            f"{where}: the discriminator has {_outputs(scores.shape[1])}, "
            f"loss {cell.loss.label!r} needs {outputs}"
        )
    _require_scalar(loss.discriminator_loss(game), f"loss {cell.loss.label!r}: discriminator_loss")
    _require_scalar(penalty(game), f"penalty {cell.penalty.label!r}")
    game.begin("generator", real, condition, noise)
    _require_scalar(loss.generator_loss(game), f"loss {cell.loss.label!r}: generator_loss")


def _require_scalar(value: object, what: str) -> None:
    if not isinstance(value, Tensor):
        raise GridError(f"{what} must give a scalar tensor, given {type(value).__name__}")
    if value.ndim != 0:
        raise GridError(f"{what} must give a scalar, given shape {tuple(value.shape)}")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"
