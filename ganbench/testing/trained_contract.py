"""What all that a training is made of must hold to: it plays, resumes, and needs no device."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganbench.catalog.faults import blame
from ganbench.errors import GanbenchError, GridError, PluginError, Unsupported, said
from ganbench.files.tensors import serialise
from ganbench.runner import CellParts, build_trainer
from ganbench.testing.contract import Contract
from ganbench.testing.findings import NotApplicable, contract_check, place_of
from ganbench.testing.on_devices import play_on_meta, play_pretended
from ganbench.testing.stage import STEPS
from ganbench.training import Diverged

KEEP = "Keep what lasts in game.state(name, initial); numbers and tensors in attributes must not change."


class TrainedContract(Contract):
    """What everything that takes part in a training has in common."""

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
        """Build it, and play a turn of both players with it; require scalars, shapes and widths."""
        _ = self.stage().around

    @contract_check(KEEP)
    def test_training_goes_on_from_a_checkpoint(self) -> None:
        """Stop, write and read a checkpoint, go on, and require the bits of a training without a stop."""
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
                [f"a resumed training ends otherwise, first in {differs[0]}"] if differs else [], "", KEEP
            )

    @contract_check(
        "Read no tensor's value in Python, and make tensors on the device of those that you are given."
    )
    def test_it_plays_on_any_device(self) -> None:
        """Play three rounds on `meta`, which has no values, and the forward passes on a pretended GPU."""
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


def _written(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> tuple[dict[str, Tensor], Any]:
    """Write a state as a checkpoint holds it, and read it."""
    from safetensors.torch import load

    return load(serialise(tensors)), json.loads(json.dumps(record))


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().numpy().tobytes()
