"""Recorded rounds, of two seeds together, against the eager engine's, over everything that a grid can name.

The graphs are run operation by operation: how an engine runs them is tested where the engine is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.engines.ensemble import EnsembleEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.grid import Cell, read_grid
from ganbench.runner.build import trainer_arguments
from ganbench.training import EagerEngine, Engine, Lockstep, Stretch, Trainer

ROUNDS = 50
MLP = {"name": "mlp", "generator_widths": [12], "discriminator_widths": [12], "noise": 3}
DCGAN = {"name": "dcgan", "channels": 4}
CASES: dict[str, dict[str, Any]] = {
    **{
        f"loss {name}": {"loss": name}
        for name in ("minimax", "softmax", "switched", "least_squares", "wasserstein", "hinge")
    },
    "loss began": {"loss": "began", "architecture": "autoencoder"},
    "loss elbo": {"loss": "elbo", "architecture": "vae"},
    **{f"penalty {name}": {"penalty": name} for name in ("r1", "r2", "dragan", "gradient_penalty")},
    "two penalties": {"penalty": [{"name": "r1", "weight": 0.1}, {"name": "r2", "weight": 0.2, "every": 3}]},
    "a lazy penalty": {"penalty": {"name": "r1", "every": 4}, "train": {"d_steps": 3}},
    "clipped critic": {"loss": {"name": "wasserstein", "clip": 0.05}, "train": {"d_steps": 2}},
    **{
        f"augmentation {name}": {"augmentation": name, "architecture": DCGAN}
        for name in ("flip", "diffaugment", "ada")
    },
    **{
        f"update {name}": {"train": {"update": name}} for name in ("consensus", "extragradient", "optimistic")
    },
    **{f"order {name}": {"train": {"order": name}} for name in ("g_then_d", "simultaneous")},
    **{
        f"optimizer {name}": {"train": {"optimizer": {"name": name, "lr": 1e-3, **options}}}
        for name, options in {
            "adamw": {},
            "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            "rmsprop": {"momentum": 0.5, "centered": True, "weight_decay": 0.1},
        }.items()
    },
    "amsgrad": {"train": {"optimizer": {"amsgrad": True, "weight_decay": 0.1}}},
    "plain sgd": {"train": {"optimizer": {"name": "sgd"}}},
    "schedules": {
        "train": {"schedule": "cosine", "schedules": {"ema": {"name": "linear", "from": 0.5, "to": 0.9}}}
    },
    "ema": {"train": {"ema": 0.9}, "architecture": DCGAN},
    "clipped and accumulated": {"train": {"gradient_clip": 0.1, "accumulate": 2, "d_steps": 2}},
    "frozen": {"train": {"freeze_generator_at": 20, "loss_before_freeze": "hinge"}},
    "spectral norm": {"architecture": {"name": "sndcgan", "channels": 4}, "train": {"batch_size": 4}},
    "residual": {
        "architecture": {"name": "resnet32", "generator_channels": 4, "discriminator_channels": 4},
        "train": {"batch_size": 4},
    },
    "channels last": {"architecture": DCGAN, "train": {"memory_format": "channels_last"}},
    "conditional": {"architecture": {**DCGAN, "conditional": True}},
    "packs": {"architecture": {**MLP, "pack": 2}},
    "bfloat16": {"train": {"precision": "bfloat16"}},
    "float32": {"train": {"precision": "float32"}},
}
# Of the largest entry of a tensor: what rounding makes of 50 rounds.
TOLERANCE = {"float64": 1e-9, "float32": 2e-3, "bfloat16": 5e-2}


def _cell(case: dict[str, Any]) -> Cell:
    axes: dict[str, Any] = {"dataset": ["digits"], "architecture": [MLP], "loss": ["non_saturating"]}
    axes |= {name: [value] for name, value in case.items() if name != "train"}
    train = {"steps": ROUNDS, "batch_size": 8, "diagnostics_every": 10, "precision": "float64"}
    grid = read_grid(
        {
            "name": "equality",
            "seeds": 1,
            "axes": axes,
            "train": train | case.get("train", {}),
            "score": {"metrics": []},
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def _trainer(cell: Cell, engine: type[Engine]) -> Trainer:
    return Trainer(**trainer_arguments(parts(cell)), device=torch.device("cpu"), engine=engine)


def _end(trainer: Trainer) -> dict[str, torch.Tensor]:
    tensors, _ = trainer.state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


class Together(EnsembleEngine):
    """Plays the batched operations of up to three seeds one by one."""

    name: ClassVar[str] = "together"
    width: ClassVar[int] = 3
    function = ReplayingEngine.function  # type: ignore[assignment]


def _play_together(trainers: Sequence[Trainer]) -> None:
    lockstep = Lockstep(Together)
    left = [Stretch(member=trainer, until=ROUNDS) for trainer in trainers]
    while left:
        for stretch, failure in lockstep.advance(left).ended:
            assert failure is None, failure
            left.remove(stretch)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_recorded_rounds_of_two_seeds_are_the_eager_engines_to_rounding(name: str) -> None:
    cells = [replace(_cell(CASES[name]), seed=seed) for seed in (0, 2)]
    together = [_trainer(cell, Together) for cell in cells]
    _play_together(together)
    for cell, trainer in zip(cells, together, strict=True):
        eager = _trainer(cell, EagerEngine)
        eager.advance(ROUNDS)
        _assert_close(_end(eager), _end(trainer), TOLERANCE[cell.train.precision])


def test_a_recorded_round_alone_is_the_eager_engines_to_rounding() -> None:
    cell = _cell(CASES["schedules"])
    ends = []
    for engine in (EagerEngine, ReplayingEngine):
        trainer = _trainer(cell, engine)
        trainer.advance(ROUNDS)
        ends.append(_end(trainer))
    _assert_close(*ends, TOLERANCE["float64"])


def _assert_close(eager: dict[str, torch.Tensor], found: dict[str, torch.Tensor], tolerance: float) -> None:
    assert eager.keys() == found.keys()
    for key, wanted in eager.items():
        if not wanted.is_floating_point():
            # Streams too: as many numbers were drawn from each.
            assert torch.equal(found[key], wanted), key
        else:
            scale = max(1.0, float(wanted.nan_to_num().abs().max())) if wanted.numel() else 1.0
            torch.testing.assert_close(
                found[key], wanted, rtol=0, atol=tolerance * scale, equal_nan=True, msg=key
            )
