"""A checkpoint that 0.1.0 wrote is read as it stands, and training goes on from it.

The file is of step 13 of the cell below, with states of the game, an average and both optimizers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.runner import build_trainer
from ganbench.store import Store

CHECKPOINT = Path(__file__).parent / "checkpoints" / "began_0.1.0.safetensors"
AUTOENCODER = {
    "name": "autoencoder",
    "generator_widths": [4],
    "encoder_widths": [4],
    "code": 2,
    "noise": 2,
}


def _cell() -> Cell:
    grid = read_grid(
        {
            "name": "began",
            "seeds": 1,
            "axes": {
                "dataset": [{"name": "gaussian_ring", "samples": 40}],
                "architecture": [AUTOENCODER],
                "loss": ["began"],
            },
            "train": {
                "steps": 20,
                "batch_size": 4,
                "diagnostics_every": 5,
                "ema": 0.9,
                "schedule": "cosine",
                "d_steps": 2,
            },
        },
        load_catalog(),
    )
    (cell,) = grid.cells
    return cell


def test_an_earlier_checkpoint_is_restored_whole_and_goes_on() -> None:
    cell = _cell()
    saved, record = Store.read_checkpoint(CHECKPOINT)
    assert record["cell"] == cell.id
    trainer = build_trainer(parts(cell))
    trainer.restore(saved, record["training"])
    now, training = trainer.state()
    assert training == record["training"]
    assert now.keys() == saved.keys()
    for name, tensor in now.items():
        assert tensor.dtype == saved[name].dtype, name
        # Bytes, since the curves have NaN in them.
        assert tensor.detach().numpy().tobytes() == saved[name].numpy().tobytes(), name
    trainer.advance(20)
    # The same names later on, so that what is written now is read by what reads the file.
    later, training = trainer.state()
    assert later.keys() == saved.keys()
    assert training == {"step": 20, "cursor": 40}
    assert trainer.diagnostics.columns()["step"] == [1, 5, 10, 15, 20]


def test_a_step_taken_after_an_earlier_checkpoint_is_that_of_the_whole_run() -> None:
    """The weights in the file are this machine's to rounding, so the two runs must stay together."""
    saved, record = Store.read_checkpoint(CHECKPOINT)
    resumed, whole = (build_trainer(parts(_cell())) for _ in range(2))
    resumed.restore(saved, record["training"])
    resumed.advance(20)
    whole.advance(20)
    (one, _), (other, _) = resumed.state(), whole.state()
    for name, tensor in one.items():
        torch.testing.assert_close(
            tensor.detach(), other[name].detach(), rtol=1e-3, atol=1e-5, equal_nan=True, msg=name
        )
