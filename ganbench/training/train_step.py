"""The parts of a training round, gathered for the engines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganbench.api import Loss, Penalty, UpdateRule
from ganbench.api.updates import Turn
from ganbench.grid import TrainSettings
from ganbench.grid.optimizer_settings import OptimizerSettings
from ganbench.training.cell_game import CellGame
from ganbench.training.diagnostics import StepLog
from ganbench.training.ema import EMA
from ganbench.training.feed import Feed
from ganbench.training.optimizers import BuildOptimizer, build_optimizer, optimizer_schedules
from ganbench.training.part_game import PartGame
from ganbench.training.trained_networks import TrainedNetwork


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A player with what learns in its turn, and their optimizer.

    Attributes:
        module: the player.
        trained: the player first, then networks beside it and losses.
        parameters: of all of these, those that have a gradient.
        optimizer: None where nothing learns.
        hyperparameters: the optimizer's, by the optimizer's names, where no schedule changes them.
        schedules: of the hyper-parameters that change: the value in the round that follows `step` rounds.
    """

    module: nn.Module
    trained: Sequence[TrainedNetwork]
    parameters: Sequence[nn.Parameter]
    optimizer: torch.optim.Optimizer | None
    hyperparameters: Mapping[str, Any]
    schedules: Mapping[str, Callable[[int], float]]

    @classmethod
    def of(
        cls,
        turn: Turn,
        trained: Sequence[TrainedNetwork],
        settings: TrainSettings,
        plugins: Mapping[str, BuildOptimizer],
    ) -> Self:
        """Gather what learns in a player's turn, and build its optimizer.

        Args:
            turn: the player's.
            trained: all that is trained.
            settings: the cell's [train].
            plugins: builds optimizers that are not torch's own, by name.
        """
        own = [one for one in trained if one.learns_with == turn]
        parameters = [parameter for one in own for parameter in one.parameters]
        player = f"{turn[0]}_optimizer"
        optimizer: OptimizerSettings = getattr(settings, player)
        return cls(
            module=own[0].module,
            trained=own,
            parameters=parameters,
            optimizer=build_optimizer(optimizer.name, optimizer.options(), parameters, plugins),
            hyperparameters=optimizer.options(),
            schedules=optimizer_schedules(player, settings),
        )


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss with the facts of its spec.

    Attributes:
        loss: the plugin's.
        outputs: raw scores that it takes for each sample, or None for any number.
        value: whether V(G, D) = -discriminator_loss, for the JSD estimate.
    """

    loss: Loss
    outputs: int | None
    value: bool

    @property
    def after_discriminator_step(self) -> Callable[[nn.Module], None] | None:
        """Return the loss's own change of D's weights, where it has one."""
        own: Callable[[nn.Module], None] | None = getattr(self.loss, "after_discriminator_step", None)
        return own


@dataclass(frozen=True, kw_only=True)
class PenaltyTerm:
    """A penalty with what its spec and the grid say of it.

    Attributes:
        penalty: the plugin's.
        player: whose loss it joins.
        every: it is added at each n-th update of that player, times n.
    """

    penalty: Penalty
    player: Turn = "discriminator"
    every: int = 1

    def is_due(self, update: int) -> bool:
        """Tell whether it is added at the update that follows so many of its player's."""
        return (update + 1) % self.every == 0


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """The parts of one seed's round, without its inputs; the same for every engine.

    Attributes:
        game: what losses and penalties see; it has the augmentation.
        objective: what is minimised.
        penalties: added to the players' losses, in this order, each with the stream that it draws from;
            None for the game's own stream.
        learners: by name; `discriminator` and `generator` are always there.
        update: in which order gradients are computed and applied.
        ema: moved after each round; None where there is none or the generator is frozen.
        autocast: type of autocast, or None.
        gradient_clip: largest norm of a player's gradient, or 0; longer ones are scaled down to it.
        accumulate: batches per update.
        generators: random streams from which the round itself draws; a capturing engine registers them.
    """

    game: CellGame
    objective: Objective
    penalties: Sequence[tuple[PenaltyTerm, torch.Generator | None]]
    learners: Mapping[str, Learner]
    update: UpdateRule
    ema: EMA | None
    autocast: torch.dtype | None
    gradient_clip: float
    accumulate: int
    generators: Mapping[str, torch.Generator]

    def losses(self, player: Turn, update: int | None = None) -> tuple[Tensor, Tensor]:
        """Compute a player's loss in the turn that the game is in, which must be that player's.

        Args:
            player: whose turn it is.
            update: updates of this player that were done before; penalties that are not due are left out.
                None for all penalties.

        Returns:
            The loss to minimise, penalties included, and the same without penalties; both scalars.
        """
        with self._autocast():
            loss = self.objective.loss
            if player == "generator":
                total = bare = loss.generator_loss(self.game)
            else:
                total = bare = loss.discriminator_loss(self.game)
            for index, (term, stream) in enumerate(self.penalties):
                if term.player == player and (update is None or term.is_due(update)):
                    game = self.game if stream is None else PartGame(self.game, stream, f"penalty{index}")
                    value = term.penalty(game)
                    total = total + (value if term.every == 1 else value * term.every)
            return total, bare

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.game.real.device.type, self.autocast)


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """The training of one seed as an engine sees it; an engine trains a group of them together.

    The runs of a group have equal settings and differ in their seed alone.

    Attributes:
        step: what a round consists of.
        feed: where its inputs come from.
        log: where its values go.
        seed: of the cell; an engine of several seeds gives each its place by it.
    """

    step: TrainStep
    feed: Feed
    log: StepLog
    seed: int = 0
