from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.grid import Cell, read_grid
from ganbench.runner import CellParts, build_trainer, settle_engine
from ganbench.training import SeedRun, TrainStep
from ganbench.training.eager import EagerEngine


class NoAverage(EagerEngine):
    """Refuses steps that move an average."""

    name: ClassVar[str] = "eager"
    universal: ClassVar[bool] = False

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        return "it moves no average" if step.ema is not None else ""


ENGINES = {"fast": NoAverage, "eager": EagerEngine}
AUTO = {"cpu": ("fast", "eager")}


def _cell(engine: str = "auto", architecture: Any = "mlp", **train: Any) -> Cell:
    grid = read_grid(
        {
            "name": "engines",
            "seeds": 1,
            "axes": {
                "dataset": [{"name": "gaussian_ring", "samples": 40}],
                "architecture": [architecture],
                "loss": ["minimax"],
            },
            "train": {"steps": 2, "batch_size": 4, "engine": engine, **train},
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def test_the_cells_own_step_decides() -> None:
    taken = settle_engine(parts(_cell()), engines=ENGINES, auto=AUTO)
    assert (taken.name, taken.refusals) == ("fast", {})
    refused = settle_engine(parts(_cell(ema=0.5)), engines=ENGINES, auto=AUTO)
    assert (refused.name, refused.refusals) == ("eager", {"fast": "it moves no average"})


def test_what_is_asked_for_is_refused_rather_than_replaced() -> None:
    with pytest.raises(GridError, match="cannot train this cell on cpu: 'eager': it moves no average"):
        settle_engine(parts(_cell("eager", ema=0.5)), engines={"eager": NoAverage}, auto=AUTO)


def test_a_cell_that_cannot_be_built_asks_no_engine() -> None:
    cell = _cell(architecture="vae")
    assert settle_engine(parts(cell), engines=ENGINES, auto=AUTO).name == "fast"


def test_the_resolved_engine_plays() -> None:
    trainer = build_trainer(parts(_cell()), "eager")
    trainer.advance(2)
    assert trainer.step == 2


def test_what_no_recording_holds_is_refused_for_all_seeds_by_one_try() -> None:
    tries: list[int] = []

    class Recording(EagerEngine):
        name: ClassVar[str] = "recording"
        universal: ClassVar[bool] = False

        @classmethod
        def attempt(cls, run: SeedRun) -> str:
            tries.append(1)
            return "the value of a tensor is read"

    built = parts(_cell("compiled"))
    other = CellParts(replace(built.cell, seed=1), built.shared, built.device)
    for each in (built, other):
        with pytest.raises(GridError, match="cannot train this cell on cpu: 'compiled': the value"):
            settle_engine(each, engines={"compiled": Recording})
    assert len(tries) == 1
