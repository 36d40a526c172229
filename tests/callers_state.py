"""What a script may have set for itself, and must find again after a call."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import warnings
from typing import Any

import matplotlib as mpl
import numpy as np
import torch


def state() -> dict[str, Any]:
    """All that a script may have set for itself."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    generator = np.random.get_state(legacy=False)
    return {
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "timer": signal.getitimer(signal.ITIMER_REAL)[0] > 0,
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "argv": list(sys.argv),
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook),
        "streams": (sys.stdout, sys.stderr, sys.stdout.errors, sys.stderr.errors),
        "random": random.getstate(),
        "numpy random": {**generator, "state": generator["state"]["key"].tolist()},
        "numpy errors": np.geterr(),
        "numpy print": {name: str(value) for name, value in np.get_printoptions().items()},
        "torch random": torch.get_rng_state().tolist(),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch dtype": torch.get_default_dtype(),
        "torch device": torch.get_default_device(),
        "torch gradients": torch.is_grad_enabled(),
        "torch deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        ),
        "torch precision": (torch.get_float32_matmul_precision(), matmul.allow_tf32, cudnn.allow_tf32),
        "torch cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "warnings": list(warnings.filters),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "matplotlib backend": mpl.rcParams._get_backend_or_none(),  # type: ignore[attr-defined]
        "matplotlib": {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"},
        "umask": _umask(),
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Give what has changed between two calls of `state`."""
    return {key: _difference(before[key], after[key]) for key in before if before[key] != after[key]}


def _difference(before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = {*before, *after}
        return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}
    return before, after


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
