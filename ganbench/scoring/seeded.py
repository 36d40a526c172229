"""Global random generators that start from a seed for a while."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Start the global generators of torch, numpy and random from a seed, and restore them afterwards.

    Code that draws from them meanwhile draws the same numbers, whatever was drawn before.

    Args:
        seed: 0 to 2^63 - 1; numpy takes its last 32 bits.
        device: whose generator starts too, beside that of the CPU.
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)
            random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
