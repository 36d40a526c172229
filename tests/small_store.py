from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench.store import Store

CELL = "c0123456789a"


def record(cell: str = CELL, **given: Any) -> dict[str, Any]:
    return {
        "cell": cell,
        "axes": {"dataset": "digits", "architecture": "mlp", "loss": "minimax", "penalty": "none"},
        "varied": {},
        "seed": 0,
        "status": "ok",
        "reason": "",
        "warnings": [],
        "step": 100,
        "seconds": 1.5,
        "device": "a machine",
        "engine": "eager",
        "environment": {"hash": "0123456789"},
        "weights": "",
        "determinism": {},
        **given,
    }


def row(**given: Any) -> dict[str, Any]:
    return {
        "step": 100,
        "metric": "fid",
        "value": 0.1 + 0.2,
        "direction": "lower",
        "extractor": "digits_cnn",
        "samples": 200,
        "protocol": "abcdef",
        "repeat": 0,
        **given,
    }


def tensors(fill: float = 1.0) -> dict[str, torch.Tensor]:
    return {
        "weight": torch.full((3, 4), fill),
        "half": torch.arange(6).to(torch.bfloat16),
        "count": torch.tensor(7),
        "nothing": torch.empty(0, 8),
        "nan": torch.tensor([float("nan"), float("inf")], dtype=torch.float64),
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "results")
    made.write_grid('name = "tiny"\n')
    return made
