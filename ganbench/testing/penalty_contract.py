"""The contract of penalties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ganbench.api import PenaltySpec
from ganbench.api.updates import Turn
from ganbench.catalog.faults import Part
from ganbench.testing.findings import contract_check
from ganbench.testing.game_contract import GameContract
from ganbench.testing.planted_scores import Change, PlantedTurns, Played, equal_numbers, rounding
from ganbench.training import CellGame, Objective

_CALL = "__call__"
_OTHER: Mapping[Turn, Turn] = {"discriminator": "generator", "generator": "discriminator"}
# What D's raw scores are multiplied by: flat, as they are, steep.
_SCALES = (0.0, 1.0, 1e4)
_STEP = 1e-4


class PenaltyContract(GameContract):
    """What a penalty must hold to."""

    kind = "penalty"

    @contract_check("Take torch.linalg.vector_norm, whose gradient at 0 is 0; sqrt has none there.")
    def test_values_and_gradients_are_finite_at_any_slope(self) -> None:
        """Try a discriminator that is flat, as it is, and 10,000 times as steep."""
        self.require_playing()
        turns = self.planted_turns()
        for scale in _SCALES:
            played = self._played(turns, scale)
            if not played.finite:
                what = "value" if not torch.isfinite(played.value) else "gradient"
                slope = "flat" if scale == 0 else f"{scale:g} times as steep"
                self.fail_if(
                    [f"has a {what} that is not finite where the discriminator is {slope}"],
                    _CALL,
                    "Take torch.linalg.vector_norm in the place of sqrt, whose gradient at 0 is infinite.",
                )

    @contract_check("Compute the penalty from the game alone.")
    def test_gradients_reach_the_right_player_alone(self) -> None:
        """Require a gradient for the player that its spec names alone, and weights unchanged."""
        self.require_playing()
        turns = self.planted_turns()
        plays = [self._played(turns, scale) for scale in (1.0, 30.0)]
        player, other = self._player, _OTHER[self._player]
        problems = []
        if not any(played.reaches(player) for played in plays):
            problems.append(f"has no gradient for the {player}, whose loss it joins")
        if any(played.thawed or any(one is not None for one in played.players[other]) for played in plays):
            problems.append(f"gives the {other} a gradient")
        if changed := sorted({player for played in plays for player in played.changed}):
            problems.append(f"changes weights of the {' and the '.join(changed)}")
        advice = (
            "Take game.input_gradient, game.gradient and game.score, and leave the networks' parameters "
            "alone; PenaltySpec(player=...) says whose loss it joins."
        )
        self.fail_if(problems, _CALL, advice)

    @contract_check("Let the gradient be that of the value.")
    def test_gradients_have_the_right_sign(self) -> None:
        """Require that a step of the player lowers the penalty."""
        self.require_playing()
        turns = self.planted_turns()
        for scale in (1.0, 30.0):
            played = self._played(turns, scale)
            gradients = played.players[self._player]
            length = sum(float(one.square().sum()) for one in gradients if one is not None) ** 0.5
            if not length or not torch.isfinite(played.value):
                continue
            moves = [None if one is None else -one * (_STEP / length) for one in gradients]
            after = self._played(turns, scale, moves).value
            if after > played.value + rounding(played.value):
                self.fail_if(
                    [f"rises from {played.value:.6g} to {after:.6g} along its own descent"],
                    _CALL,
                    "Let the gradient be that of the value: take game.gradient; look for .detach(), .data.",
                )

    @contract_check("Use the registered penalty.")
    def test_it_is_none_of_the_registered_penalties(self) -> None:
        """Refuse the numbers of a registered penalty, unless summary or docstring names that one."""
        self.require_playing()
        own = list(self._fingerprint(self.planted_turns()))

        def alike(name: str) -> bool:
            other = Part.of(self.stage().catalog, "penalty", name, name)
            return equal_numbers(own, self._fingerprint(self.planted_turns({"penalty": name}, other)))

        same = self.same_as(alike)
        self.fail_if(
            [f"gives the numbers of the registered penalty {same!r}"] if same else [],
            "",
            f"Use {same!r}, or name it in the summary or docstring; a contract may have like = [{same!r}].",
        )

    @contract_check("Ask the loss for game.logit, and for nothing else of its own.")
    def test_it_plays_with_every_built_in_loss(self) -> None:
        """Play a round with each built-in loss that has a logit."""
        self.require_playing()
        # Their scores are no logits, and need networks of their own.
        self.plays_with("loss", self.built_in("loss", ("began", "elbo")))

    @property
    def _player(self) -> Turn:
        assert self.part.entry is not None
        spec = self.part.entry.spec
        return spec.player if isinstance(spec, PenaltySpec) else "discriminator"

    def _played(self, turns: PlantedTurns, scale: float, moves: Sequence[Tensor | None] = ()) -> Played:
        def value(game: CellGame, _: Objective) -> Tensor:
            return turns.terms[0].penalty(game)

        return turns.play(self._player, _scaled(scale), value, _CALL, moves)

    def _fingerprint(self, turns: PlantedTurns) -> Iterator[Tensor]:
        for scale in (1.0, 7.0):
            played = self._played(turns, scale)
            yield played.value
            yield from (one for one in played.players[self._player] if one is not None)


def _scaled(scale: float) -> Change:
    return lambda _, raw: raw * scale
