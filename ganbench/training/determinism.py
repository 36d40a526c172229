"""What makes equal work give equal bits: switches, and global generators, set for a while and put back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from ganbench.catalog.switches import (
    changes_between,
    kept_switches,
    read_switches,
    standard_switches,
    write_switches,
)

# cuBLAS picks its workspace when CUDA starts; this setting makes its choice the same each time.
CUBLAS_WORKSPACE = ":4096:8"
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def prepare_process(threads: int | None) -> None:
    """Set what must be set before CUDA starts, in a process that belongs to ganbench.

    Args:
        threads: threads for one operation on a CPU; None leaves the number alone.
    """
    os.environ[_WORKSPACE] = CUBLAS_WORKSPACE
    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def deterministic(threads: int | None = None, *, tf32: bool = False) -> Iterator[None]:
    """Set torch's switches as cells are trained and scored; the caller's come back afterwards.

    Deterministic algorithms, no autotuning, no TF32 unless asked for, float32 by default, denormal numbers
    kept.

    Args:
        threads: for one operation on a CPU; None leaves the number alone.
        tf32: see `standard_switches`.
    """
    with kept_switches():
        write_switches(standard_switches(threads, tf32=tf32))
        yield


@contextmanager
def deterministic_process(threads: int | None) -> Iterator[None]:
    """Prepare this process as a worker, and set torch's switches; the caller's come back afterwards.

    Args:
        threads: for one operation on a CPU; None leaves the number alone.
    """
    before = os.environ.get(_WORKSPACE)
    try:
        prepare_process(None)
        with deterministic(threads):
            yield
    finally:
        if before is None:
            os.environ.pop(_WORKSPACE, None)
        else:
            os.environ[_WORKSPACE] = before


def set_again(threads: int | None = None) -> list[str]:
    """Set torch's switches again where code that ran inside `deterministic` has changed them.

    Returns:
        What had changed, as `default_dtype float32 -> float64`.
    """
    wanted, found = standard_switches(threads), read_switches()
    changes = changes_between(wanted, found)
    if changes:
        write_switches(wanted)
    return changes


@contextmanager
def global_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Start the process-wide random state from a seed; the caller's state comes back afterwards."""
    with forked_generators(device):
        torch.manual_seed(seed)
        yield


@contextmanager
def forked_generators(device: torch.device) -> Iterator[None]:
    """Put torch's global generators, of the CPU and of a device, back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's global generators, by the names that checkpoints give them."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_generators(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Set torch's global generators to states that `generator_states` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def determinism_record(*, tf32: bool = False) -> dict[str, object]:
    """Give the switches as they stand now, for a cell's record.

    Args:
        tf32: whether the cell's rounds were played with TF32, which is set for them alone.
    """
    switches = read_switches()
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "tf32": tf32
        or any("tf32" in str(value) or "allow_tf32" in name for name, value in switches.items() if value),
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "threads": torch.get_num_threads(),
        "cublas_workspace": os.environ.get(_WORKSPACE, ""),
        "switches": switches,
    }
