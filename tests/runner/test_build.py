"""The parts of one cell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from parts_here import parts

from ganbench.catalog import Catalog
from ganbench.catalog.loader import load_plugins
from ganbench.grid import Cell, read_grid
from ganbench.runner import CellParts, SharedParts, Task, build_trainer, environment_here, run_cell
from ganbench.store import Store


class Counting(Catalog):
    """Counts what is built, by kind."""

    def __init__(self) -> None:
        super().__init__(load_plugins())
        self.built: Counter[str] = Counter()

    def build(self, kind: str, name: str, options: Any, **context: Any) -> Any:  # type: ignore[override]
        self.built[kind] += 1
        return super().build(kind, name, options, **context)  # type: ignore[arg-type]


@pytest.fixture
def catalog() -> Counting:
    return Counting()


def _cell(catalog: Catalog) -> Cell:
    grid = {
        "name": "parts",
        "seeds": 1,
        "axes": {
            "dataset": [{"name": "gaussian_ring", "samples": 60}],
            "architecture": [{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4]}],
            "loss": ["hinge"],
        },
        "train": {"steps": 4, "batch_size": 8},
        "score": {"metrics": ["wasserstein"], "samples": 20, "every": 1, "initial": True, "repeats": 2},
    }
    (cell,) = read_grid(grid, catalog).cells
    return cell


@pytest.mark.slow
def test_a_cell_builds_each_part_once(tmp_path: Path, catalog: Counting) -> None:
    cell = _cell(catalog)
    shared = SharedParts(catalog)
    Store(tmp_path).make()
    environment = environment_here(CellParts(cell, shared), threads=1)
    catalog.built.clear()
    task = Task(cell=cell, folder=str(tmp_path), device="cpu", environment=environment)
    assert run_cell(task, shared).status == "ok"
    # Five pictures with D behind the points; their frame needs a generator as it was before training.
    assert len(Store(tmp_path).sample_pictures(cell.id)) == 5
    built = {kind: catalog.built[kind] for kind in ("architecture", "loss", "penalty", "metric")}
    assert built == {"architecture": 2, "loss": 1, "penalty": 1, "metric": 1}
    # The next cell of the process finds data and scorer.
    catalog.built.clear()
    assert run_cell(task, shared).status == "ok"
    assert catalog.built["dataset"] == catalog.built["metric"] == 0


def test_parts_stay_and_fresh_ones_begin_alike(catalog: Counting) -> None:
    built = CellParts(_cell(catalog), SharedParts(catalog))
    trainer = build_trainer(built)
    assert trainer.players is built.players
    assert built.loss is built.loss
    fresh = built.fresh()
    (weight, *_), (other, *_) = (each.players.generator.parameters() for each in (built, fresh))
    assert torch.equal(weight, other)
    trainer.advance(1)
    assert not torch.equal(weight, other)
    assert fresh.train is built.train


def test_the_device_is_carried_over() -> None:
    assert parts(_cell(Counting()), "cuda:1").fresh().device == "cuda:1"
