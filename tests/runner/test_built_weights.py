"""What losses and penalties draw while they are built: streams of their own, used by plugins alone."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.runner import build_trainer

# Draws as many numbers while it is built as its first turn draws.
DRAWING = """
    import torch
    from ganbench import LossSpec, PenaltySpec, hookimpl

    DRAWN = []

    class Loss:
        def __init__(self, scale: float = 1.0) -> None:
            self.built = torch.rand(4)

        def discriminator_loss(self, game):
            DRAWN.append(game.uniform(4))
            real, fake = game.scores()
            return self.built.sum() * (fake - real).square().mean()

        def generator_loss(self, game):
            return game.score(game.fake).square().mean()

    class Penalty:
        def __init__(self) -> None:
            self.built = torch.rand(4)

        def __call__(self, game):
            return game.score(game.real).square().mean() * self.built.sum()

    @hookimpl
    def ganbench_losses():
        yield LossSpec(name="drawing", build=Loss)
        yield LossSpec(name="drawing_too", build=Loss)

    @hookimpl
    def ganbench_penalties():
        yield PenaltySpec(name="drawing_penalty", build=Penalty)
"""


def _cell(loss: Any, penalty: str = "none", seed: int = 0) -> Cell:
    grid = read_grid(
        {
            "name": "built",
            "seeds": [seed],
            "axes": {
                "dataset": [{"name": "gaussian_ring", "samples": 40}],
                "architecture": [{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4]}],
                "loss": [loss],
                "penalty": [penalty],
            },
            "train": {"steps": 1, "batch_size": 4},
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def _built(cell: Cell) -> torch.Tensor:
    loss: Any = parts(cell).loss.loss
    return loss.built


def test_weights_of_a_loss_are_not_the_numbers_of_its_first_turn(fake_site: Any) -> None:
    module = fake_site.install("fake-drawing", DRAWING)
    cell = _cell("drawing", "drawing_penalty")
    build_trainer(parts(cell)).advance(1)
    (drawn,) = sys.modules[module].DRAWN
    penalty: Any = parts(cell).penalties[0].penalty
    for one, other in ((_built(cell), drawn), (_built(cell), penalty.built), (penalty.built, drawn)):
        assert not torch.isclose(one, other).any()


def test_weights_depend_on_the_seed_and_the_name(fake_site: Any) -> None:
    fake_site.install("fake-drawing", DRAWING)
    mine = _built(_cell("drawing"))
    assert torch.equal(mine, _built(_cell("drawing", "drawing_penalty")))
    assert torch.equal(mine, _built(_cell({"name": "drawing", "scale": 2.0})))
    assert not torch.isclose(mine, _built(_cell("drawing_too"))).any()
    assert not torch.isclose(mine, _built(_cell("drawing", seed=1))).any()


@pytest.mark.parametrize("kind", ["loss", "penalty"])
def test_no_built_in_draws_while_it_is_built(kind: str) -> None:
    """So the streams came without a change of any stored result."""
    builders: dict[str, Callable[[str], Any]] = {
        "loss": lambda name: parts(_cell(name)).loss,
        "penalty": lambda name: parts(_cell("minimax", name)).penalties[0].penalty,
    }
    catalog = load_catalog()
    names = [entry.name for entry in catalog.entries(kind) if entry.plugin.distribution == "ganbench"]  # type: ignore[arg-type]
    assert len(names) > 3
    for name in names:
        before = _states()
        catalog.build(kind, name, {})  # type: ignore[arg-type]
        assert _states() == before, name
        builders[kind](name)
        assert _states() == before, name


def _states() -> tuple[object, ...]:
    numbers = np.random.get_state(legacy=False)["state"]
    return (
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
        numbers["key"].tobytes(),
        numbers["pos"],
    )
