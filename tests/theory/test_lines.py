"""Fedus et al. (2018): where the divergence is log 2 all along, the non-saturating game finds the data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from parts_here import parts

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.store import Store

SHORTER = (
    "seeds=2",
    "train.steps=2000",
    'axes.loss=["non_saturating"]',
    'axes.penalty=["none"]',
    'axes.dataset=["parallel_lines"]',
    "score.every=1000",
    "compare.baseline=non_saturating",
)


def segment(state: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where a generator's samples lie: b + w·z, z in [-1, 1]."""
    w = next(tensor for name, tensor in state.items() if name.endswith("weight"))
    b = next(tensor for name, tensor in state.items() if name.endswith("bias"))
    return w[:, 0], b


def lies_on_the_data(cell: Cell, state: dict[str, torch.Tensor]) -> bool:
    """Whether more than a point of the segment is on the line of the data; else the divergence is log 2."""
    (offset,) = parts(cell).train.x[:, 0].unique().tolist()
    w, b = segment(state)
    return float(w[0]) == 0 and float(b[0]) == offset


@pytest.mark.slow
def test_the_gap_closes_while_the_divergence_stays_log_two(in_process: None, tmp_path: Path) -> None:
    ganbench.run("lines", tmp_path / "out", overrides=SHORTER)
    store = Store(tmp_path / "out")
    for cell in read_grid("lines", load_catalog(), SHORTER).cells:
        assert store.cell(cell.id)["status"] == "ok"
        gaps = {row["step"]: row["value"] for row in store.scores(cell.id)}
        assert list(gaps) == [0, 1000, 2000]
        # At least from one mean to the other, at first.
        start, end = parts(cell).players.generator.state_dict(), store.generator(cell.id)
        assert gaps[0] > 0.95 * abs(1.0 - float(segment(start)[1][0]))
        assert gaps[2000] < 0.25 * gaps[0]
        assert not lies_on_the_data(cell, start)
        assert not lies_on_the_data(cell, end)
