"""Every built-in part of a game away from the CPU, on machines that have nothing but a CPU."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import cycle
from typing import Any

import pytest
import torch
from listed_objectives import PENALTIES
from parts_here import parts
from test_names_trained import ARCHITECTURES, DIGITS, OF_IMAGES, RING, SUITED
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench import Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError
from ganbench.grid import Cell, Choice, read_grid
from ganbench.testing.on_devices import CPU, CUDA, play_forward, play_on_meta, play_pretended, probed_players
from ganbench.training import PenaltyTerm

LOSSES = [entry.name for entry in load_catalog().entries("loss") if entry.plugin.distribution == "ganbench"]
BATCH = 4


class InTurn:
    """All penalties, some in each round: each meets each loss and architecture once."""

    def __init__(self, rounds: int) -> None:
        """Share the penalties out; in a single round all of them are played."""
        penalties = [load_catalog().build("penalty", name, {}) for name in PENALTIES]
        self._shares = [penalties[first::rounds] for first in range(rounds)]
        self._left = cycle(self._shares)

    def __call__(self, game: Any) -> Tensor:
        total: Tensor = sum(penalty(game) for penalty in next(self._left))
        return total


def _cell(architecture: str, loss: str) -> Cell:
    grid = read_grid(
        {
            "name": "devices",
            "seeds": 1,
            "axes": {
                "dataset": [DIGITS if architecture in OF_IMAGES else RING],
                "architecture": [{"name": architecture, **ARCHITECTURES[architecture]}],
                "loss": [loss],
            },
            "train": {
                "steps": 3,
                "batch_size": BATCH,
                "diagnostics_every": 1,
                "ema": 0.9,
                "schedule": "cosine",
            },
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def _none() -> PenaltyTerm:
    return PenaltyTerm(penalty=load_catalog().build("penalty", "none", {}))


def _penalty(cell: Cell, rounds: int) -> PenaltyTerm:
    # Their scores have no logit, which the others need.
    return _none() if cell.loss.name in ("began", "elbo") else PenaltyTerm(penalty=InTurn(rounds))


@cache
def _fitting(architecture: str) -> list[Cell]:
    """The cells of an architecture and each loss that it can be trained with."""
    fitting = []
    for loss in LOSSES:
        cell = _cell(architecture, loss)
        built = parts(cell)
        try:
            play_forward(built, probed_players(built), CPU, [_none()])
        except (GanbenchError, Unsupported):
            continue
        fitting.append(cell)
    return fitting


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rounds_are_played_without_a_look_at_a_value(architecture: str) -> None:
    cells = _fitting(architecture)
    assert {cell.loss.name for cell in cells} >= {
        loss for loss, suited in SUITED.items() if architecture in suited
    }
    assert cells
    for cell in cells:
        play_on_meta(parts(cell), [_penalty(cell, cell.train.steps)])


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_tensor_is_left_on_the_cpu(architecture: str) -> None:
    for cell in _fitting(architecture):
        play_pretended(parts(cell), [_penalty(cell, 1)])


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in load_catalog().entries("augmentation")])
def test_augmentations_play_there_too(name: str) -> None:
    images = Choice("digits", {"size": 8})
    cell = replace(_cell("mlp", "non_saturating"), dataset=images, augmentation=Choice(name))
    play_on_meta(parts(cell), [_penalty(cell, cell.train.steps)])
    play_pretended(parts(cell), [_penalty(cell, 1)])


@pytest.mark.parametrize("name", ["digits_cnn", "fashion_cnn"])
def test_extractors_compute_where_the_images_are(name: str) -> None:
    catalog = load_catalog()
    extractor = catalog.build("extractor", name, {})
    ((side, _), *_) = extractor.sizes
    with FakeTensorMode(allow_non_fake_inputs=True):
        out = extractor(torch.zeros(BATCH, 3, side, side, dtype=torch.uint8, device=CUDA))
    assert {out.features.device.type, out.logits.device.type} == {"cuda"}
    assert len(out.features) == BATCH


def test_a_tensor_that_is_left_on_the_cpu_raises() -> None:
    cell = _cell("mlp", "minimax")

    class Left:
        def __call__(self, game: Any) -> Tensor:
            return (game.score(game.real) * torch.ones(BATCH, 1)).mean()

    with pytest.raises(RuntimeError, match="same device"):
        play_pretended(parts(cell), [PenaltyTerm(penalty=Left())])
