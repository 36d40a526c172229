"""The contract of losses."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench.api.updates import Turn
from ganbench.catalog.faults import Part
from ganbench.testing.findings import contract_check
from ganbench.testing.game_contract import GameContract
from ganbench.testing.planted_scores import PlantedTurns, Played, equal_numbers, planted, rounding
from ganbench.testing.stage import BATCH
from ganbench.training import CellGame, Objective

TURNS: tuple[Turn, ...] = ("discriminator", "generator")
_HOOKS: Mapping[Turn, str] = {"discriminator": "discriminator_loss", "generator": "generator_loss"}
_OTHER: Mapping[Turn, Turn] = {"discriminator": "generator", "generator": "discriminator"}
# Scores of (real, fake), as means of batches: D ahead, behind, unsure; within margins and beyond.
_LEVELS = ((0.3, -0.4), (-0.6, 0.5), (0.1, 0.2), (2.2, -1.7), (-1.9, 2.3))
_STEP = 1e-4


class LossContract(GameContract):
    """What a loss must hold to.

    Attributes:
        largest_score: raw scores up to which values and gradients must be finite; 1e4 unless given, and 1
            for a loss without a logit, whose scores may be anything.
    """

    kind = "loss"
    largest_score: ClassVar[float | None] = None

    @contract_check("Use softplus, logsigmoid, log_softmax or logsumexp for log, exp, sigmoid and sqrt.")
    def test_values_and_gradients_are_finite_at_extreme_scores(self) -> None:
        """Try scores of ±1e4, of 0 and ties, for either side and mixed."""
        self.require_playing()
        turns = self.planted_turns()
        for turn in TURNS:
            for told, change in self._extremes(turns):
                played = self._played(turns, turn, *change)
                if not played.finite:
                    what = "value" if not torch.isfinite(played.value) else "gradient"
                    self.fail_if(
                        [f"{_HOOKS[turn]} has a {what} that is not finite where scores are {told}"],
                        _HOOKS[turn],
                        "Use softplus, logsigmoid, log_softmax or logsumexp for log, exp, sigmoid, sqrt; a "
                        "contract may set largest_score.",
                    )

    @contract_check(
        "Compute each player's loss from the game alone: its scores, samples, gradients and states."
    )
    def test_gradients_reach_the_right_player_alone(self) -> None:
        """Require a gradient for a loss's own player and none for the other, and weights unchanged."""
        self.require_playing()
        turns = self.planted_turns()
        for turn in TURNS:
            hook, other = _HOOKS[turn], _OTHER[turn]
            plays = [self._played(turns, turn, *change) for change in _moderate()]
            problems = []
            if not any(played.reaches(turn) for played in plays):
                problems.append(f"{hook} has no gradient for the {turn}")
            if any(
                played.thawed or any(one is not None for one in played.players[other]) for played in plays
            ):
                problems.append(f"{hook} gives the {other} a gradient")
            changed = sorted({player for played in plays for player in played.changed})
            if changed:
                problems.append(f"{hook} changes weights of the {' and the '.join(changed)}")
            self.fail_if(
                problems,
                hook,
                f"The {turn}'s turn moves the {turn}: take game.scores(), game.score(x) and "
                "game.generate(z), and leave the networks' parameters alone.",
            )

    @contract_check("Let the sign of each loss make its player better.")
    def test_gradients_have_the_right_sign(self) -> None:
        """Require that a step lowers the loss, that D's tells real from fake, G's makes fake real."""
        self.require_playing()
        turns = self.planted_turns()
        for turn in TURNS:
            moves = [self._move(turns, turn, real, fake) for real, fake in _moderate()]
            known = [move for move in moves if move is not None]
            if known and not any(move > 0 for move in known):
                aim = (
                    "does not raise D's logit of real above that of generated samples"
                    if turn == "discriminator"
                    else "does not raise D's logit of generated samples"
                )
                self.fail_if(
                    [f"a step on {_HOOKS[turn]} {aim}, wherever the scores are"],
                    _HOOKS[turn],
                    "Turn the sign round: both methods give what is minimised; or mend `logit`.",
                )

    @contract_check("Use its name, or say in its summary or docstring of which loss it is a form.")
    def test_it_is_none_of_the_registered_losses(self) -> None:
        """Refuse the numbers of a registered loss, unless summary or docstring names that one."""
        self.require_playing()
        turns = self.planted_turns()
        own = list(self._fingerprint(turns))

        def alike(name: str) -> bool:
            stage = self.stage()
            other = Part.of(stage.catalog, "loss", name, name)
            return equal_numbers(own, self._fingerprint(self.planted_turns({"loss": name}, other)))

        same = self.same_as(alike)
        self.fail_if(
            [f"gives the numbers of the registered loss {same!r}"] if same else [],
            "",
            f"Use {same!r}, or name it in the summary or docstring; a contract may have like = [{same!r}].",
        )

    @contract_check("Keep the logit free of what penalties do: they differentiate it in the samples.")
    def test_it_plays_with_every_built_in_penalty(self) -> None:
        """Play a round with each built-in penalty, those that need a logit where it has one."""
        self.require_playing()
        game = self.planted_turns().game
        entries = self.stage().catalog.entries("penalty")
        usable = [
            entry for entry in entries if game.has_logit or not getattr(entry.spec, "needs_logit", True)
        ]
        names = self.built_in("penalty")
        self.plays_with("penalty", [entry.name for entry in usable if entry.name in names])

    def _played(self, turns: PlantedTurns, turn: Turn, real: Tensor, fake: Tensor) -> Played:
        return turns.play(turn, planted(real, fake), _value_of(turn), _HOOKS[turn])

    def _extremes(self, turns: PlantedTurns) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
        largest = self.largest_score or (1e4 if turns.game.has_logit else 1.0)
        high, low, zero = (torch.full((BATCH,), each) for each in (largest, -largest, 0.0))
        mixed = torch.where(torch.arange(BATCH) % 2 == 0, high, low)
        shown = f"{largest:g}"
        yield f"+{shown} for real and -{shown} for generated samples", (high, low)
        yield f"-{shown} for real and +{shown} for generated samples", (low, high)
        yield f"+{shown} for all", (high, high)
        yield f"-{shown} for all", (low, low)
        yield "0 for all", (zero, zero)
        yield f"+{shown} and -{shown} by turns", (mixed, -mixed)

    def _move(self, turns: PlantedTurns, turn: Turn, real: Tensor, fake: Tensor) -> float | None:
        """Say how far a step moves D's logit to where it should go; None where nothing tells.

        Raises:
            ContractFailure: the step raises the loss.
        """
        played = self._played(turns, turn, real, fake)
        if not played.scores:
            return None
        length = max(float(gradient.norm()) for gradient in played.scores.values())
        if not length or not torch.isfinite(played.value):
            return None
        value, moved = _value_of(turn), self._moved(played, real, fake, _STEP / length)
        after = turns.play(turn, moved, value, _HOOKS[turn]).value
        if after > played.value + rounding(played.value):
            self.fail_if(
                [f"{_HOOKS[turn]} rises from {played.value:.6g} to {after:.6g} along its own descent"],
                _HOOKS[turn],
                "Let the gradient be that of the value: look for .detach(), .data and functions of your own.",
            )
        if not played.logits:
            return None
        wanted = {"fake": 1.0} if turn == "generator" else {"real": 1.0, "fake": -1.0}
        sides = [side for side in wanted if side in played.scores]
        if not sides:
            return None
        return -sum(
            wanted[side] * float((played.logits[side] * played.scores[side]).sum()) / length for side in sides
        )

    def _moved(self, played: Played, real: Tensor, fake: Tensor, step: float) -> Any:
        base = planted(real, fake)

        def change(side: str, raw: Tensor) -> Tensor:
            scores = base(side, raw)
            return scores - step * played.scores[side] if side in played.scores else scores

        return change

    def _fingerprint(self, turns: PlantedTurns) -> Iterator[Tensor]:
        """Give a loss's values and gradients in all turns, and D's weights after its own change of them."""
        for turn in TURNS:
            for real, fake in _moderate():
                played = self._played(turns, turn, real, fake)
                yield played.value
                for side in sorted(played.scores):
                    yield played.scores[side]
        discriminator = copy.deepcopy(turns.game.players.discriminator)
        after = turns.objective.after_discriminator_step
        if after is not None:
            with torch.no_grad():
                after(discriminator)
        yield torch.cat([each.detach().flatten() for each in discriminator.parameters()])


def _value_of(turn: Turn) -> Any:
    def value(game: CellGame, objective: Objective) -> Tensor:
        loss = objective.loss
        return loss.discriminator_loss(game) if turn == "discriminator" else loss.generator_loss(game)

    return value


def _moderate() -> Iterator[tuple[Tensor, Tensor]]:
    """Give scores of (real, fake) around each level, no two of them equal."""
    spread = torch.linspace(-0.17, 0.19, BATCH, dtype=torch.float64)
    for real, fake in _LEVELS:
        yield real + spread, fake + 0.7 * spread.flip(0)
