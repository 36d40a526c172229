"""Where a stored cell was made, and what is otherwise here and now."""

from __future__ import annotations

import contextlib

import torch

from ganbench.errors import StoreError
from ganbench.execution.plan import differences_of, resolve_device
from ganbench.grid import Cell
from ganbench.grid.environment import device_model
from ganbench.runner import environment_here
from ganbench.store import Store


def device_of(store: Store, cell: Cell) -> str:
    """The device here that a stored cell was trained on; the usual one where there is none."""
    with contextlib.suppress(StoreError):
        recorded = store.cell(cell.id)["environment"].get("device")
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            if device_model(device) == recorded:
                return device
    return resolve_device("auto")


def changes_since(store: Store, cell: Cell, *, device: str, threads: int) -> list[str]:
    """What differs between where a stored cell was made and here, a phrase each; empty where nothing does.

    Args:
        store: the results folder.
        cell: which.
        device: what is used here, as torch names it.
        threads: for one operation on a CPU.

    Raises:
        StoreError: its record cannot be read.
    """
    return differences_of(store.cell(cell.id), environment_here(cell, device=device, threads=threads))
