"""torch optimizers from settings, and their state as tensors.

Apart from the trainer, so that what is particular to torch.optim, its classes, fused kernels and layout of
state, stands in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_CLASSES: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
# One fused kernel per step; RMSprop has none, and other devices, `meta` among them, have none at all.
_FUSED = {"adam", "adamw", "sgd"}
_FUSED_DEVICES = {"cpu", "cuda"}


def build_optimizer(
    name: str, options: Mapping[str, Any], parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer | None:
    """Build the optimizer of a player's parameters; None for a player without any."""
    owned = list(parameters)
    if not owned:
        return None
    has_fused = name in _FUSED and owned[0].device.type in _FUSED_DEVICES
    fused = {"fused": True} if has_fused else {"foreach": True}
    return _CLASSES[name](owned, **options, **fused)  # type: ignore[arg-type]


def optimizer_state(optimizer: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Flatten the optimizer's tensors to `index.name`."""
    if optimizer is None:
        return {}
    return {
        f"{index}.{name}": value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer | None, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_state` gave."""
    if optimizer is None:
        return
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
