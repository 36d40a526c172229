"""Batches that an architecture cannot play with are found before anything trains."""

from __future__ import annotations

from typing import Any

import pytest
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.errors import Unsupported
from ganbench.grid import Cell, read_grid
from ganbench.runner import check_cell


def _cell(architecture: Any, batch_size: int, dataset: str = "digits") -> Cell:
    document = {
        "name": "batches",
        "seeds": [0],
        "axes": {"dataset": [dataset], "architecture": [architecture], "loss": ["non_saturating"]},
        "train": {"batch_size": batch_size, "steps": 2},
    }
    return read_grid(document, load_catalog()).cells[0]


@pytest.mark.parametrize(
    ("architecture", "batch_size", "reason"),
    [
        ({"name": "mlp", "pack": 3}, 64, "pack must divide the batch, given pack = 3 and a batch of 64"),
        ({"name": "mlp", "pack": 4}, 2, "pack must divide the batch, given pack = 4 and a batch of 2"),
        ({"name": "mlp", "normalization": "batch"}, 1, "train.batch_size = 1: batch normalisation needs"),
        ({"name": "mlp", "generator_batch_norm": True}, 1, "train.batch_size = 1: batch normalisation needs"),
        # One pack is one row for D's batch normalisation.
        ({"name": "mlp", "normalization": "batch", "pack": 8}, 8, "2 samples, or packs of them; given 1"),
        # torch itself would take one image for a batch of pixels.
        ("dcgan", 1, "architecture 'dcgan' on dataset 'digits', .* batch normalisation needs"),
    ],
)
def test_a_batch_that_does_not_fit_is_skipped(architecture: Any, batch_size: int, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        check_cell(parts(_cell(architecture, batch_size)))


@pytest.mark.parametrize(
    ("architecture", "batch_size"),
    [
        ({"name": "mlp", "pack": 3}, 63),
        ({"name": "mlp", "normalization": "batch"}, 2),
        ({"name": "mlp", "normalization": "batch", "pack": 4}, 8),
        ({"name": "mlp", "normalization": "spectral"}, 1),
        ({"name": "mlp", "normalization": "layer", "hidden_dropout": 0.5}, 1),
        ("dcgan", 2),
    ],
)
def test_a_batch_that_fits_is_played(architecture: Any, batch_size: int) -> None:
    check_cell(parts(_cell(architecture, batch_size)))
