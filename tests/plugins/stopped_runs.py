"""Runs of a grid that are told to stop after each scoring, and started again until they are done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from in_process import InProcess
from safetensors.torch import load_file

import ganbench
from ganbench.execution import Interrupted
from ganbench.grid import Grid


def weights(out: Path) -> dict[str, torch.Tensor]:
    """The stored generators of all cells of a folder."""
    return {
        f"{path.parent.name}/{name}": tensor
        for path in sorted(out.glob("cells/*/generator.safetensors"))
        for name, tensor in load_file(path).items()
    }


def hold_to_the_same_bits(
    grid: Grid | dict[str, Any], out: Path, monkeypatch: pytest.MonkeyPatch, *, stops: int
) -> list[dict[str, Any]]:
    """Run a grid whole, and stopped so often; its generators must be equal. Returns the rows of its cells."""
    results = ganbench.run(grid, out=out / "whole", executor=InProcess())
    found = 0
    while True:
        executor = InProcess()
        monkeypatch.setattr(InProcess, "between", staticmethod(executor.stop))
        try:
            ganbench.run(grid, out=out / "parts", executor=executor)
            break
        except Interrupted:
            found += 1
    assert found == stops
    whole, parts = weights(out / "whole"), weights(out / "parts")
    assert whole
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    return results.cells.to_dict("records")
