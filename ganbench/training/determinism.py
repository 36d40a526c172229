"""The switches that make equal work give equal bits, set for a while and put back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

# cuBLAS picks its workspace when CUDA starts; this setting makes its choice the same each time.
CUBLAS_WORKSPACE = ":4096:8"
# A module with a settable attribute, which its type hints do not know.
_FILL: Any = torch.utils.deterministic


def prepare_process(threads: int | None) -> None:
    """Set what must be set before CUDA starts, in a process that belongs to ganbench.

    Args:
        threads: threads for one operation on a CPU; None leaves the number alone.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = CUBLAS_WORKSPACE
    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def deterministic() -> Iterator[None]:
    """Deterministic algorithms, no autotuning, no TF32; the caller's switches come back afterwards."""
    algorithms = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    matmul = torch.backends.cuda.matmul
    before = (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32)
    fill = _FILL.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory costs a pass over each new tensor; it only shows reads of unwritten values.
    _FILL.fill_uninitialized_memory = False
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = True, False, False, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        _FILL.fill_uninitialized_memory = fill
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


@contextmanager
def global_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Start the process-wide random state from a seed; the caller's state comes back afterwards."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def determinism_record() -> dict[str, object]:
    """The switches as they stand now, for a cell's record."""
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "threads": torch.get_num_threads(),
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
    }
