"""One batch through every part of a cell before anything trains, so that misfits are refused at the start."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.api import PenaltySpec, Players
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError, GridError, Unsupported
from ganbench.grid import Cell, Choice
from ganbench.runner.materials import dataset_of, objective_of, penalty_of, players_of, samples_of
from ganbench.training import CellGame, global_stream

_CPU = torch.device("cpu")
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


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
    players, penalty = players_of(cell), penalty_of(cell)
    objectives = {choice.label: objective_of(cell, choice) for choice in _losses(cell)}
    where = f"architecture {cell.architecture.label!r} on dataset {cell.dataset.label!r}"
    data = samples_of(cell.dataset, "train")
    x = data.x[:batch].float()
    real = x / 127.5 - 1 if data.x.dtype == torch.uint8 else x
    pool = data.condition if data.condition is not None else data.labels
    condition = None if pool is None else pool[:batch]
    if players.conditional and condition is None:
        raise Unsupported(f"{where}: the players take a condition and the data have none")
    _refuse_single_rows(players, f"{where}, train.batch_size = {batch}")
    noise = torch.rand(batch, players.noise.size)
    for label, objective in objectives.items():
        game = CellGame(
            players,
            objective.loss,
            couples_samples=True,
            loss_stream=torch.Generator().manual_seed(0),
            device=_CPU,
            dtype=torch.float32,
            outputs=objective.outputs,
        )
        if _needs_logit(cell.penalty) and not game.has_logit:
            raise Unsupported(
                f"penalty {cell.penalty.label!r} uses the loss's logit, and loss {label!r} has none"
            )
        game.begin("discriminator", real, condition, noise)
        _check_shapes(game, where, shape, label, objective.outputs)
        loss, of = objective.loss, f"loss {label!r}"
        _require_scalar(loss.discriminator_loss(game), f"{of}: discriminator_loss")
        _require_scalar(penalty(game), f"penalty {cell.penalty.label!r}")
        game.begin("generator", real, condition, noise)
        _require_scalar(loss.generator_loss(game), f"{of}: generator_loss")


def _losses(cell: Cell) -> list[Choice]:
    before = cell.train.loss_before_freeze
    return [cell.loss] if before is None else [before, cell.loss]


def _needs_logit(penalty: Choice) -> bool:
    spec = load_catalog().entry("penalty", penalty.name).spec
    return isinstance(spec, PenaltySpec) and spec.needs_logit


def _refuse_single_rows(players: Players, where: str) -> None:
    """Let batch normalisation object to a batch of one, whose statistics are no batch's."""

    def needs_two(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if module.training and len(inputs[0]) < 2:
            raise Unsupported(
                f"{where}: batch normalisation needs a batch of at least 2 samples, or packs of them; given 1"
            )

    for player in (players.generator, players.discriminator):
        for module in player.modules():
            if isinstance(module, _BATCH_NORMS):
                module.register_forward_pre_hook(needs_two)


def _check_shapes(game: CellGame, where: str, shape: tuple[int, ...], loss: str, outputs: int | None) -> None:
    made, batch = game.fake, len(game.real)
    if made.shape != (batch, *shape):
        raise GridError(f"{where}: the generator gives shape {tuple(made.shape)}, expected {(batch, *shape)}")
    scores = game.score(game.real)
    if scores.ndim != 2 or scores.shape[0] == 0 or batch % scores.shape[0]:
        raise GridError(
            f"{where}: the discriminator gives shape {tuple(scores.shape)}, expected (batch, outputs)"
        )
    if outputs is not None and scores.shape[1] != outputs:
        raise GridError(
            f"{where}: the discriminator has {_outputs(scores.shape[1])}, loss {loss!r} needs {outputs}"
        )


def _require_scalar(value: object, what: str) -> None:
    if not isinstance(value, Tensor):
        raise GridError(f"{what} must give a scalar tensor, given {type(value).__name__}")
    if value.ndim != 0:
        raise GridError(f"{what} must give a scalar, given shape {tuple(value.shape)}")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"
