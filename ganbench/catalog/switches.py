"""torch's process-wide switches that decide bits: read, set and put back.

A plugin may change one while it is imported, and so may a caller before it runs a grid. Cells are trained and
scored with the same values, whatever either of them did.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from ganbench.catalog.after_import import AfterImport

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
)
"""Environment variables that torch's libraries read once, when they are first used, and that decide bits."""

_UNSET = "unset"
_PRECISIONS = (
    "",
    "cuda.matmul",
    "cudnn",
    "cudnn.conv",
    "cudnn.rnn",
    "mkldnn",
    "mkldnn.matmul",
    "mkldnn.conv",
    "mkldnn.rnn",
)

# Of a GPU alone, whether torch knows the switches by their names of today or by those before 2.9.
_TF32 = {
    "float32_matmul_precision": "high",
    "cuda.matmul.fp32_precision": "tf32",
    "cudnn.conv.fp32_precision": "tf32",
    "cudnn.rnn.fp32_precision": "tf32",
    "cuda.matmul.allow_tf32": True,
    "cudnn.allow_tf32": True,
}


class _Switch(NamedTuple):
    """One switch.

    Attributes:
        read: gives its value, which JSON can hold.
        write: sets it to a value that `read` gave.
        standard: its value while a cell is trained or scored; None leaves it as it is.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    standard: Any


def read_switches() -> dict[str, Any]:
    """Read every switch: booleans, numbers and texts by name, the environment variables among them."""
    return {name: switch.read() for name, switch in _switches().items()}


def write_switches(values: Mapping[str, Any]) -> None:
    """Set switches; one that has its value already is left alone.

    Args:
        values: by name, as `read_switches` gives them; unknown names are ignored.
    """
    for name, switch in _switches().items():
        if name in values and switch.read() != values[name]:
            switch.write(values[name])


def standard_switches(threads: int | None = None, *, tf32: bool = False) -> dict[str, Any]:
    """Give the values that cells are trained with.

    Args:
        threads: for one operation on a CPU; None leaves the number as it is.
        tf32: whether a GPU may round the inputs of products and convolutions of float32 to TF32; nothing
            changes on a CPU.
    """
    values = {name: switch.standard for name, switch in _switches().items() if switch.standard is not None}
    if tf32:
        values |= {name: value for name, value in _TF32.items() if name in values}
    return values if threads is None else {**values, "threads": threads}


def unusual_switches() -> dict[str, Any]:
    """Read the switches that do not have their standard value; the number of threads is not among them."""
    found = {}
    for name, switch in _switches().items():
        value = switch.read()
        standard = _UNSET if name in VARIABLES else switch.standard
        if standard is not None and value != standard:
            found[name] = value
    return found


def set_variables() -> dict[str, str]:
    """Read the environment variables of VARIABLES that are set; does not need torch."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Describe how switches differ, a phrase each: `default_dtype float32 -> float64`."""
    return [f"{name} {before[name]} -> {after[name]}" for name in before if before[name] != after.get(name)]


@contextmanager
def kept_switches() -> Iterator[list[str]]:
    """Put back every switch that changes inside; the list names them once the block has ended.

    Torch is not imported for this: where the block imports it, its switches are read right after that.
    """
    before = read_switches() if "torch" in sys.modules else {}
    finder = AfterImport("torch", lambda: before.update(read_switches()))
    changes: list[str] = []
    if not before:
        sys.meta_path.insert(0, finder)
    try:
        yield changes
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        after = read_switches() if before else {}
        if after != before:
            changes += changes_between(before, after)
            write_switches(before)


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Put back the state of the process-wide random generators: Python's, NumPy's and torch's on the CPU.

    A generator whose library is imported only inside has no state that anybody could miss.
    """
    python_state = random.getstate()
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    torch_state = None if torch is None else torch.get_rng_state()
    numpy_state = None if numpy is None else numpy.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        if torch is not None:
            torch.set_rng_state(torch_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)


@cache
def _switches() -> dict[str, _Switch]:
    """List the switches by name, in the order in which they are written."""
    import torch

    backends: Any = torch.backends
    fill: Any = torch.utils.deterministic
    cudnn, matmul = backends.cudnn, backends.cuda.matmul
    found = {
        "default_dtype": _Switch(
            lambda: str(torch.get_default_dtype()).removeprefix("torch."),
            lambda value: torch.set_default_dtype(getattr(torch, value)),
            "float32",
        ),
        "default_device": _Switch(
            lambda: str(torch.get_default_device()),
            lambda value: torch.set_default_device(None if value == "cpu" else value),
            "cpu",
        ),
        "threads": _Switch(torch.get_num_threads, torch.set_num_threads, None),
        "flush_denormal": _Switch(_flushes, torch.set_flush_denormal, False),
        # 0: off, 1: a warning, 2: an error.
        "deterministic_algorithms": _Switch(
            torch.get_deterministic_debug_mode,
            _set_deterministic,
            2,
        ),
        # Filling fresh memory costs a pass over each new tensor; it only shows reads of unwritten values.
        "fill_uninitialized_memory": _attribute(fill, "fill_uninitialized_memory", False),
        "grad_enabled": _Switch(torch.is_grad_enabled, torch._C._set_grad_enabled, True),
        "anomaly_detection": _Switch(
            torch.is_anomaly_enabled,
            lambda value: torch.set_anomaly_enabled(value, torch.is_anomaly_check_nan_enabled()),
            False,
        ),
        "float32_matmul_precision": _Switch(_matmul_precision, _set_matmul_precision, "highest"),
        "cudnn.enabled": _attribute(cudnn, "enabled", True),
        "cudnn.deterministic": _attribute(cudnn, "deterministic", True),
        "cudnn.benchmark": _attribute(cudnn, "benchmark", False),
        "cuda.matmul.allow_fp16_reduced_precision_reduction": _attribute(
            matmul, "allow_fp16_reduced_precision_reduction", True
        ),
        "cuda.matmul.allow_bf16_reduced_precision_reduction": _attribute(
            matmul, "allow_bf16_reduced_precision_reduction", True
        ),
        "mkldnn.enabled": _attribute(backends.mkldnn, "enabled", True),
        "mha.fastpath": _Switch(backends.mha.get_fastpath_enabled, backends.mha.set_fastpath_enabled, True),
    }
    for name in ("flash", "mem_efficient", "math", "cudnn"):
        read, write = (
            getattr(backends.cuda, f"{name}_sdp_enabled"),
            getattr(backends.cuda, f"enable_{name}_sdp"),
        )
        found[f"{name}_sdp"] = _Switch(read, write, True)
    for kind in ("cpu", "cuda"):
        found[f"autocast.{kind}"] = _Switch(
            lambda kind=kind: torch.is_autocast_enabled(kind),  # type: ignore[misc]
            lambda value, kind=kind: torch.set_autocast_enabled(kind, value),  # type: ignore[misc]
            False,
        )
    found |= _precisions(backends)
    return found | {name: _variable(name) for name in VARIABLES}


def _set_deterministic(level: int) -> None:
    import torch

    mode, warn_only = level > 0, level == 1
    if "torch._inductor" in sys.modules:
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)
    else:
        # The public function imports torch's compiler, seconds of work, to tell it too.
        torch._C._set_deterministic_algorithms(mode, warn_only=warn_only)


def _precisions(backends: Any) -> dict[str, _Switch]:
    """Read to which precision each backend may round convolutions and products of float32."""
    if not hasattr(backends, "fp32_precision"):  # before torch 2.9
        return {
            "cuda.matmul.allow_tf32": _attribute(backends.cuda.matmul, "allow_tf32", False),
            "cudnn.allow_tf32": _attribute(backends.cudnn, "allow_tf32", False),
        }
    found = {}
    for path in _PRECISIONS:
        place = backends
        for part in filter(None, path.split(".")):
            place = getattr(place, part, None)
        if hasattr(place, "fp32_precision"):
            name = f"{path}.fp32_precision".lstrip(".")
            found[name] = _attribute(place, "fp32_precision", "ieee")
    return found


def _attribute(place: Any, name: str, standard: Any) -> _Switch:
    return _Switch(lambda: getattr(place, name), lambda value: setattr(place, name, value), standard)


def _variable(name: str) -> _Switch:
    def write(value: str) -> None:
        if value == _UNSET:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

    # What the user has set stays: it is recorded, not overruled.
    return _Switch(lambda: os.environ.get(name, _UNSET), write, None)


def _matmul_precision() -> str:
    import torch

    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        # What it is for one backend contradicts what it is for all of them.
        return "mixed"


def _set_matmul_precision(value: str) -> None:
    import torch

    if value != "mixed":
        torch.set_float32_matmul_precision(value)


def _flushes() -> bool:
    """Tell whether denormal numbers are flushed to zero, which torch shows by its arithmetic alone."""
    import torch

    return bool((torch.full((), 1e-310, dtype=torch.float64, device="cpu") * 1.0).item() == 0.0)
