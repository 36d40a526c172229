"""Turns in which the discriminator gives the scores that a check wants, and what losses make of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ganbench.api.updates import Turn
from ganbench.catalog.faults import Part, calling
from ganbench.errors import PluginError
from ganbench.runner.trial_rounds import TrialGame
from ganbench.scoring import seeded
from ganbench.training import CellGame, Objective

CPU = torch.device("cpu")
Change = Callable[[str, Tensor], Tensor]
"""Takes `real`, `fake` or `other` (neither of the two) and raw scores; gives those that D is to give."""


class PlantedGame(CellGame):
    """A game whose discriminator gives other scores than its network does; gradients pass through it.

    Attributes:
        change: gives the scores.
        given: the scores that were given in this turn, by whose they are.
    """

    change: Change = staticmethod(lambda _, raw: raw)
    given: dict[str, list[Tensor]]

    def score(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See Game.score; the scores are those of `change`."""
        raw = super().score(x, condition)
        side = "real" if x is self._real else "fake" if x is self._fake else "other"
        scores = self.change(side, raw)
        if scores.requires_grad:
            scores.retain_grad()
        self.given.setdefault(side, []).append(scores)
        return scores

    def restart(self) -> None:
        """Forget states and draws, as before the first turn."""
        self.given = {}
        self.states.clear()
        self._initial_states.clear()
        self._stream.manual_seed(0)
        if self._augmentation_stream is not None:
            self._augmentation_stream.manual_seed(1)


def planted(real: Tensor, fake: Tensor) -> Change:
    """Put scores in the place of those that the network gives.

    Args:
        real: (batch,) or (batch, outputs), of the real batch and of all that is not the generated one.
        fake: the same of the generated batch.
    """

    def change(side: str, raw: Tensor) -> Tensor:
        wanted = (fake if side == "fake" else real).to(raw.dtype)
        if wanted.ndim == 1:
            # The first output against the others: a logit that is a difference follows.
            signs = torch.ones(raw.shape[1], dtype=raw.dtype)
            signs[1:] = -1
            wanted = wanted[:, None] * signs
        # Where a discriminator packs samples it gives fewer scores.
        return raw - raw.detach() + wanted[: len(raw)]

    return change


@dataclass(kw_only=True)
class Played:
    """What one turn gave.

    Attributes:
        value: of the loss or the penalty, a scalar.
        scores: gradients with respect to raw scores, by whose they are, each (batch, outputs).
        logits: the direction in which the logit of each of those scores grows, likewise; empty without one.
        players: gradients of the parameters, by player; None where there is none.
        changed: players whose parameters were changed by the plugin.
        thawed: players whose turn it was not and whose parameters require a gradient.
    """

    value: Tensor
    scores: dict[str, Tensor] = field(default_factory=dict)
    logits: dict[str, Tensor] = field(default_factory=dict)
    players: dict[str, list[Tensor | None]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    thawed: list[str] = field(default_factory=list)

    @property
    def finite(self) -> bool:
        """Whether the value and all gradients are."""
        gradients = [one for each in self.players.values() for one in each if one is not None]
        tensors = [self.value, *self.scores.values(), *gradients]
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)

    def reaches(self, player: str) -> bool:
        """Tell whether any gradient of a player's parameters is other than 0."""
        return any(one is not None and bool(one.any()) for one in self.players[player])


Value = Callable[[CellGame, Objective], Tensor]


class PlantedTurns:
    """Turns of one game, each from the start: same weights, same batch, same draws, no state.

    Attributes:
        game: the game, whose scores are to be changed.
        objective: its loss.
        terms: its penalties.
    """

    def __init__(self, trial: TrialGame, part: Part) -> None:
        """Build the game, once.

        Args:
            trial: of the type PlantedGame.
            part: the loss or the penalty that is called.

        Raises:
            PluginError: it cannot be built.
        """
        self._part = part
        with seeded(0, CPU):
            game, self.objective, self.terms = trial.begin()
            assert isinstance(game, PlantedGame)
            self.game = game
            self._batch = trial.turn(game, 0)
        players = game.players
        self._modules = {"discriminator": players.discriminator, "generator": players.generator}
        self._begun = {
            name: [each.detach().clone() for each in module.parameters()]
            for name, module in self._modules.items()
        }

    def play(
        self, turn: Turn, change: Change, value: Value, hook: str, moves: Sequence[Tensor | None] = ()
    ) -> Played:
        """Play one turn and differentiate its value.

        Args:
            turn: whose turn it is.
            change: gives the scores.
            value: calls the loss or the penalty.
            hook: which of its methods that is.
            moves: added to the parameters of the player whose turn it is, before it.

        Raises:
            PluginError: the plugin's code raises, or gives no scalar.
            Unsupported: it does not fit.
        """
        with seeded(0, CPU):
            before = self._restart(turn, change, moves)
            with calling(self._part, hook):
                found = value(self.game, self.objective)
                if not isinstance(found, Tensor) or found.ndim:
                    raise PluginError(self._part.fault("must give a scalar tensor", hook))
                if found.requires_grad:
                    found.backward()  # type: ignore[no-untyped-call]
            played = Played(value=found.detach())
            for name, module in self._modules.items():
                played.players[name] = [each.grad for each in module.parameters()]
                now = [each.detach() for each in module.parameters()]
                if not all(torch.equal(one, other) for one, other in zip(before[name], now, strict=True)):
                    played.changed.append(name)
                if name != turn and any(each.requires_grad for each in module.parameters()):
                    played.thawed.append(name)
            _note_scores(played, self.game)
        return played

    def _restart(self, turn: Turn, change: Change, moves: Sequence[Tensor | None]) -> dict[str, list[Tensor]]:
        """Begin a turn, and return the players' parameters as they are then."""
        self.game.restart()
        self.game.change = change
        with torch.no_grad():
            for name, module in self._modules.items():
                for parameter, start in zip(module.parameters(), self._begun[name], strict=True):
                    parameter.grad = None
                    parameter.copy_(start)
            for parameter, move in zip(self._modules[turn].parameters(), moves, strict=False):
                if move is not None:
                    parameter.add_(move)
        self.game.begin(turn, *self._batch)
        if not any(move is not None for move in moves):
            return self._begun
        return {
            name: [each.detach().clone() for each in module.parameters()]
            for name, module in self._modules.items()
        }


def _note_scores(played: Played, game: PlantedGame) -> None:
    for side, given in game.given.items():
        if side == "other":
            continue
        gradients = [scores.grad for scores in given if scores.grad is not None]
        if gradients:
            played.scores[side] = torch.stack([each.detach() for each in gradients]).sum(0)
        if game.has_logit:
            scores = given[0].detach().requires_grad_()
            with torch.enable_grad():
                (played.logits[side],) = torch.autograd.grad(game.logit(scores).sum(), scores)


def equal_numbers(one: Iterable[Tensor], other: Iterable[Tensor]) -> bool:
    """Tell whether two series are of the same length and equal but for rounding; ends early."""
    absent = torch.empty(0)
    return all(
        mine.shape == theirs.shape
        and bool(((mine - theirs).abs() <= 100 * rounding(torch.maximum(mine.abs(), theirs.abs()))).all())
        for mine, theirs in itertools.zip_longest(one, other, fillvalue=absent)
    )


def rounding(value: Tensor) -> Tensor:
    """Bound what rounding may change of values of about this size, or of 1."""
    share = 1e-9 if value.dtype == torch.float64 else 1e-6
    return share * value.detach().abs().clamp(min=1)
