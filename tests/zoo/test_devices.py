"""Every built-in part of a game away from the CPU, on machines that have nothing but a CPU.

On `meta`, which has shapes and no values, whole rounds are played: what asks for a value on the way, as
`.item()` does, raises. Under FakeTensorMode the forward passes run on a pretended GPU: tensors that were left
on the CPU raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from listed_objectives import PENALTIES
from parts_here import parts
from test_names_trained import ARCHITECTURES, DIGITS, OF_IMAGES, RING, SUITED
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench import Penalty, Players, Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError
from ganbench.grid import Cell, Choice, read_grid
from ganbench.grid.seeds import Streams
from ganbench.training import CellGame, PenaltyTerm, Trainer
from ganbench.training.batch_dependence import couples_samples
from ganbench.training.trained_networks import own_tensors

CPU, CUDA, META = (torch.device(name) for name in ("cpu", "cuda", "meta"))
LOSSES = [entry.name for entry in load_catalog().entries("loss") if entry.plugin.distribution == "ganbench"]
BATCH = 4


class Together:
    """All penalties at once: each meets each loss and architecture, in a fifth of the time."""

    def __init__(self) -> None:
        self._penalties = [load_catalog().build("penalty", name, {}) for name in PENALTIES if name != "none"]

    def __call__(self, game: Any) -> Tensor:
        total: Tensor = sum(penalty(game) for penalty in self._penalties)
        return total


class Pretended(CellGame):
    """A game without backward passes, which need a device that is there."""

    def gradient(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return x * function(x)


def _cell(architecture: str, loss: str) -> Cell:
    grid = read_grid(
        {
            "name": "devices",
            "seeds": 1,
            "axes": {
                "dataset": [DIGITS if architecture in OF_IMAGES else RING],
                "architecture": [{"name": architecture, **ARCHITECTURES[architecture]}],
                "loss": [loss],
            },
            "train": {
                "steps": 3,
                "batch_size": BATCH,
                "diagnostics_every": 1,
                "ema": 0.9,
                "schedule": "cosine",
            },
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def _players(cell: Cell) -> Players:
    """The players, with what the probe of their discriminator says on the CPU."""
    players = parts(cell).players
    samples = parts(cell).train
    coupled = couples_samples(players, parts(cell).dataset.signature, CPU, samples.labels)
    return replace(players, couples_samples=coupled)


def _penalties(cell: Cell) -> list[Penalty]:
    none: Penalty = load_catalog().build("penalty", "none", {})
    # Their scores have no logit, which the others need.
    return [none] if cell.loss.name in ("began", "elbo") else [none, Together()]


def _fitting(architecture: str) -> list[Cell]:
    """The cells of an architecture and each loss that it can be trained with."""
    fitting = []
    for loss in LOSSES:
        cell = _cell(architecture, loss)
        try:
            _play_forward(cell, _players(cell), _penalties(cell)[0], CPU)
        except (GanbenchError, Unsupported):
            continue
        fitting.append(cell)
    return fitting


def _play_forward(cell: Cell, players: Players, penalty: Penalty, device: torch.device) -> None:
    """Both turns without a backward pass, and the samples that scoring would draw."""
    objective = parts(cell).loss
    signature = parts(cell).dataset.signature
    condition = torch.zeros(BATCH, dtype=torch.int64, device=device) if players.conditional else None
    game = Pretended(
        players,
        objective.loss,
        couples_samples=bool(players.couples_samples),
        loss_stream=torch.Generator(),
        device=device,
        steps=cell.train.steps,
        dtype=torch.float32,
        outputs=objective.outputs,
        augmentation=parts(cell).augmentation,
        augmentation_stream=torch.Generator(),
    )
    real = torch.zeros(BATCH, *signature.shape, device=device)
    noise = torch.zeros(BATCH, players.noise.size, device=device)
    game.begin("discriminator", real, condition, noise)
    loss_d = objective.loss.discriminator_loss(game) + penalty(game)
    game.begin("generator", real, condition, noise)
    loss_g = objective.loss.generator_loss(game)
    with torch.no_grad():
        samples = players.generator.eval()(noise, *(() if condition is None else (condition,)))
    assert {tensor.device.type for tensor in (loss_d, loss_g, samples)} == {device.type}


def _play_on_meta(cell: Cell, penalty: Penalty) -> None:
    """A whole training; every tensor that it leaves must be there."""
    trainer = Trainer(
        settings=cell.train,
        players=_players(cell),
        objective=parts(cell).loss,
        penalties=[PenaltyTerm(penalty=penalty)],
        augmentation=parts(cell).augmentation,
        signature=parts(cell).dataset.signature,
        samples=parts(cell).train,
        streams=Streams.of(cell),
        device=META,
        stream_device=CPU,
        watch=False,
    )
    trainer.advance(cell.train.steps)
    assert trainer.step == cell.train.steps
    (step,) = trainer.train_steps
    modules = [learner.module for learner in step.learners.values()]
    tensors = [tensor for module in modules for _, tensor in own_tensors(module)]
    tensors += [*step.game.states.values(), *trainer.scored_generator.parameters()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rounds_are_played_without_a_look_at_a_value(architecture: str) -> None:
    cells = _fitting(architecture)
    assert {cell.loss.name for cell in cells} >= {
        loss for loss, suited in SUITED.items() if architecture in suited
    }
    assert cells
    for cell in cells:
        for penalty in _penalties(cell):
            _play_on_meta(cell, penalty)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_tensor_is_left_on_the_cpu(architecture: str) -> None:
    for cell in _fitting(architecture):
        players, penalties = _players(cell), _penalties(cell)
        with FakeTensorMode(allow_non_fake_inputs=True):
            for module in (players.generator, players.discriminator):
                module.to(CUDA)
            for penalty in penalties:
                _play_forward(cell, players, penalty, CUDA)


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in load_catalog().entries("augmentation")])
def test_augmentations_play_there_too(name: str) -> None:
    images = Choice("digits", {"size": 8})
    cell = replace(_cell("mlp", "non_saturating"), dataset=images, augmentation=Choice(name))
    for penalty in _penalties(cell):
        _play_on_meta(cell, penalty)
    players = _players(cell)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in (players.generator, players.discriminator):
            module.to(CUDA)
        for penalty in _penalties(cell):
            _play_forward(cell, players, penalty, CUDA)


def test_a_tensor_that_is_left_on_the_cpu_raises() -> None:
    cell = _cell("mlp", "minimax")

    class Left:
        def __call__(self, game: Any) -> Tensor:
            return (game.score(game.real) * torch.ones(BATCH, 1)).mean()

    players = _players(cell)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in (players.generator, players.discriminator):
            module.to(CUDA)
        with pytest.raises(RuntimeError, match="same device"):
            _play_forward(cell, players, Left(), CUDA)
