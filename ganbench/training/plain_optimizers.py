"""Torch's optimizers built, stepped and stored without torch's compiler, whose import takes seconds.

Torch imports its compiler at the first of these calls, to tell it to leave them alone; a process that
compiles nothing has no use for that. What is computed is the same.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_OWN = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)
_COMPILER = "torch._dynamo"
# Methods that torch hides from its compiler, and the attribute in which it notes how.
_HIDDEN_METHODS = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
_NOTE = "__dynamo_disable"


def is_torchs_own(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether it is one of torch's that a grid names: these keep tensors alone."""
    return type(optimizer) in _OWN


@contextmanager
def without_compiler() -> Iterator[None]:
    """Build optimizers, or read and write their state, without importing torch's compiler."""
    marked: list[Callable[..., Any]] = []
    if _COMPILER not in sys.modules:
        for name in _HIDDEN_METHODS:
            plain = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
            if plain is not None and not hasattr(plain, _NOTE):
                setattr(plain, _NOTE, plain)
                marked.append(plain)
    try:
        yield
    finally:
        # As it was: a program that calls ganbench may compile something of its own.
        for plain in marked:
            delattr(plain, _NOTE)


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """Take an optimizer's step; of torch's own ones without the wrappers that are for its compiler."""
    if is_torchs_own(optimizer):
        kind: Any = type(optimizer)
        with torch.no_grad():
            _plain_step(kind)(optimizer)
    else:
        optimizer.step()


@functools.cache
def _plain_step(kind: type[torch.optim.Optimizer]) -> Callable[[torch.optim.Optimizer], object]:
    step: Callable[[torch.optim.Optimizer], object] = inspect.unwrap(kind.step)
    return step
