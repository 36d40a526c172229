"""The devices of this machine, by their names; and how many threads an operation has on a CPU."""

from __future__ import annotations

import contextlib
import re

import torch

from ganbench.errors import GridError, StoreError
from ganbench.grid import Cell
from ganbench.grid.environment import device_model
from ganbench.store import Store

# One thread per worker: the number of threads decides the bits of a sum.
THREADS = 1
# As torch reads it: no leading zero, no digits of other scripts.
_CUDA = re.compile(r"cuda(:(0|[1-9][0-9]{0,3}))?")


def resolve_device(device: str) -> str:
    """Resolve a device's name on this machine.

    Raises:
        GridError: it is not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    if not _CUDA.fullmatch(device):
        meant = device.strip().lower()
        known = meant in ("auto", "cpu") or _CUDA.fullmatch(meant)
        hint = f"; did you mean {meant!r}?" if known else _of_torch_alone(meant)
        raise GridError(f"--device: must be auto, cpu, cuda or cuda:N, given {device!r}{hint}")
    index = device.partition(":")[2]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        raise GridError(f"--device: {device!r} is not on this machine, which has {count} CUDA devices")
    return device


def device_of(store: Store, cell: Cell) -> str:
    """Find the device here that a stored cell was trained on; the usual one where there is none."""
    with contextlib.suppress(StoreError):
        recorded = store.cell(cell.id)["environment"].get("device")
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            if device_model(device) == recorded:
                return device
    return resolve_device("auto")


def _of_torch_alone(device: str) -> str:
    """Say at the end of an error that ganbench has no support for a device that torch knows; else nothing."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        return ""
    return f"; {kind} is not supported: nothing was tested on it"
