"""Small rounds of a cell's game, played before anything trains to watch what plugins do in them."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from ganbench.api import Players
from ganbench.api.updates import Turn
from ganbench.catalog.faults import Part, calling
from ganbench.errors import PluginError
from ganbench.grid import Choice
from ganbench.grid.choice import NONE
from ganbench.runner.build import CellParts, build_loss
from ganbench.runner.global_draws import GlobalDraws
from ganbench.runner.preflight import autocast, batch_of, number_type, players_misfit
from ganbench.runner.untrained import common, outside, refuse_idle, refuse_untrained
from ganbench.scoring import seeded
from ganbench.training import (
    CellGame,
    Objective,
    PenaltyTerm,
    PlayersMisfit,
    networks_of,
    settle_networks,
    tell_step,
    trained_networks,
    values_of,
)
from ganbench.training.part_game import PartGame

# Of the steps between rounds; any that moves the weights will do.
_RATE = 1e-3

Values = list[tuple[Tensor, ...]]


@dataclass(kw_only=True)
class TrialResult:
    """What was seen in some rounds.

    Attributes:
        names: of the values of a round.
        values: of each round, the discriminator's loss, the penalties and the generator's loss.
        drew: parts that drew from a global generator that no checkpoint holds, and from which.
        drew_torchs: parts other than networks that drew from torch's global generator.
        changing: attributes of losses, penalties and augmentations that still changed in the last round, by
            kind.
    """

    names: tuple[str, ...]
    values: Values = field(default_factory=list)
    drew: dict[Part, str] = field(default_factory=dict)
    drew_torchs: set[Part] = field(default_factory=set)
    changing: dict[str, list[str]] = field(default_factory=dict)


class TrialGame:
    """A cell's game with one of its losses, which can be played from the start as often as asked.

    Attributes:
        game_type: makes the game; another one than that of trainings where scores are to be changed.
    """

    game_type: type[CellGame] = CellGame

    def __init__(
        self, parts: CellParts, choice: Choice, plugins: Sequence[Part], device: torch.device, batch: int
    ) -> None:
        """Prepare; builds nothing yet.

        Args:
            parts: of the cell; what is played is built anew each time.
            choice: its loss.
            plugins: the parts that distributions other than ganbench provide.
            device: where to play.
            batch: samples in a batch.
        """
        self._parts = parts
        self._cell = cell = parts.cell
        self._choice = choice
        self._plugins = tuple(plugins)
        self._device = device
        self._batch = batch
        self._dtype = number_type(cell)
        self._loss = parts.shared.part("loss", choice)
        self._penalties = [parts.shared.part("penalty", choice) for choice in cell.penalty.parts]
        self._architecture = parts.shared.part("architecture", cell.architecture)
        augments = cell.augmentation != NONE
        self._augments = parts.shared.part("augmentation", cell.augmentation) if augments else None
        self._played = 0
        # Networks beside the players that were called, and all that a gradient has reached.
        self._called: set[str] = set()
        self._reached: set[str] = set()

    def pack(self) -> int:
        """Count the samples that the discriminator judges as one."""
        with seeded(0, self._device), torch.no_grad():
            game, _, _ = self.begin()
            game.begin("discriminator", *self.turn(game, 0))
            return self._batch // max(len(game.score(game.real)), 1)

    def play(self, rounds: int, fresh: frozenset[str] = frozenset()) -> TrialResult:
        """Play from the start; every stream of the cell gives the same numbers each time.

        Args:
            rounds: how many.
            fresh: kinds of parts that are built anew after the first round, as a resume does: they keep
                what a checkpoint holds, tensors of networks and `game.state`.

        Raises:
            PluginError: code of a plugin raised, or a player cannot learn by what it gives.
            Unsupported: the parts do not fit.
        """
        seen = TrialResult(names=self._names)
        parameters: list[nn.Parameter] = []
        with seeded(0, self._device):
            # What belongs to no stream of the cell is something else in each run.
            self._played += 1
            np.random.seed(self._played)
            random.seed(self._played)
            game, objective, terms = self.begin()
            draws = GlobalDraws(self._device)
            for index in range(rounds):
                if index == 1:
                    game, objective, terms = self._resumed(game, objective, terms, fresh)
                penalties = [term.penalty for term in terms]
                held: dict[str, object] = {"loss": objective.loss}
                held["penalty"] = penalties if len(terms) > 1 else penalties[0]
                held["augmentation"] = self._augmentation
                kinds = [part.kind for part in self._plugins if part.kind in held]
                before = {kind: values_of(held[kind]) for kind in kinds}
                with draws.by_networks_of(game.players):
                    values, reached = self._round(game, objective, terms, index, draws, seen)
                seen.values.append(values)
                seen.changing = {}
                for kind, was in before.items():
                    now = values_of(held[kind])
                    if names := [name for name in {**was, **now} if was.get(name) != now.get(name)]:
                        seen.changing[kind] = names
                if index < 2:
                    # One that is made anew in each turn is not there to be trained.
                    parameters = reached if index == 0 else common(parameters, reached)
                if index == 1:
                    refuse_untrained(parameters, self._plugins)
                    idle = [one for one in self._trained if one.name not in self._reached]
                    refuse_idle(idle, self._called, self._architecture, self._loss)
        return seen

    @property
    def _names(self) -> tuple[str, ...]:
        """What the values of a round are, in their order."""
        several = len(self._penalties) > 1
        penalties = (f"the penalty {part.label!r}" if several else "the penalty" for part in self._penalties)
        return "the discriminator's loss", *penalties, "the generator's loss"

    def begin(self) -> tuple[CellGame, Objective, Sequence[PenaltyTerm]]:
        """Build the game anew, before its first turn, with its loss and its penalties."""
        built = self._parts.fresh()
        objective, terms = build_loss(built, self._choice), built.penalties
        stream = torch.Generator(self._device).manual_seed(0)
        self._streams = [torch.Generator(self._device).manual_seed(index) for index, _ in enumerate(terms, 1)]
        self._augmentation = built.augmentation
        self._augmentation_stream = torch.Generator(self._device).manual_seed(len(terms) + 1)
        return self._game(built.players, objective, terms, stream), objective, terms

    def _game(
        self,
        players: Players,
        objective: Objective,
        terms: Sequence[PenaltyTerm],
        stream: torch.Generator,
    ) -> CellGame:
        for module in networks_of(players):
            module.to(self._device, self._dtype).train()
            tell_step(module, 0, self._cell.train.steps)
        for held in (objective.loss, *(term.penalty for term in terms), self._augmentation):
            settle_networks(held, self._device, self._dtype)
        for name, extra in players.extra.items():
            extra.module.register_forward_hook(functools.partial(self._note_call, f"extra.{name}"))
        self._trained = trained_networks(players, {"loss": objective.loss})
        self._stream = stream
        return self.game_type(
            players,
            objective.loss,
            couples_samples=True,
            loss_stream=stream,
            device=self._device,
            steps=self._cell.train.steps,
            dtype=self._dtype,
            outputs=objective.outputs,
            augmentation=self._augmentation,
            augmentation_stream=self._augmentation_stream,
            trained=self._trained,
        )

    def _note_call(self, name: str, *_: object) -> None:
        self._called.add(name)

    def _resumed(
        self,
        game: CellGame,
        objective: Objective,
        terms: Sequence[PenaltyTerm],
        fresh: frozenset[str],
    ) -> tuple[CellGame, Objective, Sequence[PenaltyTerm]]:
        if not fresh:
            return game, objective, terms
        built = self._parts.fresh()
        if "loss" in fresh:
            objective = build_loss(built, self._choice)
        if "penalty" in fresh:
            terms = built.penalties
        if "augmentation" in fresh:
            self._augmentation = built.augmentation
        trained = self._trained
        for one in trained:
            for parameter in one.parameters:
                # As before the first turn, which froze some.
                parameter.requires_grad_()
        players = built.players if "architecture" in fresh else game.players
        resumed = self._game(players, objective, terms, self._stream)
        for mine, theirs in zip(self._trained, trained, strict=True):
            if mine.module is not theirs.module:
                mine.copy_from(theirs)
        resumed.states = game.states
        resumed.set_step(int(game.step))
        return resumed, objective, terms

    def turn(self, game: CellGame, index: int) -> tuple[Tensor, Tensor | None, Tensor]:
        """Give the real samples, condition and noise of one round, as `CellGame.begin` takes them."""
        data = self._parts.train
        spare = len(data) - self._batch + 1
        start = index * self._batch % spare
        real, condition = batch_of(data, slice(start, start + self._batch), self._device, self._dtype)
        stream = torch.Generator().manual_seed(index)
        noise = torch.rand(self._batch, game.players.noise.size, generator=stream)
        return real, condition, noise.to(self._device, self._dtype)

    def _round(
        self,
        game: CellGame,
        objective: Objective,
        terms: Sequence[PenaltyTerm],
        index: int,
        draws: GlobalDraws,
        seen: TrialResult,
    ) -> tuple[tuple[Tensor, ...], list[nn.Parameter]]:
        """Play one turn of each player; return the values, and the parameters outside both players."""
        loss, turn = objective.loss, self.turn(game, index)
        game.begin("discriminator", *turn)
        with self._watched(self._loss, "discriminator_loss", draws, seen):
            value_d = loss.discriminator_loss(game)
        extras = self._extras(game, terms, "discriminator", draws, seen)
        reached = outside(self._trained, value_d, *extras.values())
        gradients = self._gradients("discriminator", value_d, self._loss, "discriminator_loss")
        _descend(self._learning("discriminator"), self._added(gradients, "discriminator", extras))
        if self._augments is not None:
            with self._watched(self._augments, "after_discriminator_scores", draws, seen):
                game.tell_augmentation()
        after = getattr(loss, "after_discriminator_step", None)
        if after is not None:
            with self._watched(self._loss, "after_discriminator_step", draws, seen), torch.no_grad():
                after(game.players.discriminator)
        game.begin("generator", *turn)
        with self._watched(self._loss, "generator_loss", draws, seen):
            value_g = loss.generator_loss(game)
        others = self._extras(game, terms, "generator", draws, seen)
        reached += outside(self._trained, value_g, *others.values())
        gradients = self._gradients("generator", value_g, self._loss, "generator_loss")
        _descend(self._learning("generator"), self._added(gradients, "generator", others))
        game.end_round()
        extras |= others
        values = (value_d, *(extras[place] for place in sorted(extras)), value_g)
        return tuple(value.detach().cpu().clone() for value in values), reached

    def _extras(
        self,
        game: CellGame,
        terms: Sequence[PenaltyTerm],
        player: str,
        draws: GlobalDraws,
        seen: TrialResult,
    ) -> dict[int, Tensor]:
        """Compute the penalties of a player's loss, by their place among the terms."""
        found = {}
        for place, (term, part) in enumerate(zip(terms, self._penalties, strict=True)):
            if term.player == player:
                view = game if len(terms) == 1 else PartGame(game, self._streams[place], f"penalty{place}")
                with self._watched(part, "__call__", draws, seen):
                    found[place] = term.penalty(view)
        return found

    def _learning(self, player: Turn) -> list[nn.Parameter]:
        return [each for one in self._trained if one.learns_with == player for each in one.parameters]

    def _added(self, gradients: list[Tensor], player: Turn, extras: Mapping[int, Tensor]) -> list[Tensor]:
        """Add the gradients of penalties to those of a player's loss."""
        for place, extra in extras.items():
            if extra.requires_grad:
                more = self._gradients(player, extra, self._penalties[place], "__call__")
                gradients = [one + other for one, other in zip(gradients, more, strict=True)]
        return gradients

    def _gradients(self, player: Turn, value: Tensor, part: Part, hook: str) -> list[Tensor]:
        learning = self._learning(player)
        if not learning:
            return []
        if not value.requires_grad:
            blamed = next((one for one in (part, self._architecture) if one.foreign), part)
            raise PluginError(
                blamed.fault("gives a value without a gradient: its player could not learn by it", hook)
            )
        with self._named(part, f"backward of {hook}"):
            # As training does, through everything that the value depends on.
            value.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        self._reached |= {
            one.name for one in self._trained if any(each.grad is not None for each in one.parameters)
        }
        found = []
        for parameter in learning:
            found.append(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
            parameter.grad = None
        return found

    @contextmanager
    def _watched(self, part: Part, hook: str, draws: GlobalDraws, seen: TrialResult) -> Iterator[None]:
        """Run a part's code: name what it raises, and note what it draws from global generators."""
        draws.restart()
        with autocast(self._cell, self._device), self._named(part, hook):
            yield
        if self._architecture.foreign and draws.unsaved_by_networks:
            seen.drew[self._architecture] = " and ".join(sorted(draws.unsaved_by_networks))
        if not part.foreign:
            return
        # Where networks draw nothing, checkpoints hold this generator and no other draw depends on it.
        if draws.moved():
            seen.drew_torchs.add(part)
            if draws.networks_drew:
                raise PluginError(
                    part.fault(
                        "draws random numbers outside of game.uniform and game.normal, from torch's global "
                        "generator: what networks draw (dropout) depends on it here, and seeds would be no "
                        "pairs",
                        hook,
                    )
                )
        if unsaved := draws.unsaved():
            seen.drew[part] = " and ".join(unsaved)

    @contextmanager
    def _named(self, part: Part, hook: str) -> Iterator[None]:
        # A built-in part is tested; with a plugin's networks it is they that fail.
        blamed = part
        if not part.foreign and self._architecture.foreign:
            blamed, hook = self._architecture, f"{hook} of {part.who}"
        try:
            with calling(blamed, hook, self._parts.named):
                yield
        except PlayersMisfit as refusal:
            raise players_misfit(refusal, part, self._architecture) from refusal


def _descend(learning: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for parameter, gradient in zip(learning, gradients, strict=False):
            parameter.sub_(gradient, alpha=_RATE)
