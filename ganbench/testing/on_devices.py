"""A cell played on devices that are not there: torch's `meta`, and a GPU that is pretended.

On `meta`, which has shapes and no values, whole rounds are played: what asks for a value on the way, as
`.item()` does, raises. Under FakeTensorMode the forward passes run on a pretended GPU: tensors that were left
on the CPU raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.api import Players
from ganbench.runner import CellParts
from ganbench.runner.build import trainer_arguments
from ganbench.training import CellGame, PenaltyTerm, Trainer, networks_of, settle_networks
from ganbench.training.batch_dependence import couples_samples

CPU, CUDA, META = (torch.device(name) for name in ("cpu", "cuda", "meta"))


class _ForwardGame(CellGame):
    """A game without backward passes, which need a device that is there."""

    def gradient(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return x * function(x)


def probed_players(parts: CellParts) -> Players:
    """Give the players of a cell, with what the probe of their discriminator says on the CPU."""
    players, samples = parts.players, parts.train
    condition = samples.condition if samples.condition is not None else samples.labels
    coupled = couples_samples(players, parts.dataset.signature, CPU, condition)
    return replace(players, couples_samples=coupled)


def play_on_meta(parts: CellParts, penalties: Sequence[PenaltyTerm] | None = None) -> None:
    """Train a cell, all its steps, on `meta`.

    Args:
        parts: of the cell; they are of no use afterwards.
        penalties: in the place of the cell's.

    Raises:
        RuntimeError: something asks for a tensor's value, or leaves a tensor on another device.
    """
    cell = parts.cell
    arguments = trainer_arguments(parts) | {"players": probed_players(parts)}
    if penalties is not None:
        arguments["penalties"] = penalties
    trainer = Trainer(**arguments, device=META, stream_device=CPU, watch=False)
    trainer.advance(cell.train.steps)
    (run,) = trainer.seed_runs
    step = run.step
    trained = [network for learner in step.learners.values() for network in learner.trained]
    tensors = [tensor for network in trained for _, tensor in network.tensors()]
    tensors += [*step.game.states.values(), *trainer.scored_generator.parameters()]
    if elsewhere := {tensor.device.type for tensor in tensors} - {"meta"}:
        raise RuntimeError(f"a tensor is left on {', '.join(sorted(elsewhere))}")


def play_pretended(parts: CellParts, penalties: Sequence[PenaltyTerm] | None = None) -> None:
    """Play the forward passes of both turns, and of the samples that are scored, on a pretended GPU.

    Args:
        parts: of the cell; they are of no use afterwards.
        penalties: in the place of the cell's.

    Raises:
        RuntimeError: tensors of two devices meet.
    """
    players = probed_players(parts)
    # Built before: what is made under the mode has no values.
    _ = parts.loss, parts.penalties, parts.augmentation, parts.train
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in networks_of(players):
            module.to(CUDA)
        play_forward(parts, players, CUDA, penalties)


def play_forward(
    parts: CellParts,
    players: Players,
    device: torch.device,
    penalties: Sequence[PenaltyTerm] | None = None,
) -> None:
    """Play both turns without a backward pass, and generate the samples that scoring would draw.

    Args:
        parts: of the cell.
        players: of the cell, on the device.
        device: where to play.
        penalties: in the place of the cell's.

    Raises:
        RuntimeError: tensors of two devices meet, or a value is left elsewhere.
    """
    objective, signature, samples = parts.loss, parts.dataset.signature, parts.train
    terms = parts.penalties if penalties is None else penalties
    batch = parts.cell.train.batch_size
    for held in (objective.loss, *(term.penalty for term in terms), parts.augmentation):
        settle_networks(held, device, torch.float32)
    pool = samples.condition if samples.condition is not None else samples.labels
    condition = None if pool is None else torch.zeros(batch, *pool.shape[1:], dtype=pool.dtype, device=device)
    game = _ForwardGame(
        players,
        objective.loss,
        couples_samples=bool(players.couples_samples),
        loss_stream=torch.Generator(),
        device=device,
        steps=parts.cell.train.steps,
        dtype=torch.float32,
        outputs=objective.outputs,
        augmentation=parts.augmentation,
        augmentation_stream=torch.Generator(),
    )
    real = torch.zeros(batch, *signature.shape, device=device)
    noise = torch.zeros(batch, players.noise.size, device=device)
    values = []
    game.begin("discriminator", real, condition, noise)
    values.append(objective.loss.discriminator_loss(game))
    values += [term.penalty(game) for term in terms if term.player == "discriminator"]
    game.begin("generator", real, condition, noise)
    values.append(objective.loss.generator_loss(game))
    values += [term.penalty(game) for term in terms if term.player == "generator"]
    with torch.no_grad():
        given = (condition,) if players.takes_condition("generator") else ()
        values.append(players.generator.eval()(noise, *given))
    if elsewhere := {value.device.type for value in values} - {device.type}:
        raise RuntimeError(f"a value is left on {', '.join(sorted(elsewhere))}")
