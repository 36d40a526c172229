"""What all that takes part in a game must hold to: it repeats itself, and the game alone decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.catalog.faults import Part
from ganbench.errors import GanbenchError, said
from ganbench.runner import check_cell, check_resumption
from ganbench.testing.findings import contract_check
from ganbench.testing.planted_scores import PlantedGame, PlantedTurns
from ganbench.testing.trained_contract import KEEP, TrainedContract

FROM_THE_GAME = "Draw from game.uniform and game.normal, which belong to the seed and are checkpointed."


class GameContract(TrainedContract):
    """What a loss, a penalty, an augmentation and an architecture have in common."""

    @contract_check("Make every number depend on what the game gives: its batch, its draws, its states.")
    def test_the_same_seed_gives_the_same_values(self) -> None:
        """Build and play it twice from one seed, and require the same bits."""
        self.require_playing()
        trial = self.stage().trial()
        first, again = trial.play(2), trial.play(2)
        differs = [
            f"{name} is {float(one):.6g} in one play and {float(other):.6g} in another of the same seed"
            for values, others in zip(first.values, again.values, strict=True)
            for name, one, other in zip(first.names, values, others, strict=True)
            if one.numpy().tobytes() != other.numpy().tobytes()
        ]
        self.fail_if(
            differs[:1], "", "Take out what outlives the object: class attributes, module globals, clocks."
        )

    @contract_check(FROM_THE_GAME)
    def test_it_draws_from_the_game_alone(self) -> None:
        """Require the global generators of torch, numpy and random untouched in a turn."""
        self.require_playing()
        played = self.stage().trial().play(2)
        problems = [f"draws from {names} in a turn" for names in played.drew.values()]
        if self.part in played.drew_torchs:
            problems.append("draws from torch's global generator in a turn")
        advice = FROM_THE_GAME
        if self.kind == "architecture":
            advice = (
                "Draw from torch's global generator, as torch.nn.Dropout does; checkpoints hold its state."
            )
        self.fail_if(problems, "", advice)

    @contract_check(KEEP)
    def test_it_keeps_nothing_of_its_own(self) -> None:
        """Require the same rounds of one object as with a fresh one after the first."""
        self.require_playing()
        check_resumption(self.trained())

    def planted_turns(self, axes: Mapping[str, Any] | None = None, part: Part | None = None) -> PlantedTurns:
        """Build a game whose scores are to be changed.

        In float64, unless the data have conditions that are numbers: these stay float32, as in a training.

        Args:
            axes: values that win over those of its surroundings.
            part: what is called; the thing itself unless given.
        """
        stage = self.stage()
        signature = stage.parts(stage.cell(stage.around)).dataset.signature
        precision = "float64" if signature.condition is None else "float32"
        trial = stage.trial(axes, game_type=PlantedGame, train={"precision": precision})
        return PlantedTurns(trial, part or self.part)

    def plays_with(self, axis: str, names: list[str]) -> None:
        """Play one round with each of the built-in things of an axis.

        Args:
            axis: of a grid.
            names: of those things.

        Raises:
            ContractFailure: with those that it does not play with.
        """
        problems = []
        for name in names:
            try:
                check_cell(self.trained({axis: name}))
                self.stage().trial({axis: name}).play(1)
            except Exception as error:
                reason = error.problems[0] if isinstance(error, GanbenchError) else said(error)
                problems.append(f"does not play with {axis} {name!r}: {reason}")
        self.fail_if(problems, "", "Leave each part of a game to itself; raise Unsupported only in `build`.")

    def built_in(self, axis: str, leave_out: Mapping[str, object] | tuple[str, ...] = ()) -> list[str]:
        """List the names of the built-in things of an axis."""
        entries = self.stage().catalog.entries(axis)  # type: ignore[arg-type]
        return [entry.name for entry in entries if entry.plugin.builtin and entry.name not in leave_out]
