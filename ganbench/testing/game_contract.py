"""What all that takes part in a game must hold to: it plays, repeats itself, resumes, and needs no device."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganbench.catalog.faults import blame
from ganbench.errors import GanbenchError, GridError, PluginError, Unsupported, said
from ganbench.files.tensors import serialise
from ganbench.runner import CellParts, build_trainer, check_cell, check_resumption
from ganbench.testing.contract import Contract
from ganbench.testing.findings import NotApplicable, contract_check, place_of
from ganbench.testing.on_devices import play_on_meta, play_pretended
from ganbench.testing.stage import STEPS
from ganbench.training import Diverged

FROM_THE_GAME = "Draw from game.uniform and game.normal, which belong to the seed and are checkpointed."
_KEEP = "Keep what lasts in game.state(name, initial); numbers and tensors in attributes must not change."


class GameContract(Contract):
    """What a loss, a penalty, an augmentation and an architecture have in common."""

    def require_playing(self) -> None:
        """Leave a check out where the thing plays nowhere, which a check of its own tells.

        Raises:
            NotApplicable: it plays nowhere.
        """
        try:
            _ = self.stage().around
        except GanbenchError:
            raise NotApplicable("it does not play, see `it_plays`") from None

    def trained(
        self, axes: Mapping[str, Any] | None = None, train: Mapping[str, Any] | None = None
    ) -> CellParts:
        """Give the parts of a cell with the thing in it.

        Args:
            axes: values that win over those of its surroundings.
            train: settings that differ from those of other cells here.
        """
        stage = self.stage()
        return stage.parts(stage.cell(stage.around, axes, train=train))

    @contract_check(
        "Mend it, or name data and networks that it is made for in the contract's `axes`, as "
        '{"dataset": "digits", "architecture": {"name": "dcgan", "conditional": True}}.'
    )
    def test_it_plays(self) -> None:
        """It is built, and both players take a turn with it: scalars, shapes and widths are right."""
        _ = self.stage().around

    @contract_check("Make every number depend on what the game gives: its batch, its draws, its states.")
    def test_the_same_seed_gives_the_same_values(self) -> None:
        """Built and played twice from one seed, it gives the same bits."""
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
        """The global generators of torch, numpy and random are left untouched in a turn."""
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

    @contract_check(_KEEP)
    def test_it_keeps_nothing_of_its_own(self) -> None:
        """Rounds with one object equal those with a fresh one after the first."""
        self.require_playing()
        check_resumption(self.trained())

    @contract_check(_KEEP)
    def test_training_goes_on_from_a_checkpoint(self) -> None:
        """Stopped, written, read and gone on with, a training ends in the same bits as without a stop."""
        self.require_playing()
        whole = build_trainer(self.trained())
        stopped = build_trainer(self.trained())
        with contextlib.suppress(Diverged):
            whole.advance(STEPS)
        with contextlib.suppress(Diverged):
            stopped.advance(STEPS // 2)
            tensors, record = _written(*stopped.state())
            resumed = build_trainer(self.trained())
            resumed.restore(tensors, record)
            resumed.advance(STEPS)
            one, other = whole.state()[0], resumed.state()[0]
            differs = [name for name in one if _bytes(one[name]) != _bytes(other[name])]
            self.fail_if(
                [f"a resumed training ends otherwise, first in {differs[0]}"] if differs else [], "", _KEEP
            )

    @contract_check(
        "Read no tensor's value in Python, and make tensors on the device of those that you are given."
    )
    def test_it_plays_on_any_device(self) -> None:
        """Three rounds on `meta`, which has no values, and the forward passes on a pretended GPU."""
        self.require_playing()
        train = {"steps": 3, "ema": 0.9}
        attempts = (
            (
                play_on_meta,
                "reads a tensor's value (.item(), float(), `if`), or makes tensors elsewhere",
                "Use torch.where, masks and x.new_tensor: a compiled or captured step reads no value.",
            ),
            (
                play_pretended,
                "leaves tensors on the CPU when it is played on a GPU",
                "Make tensors with device=x.device or x.new_zeros(...); hold networks as torch.nn.Module.",
            ),
        )
        for play, problem, advice in attempts:
            try:
                play(self.trained(train=train))
            except (PluginError, GridError, Unsupported):
                raise
            except Exception as error:
                fault = blame(error, [self.part])
                where = f"{fault.hook}, {fault.place}" if fault is not None else place_of(self.part)
                self.fail_if([f"{problem} ({where}): {said(error)[:120]}"], "", advice)

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


def _written(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> tuple[dict[str, Tensor], Any]:
    """Write a state as a checkpoint holds it, and read it."""
    from safetensors.torch import load

    return load(serialise(tensors)), json.loads(json.dumps(record))


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().numpy().tobytes()
