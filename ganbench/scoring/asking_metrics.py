"""Metrics that ask the discriminator: they get it as a function of samples and conditions."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from torch import Tensor

from ganbench.api.data import Metric

ARGUMENT = "discriminator"

Discriminator = Callable[..., Tensor]
"""`(x, condition=None) -> logits`; x as in `Samples`."""


def asks_discriminator(metric: Metric) -> bool:
    """Tell whether a metric's `__call__` has a parameter `discriminator`."""
    try:
        return ARGUMENT in inspect.signature(metric).parameters
    except (TypeError, ValueError):  # a callable whose signature Python does not know
        return False


def stand_in(x: Tensor, condition: Tensor | None = None) -> Tensor:
    """Give a logit for each sample where there is no discriminator yet, to try a metric with.

    Args:
        x: (N, ...).
        condition: of each sample; changes the logit where it is given.

    Returns:
        float32 (N,).
    """
    logits = x.float().flatten(1).mean(1)
    return logits if condition is None else logits + condition.float().reshape(len(x), -1).mean(1)
