"""What an optimizer keeps between steps, for checkpoints: its tensors, and other values of a plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.training.memory_format import laid_out_as
from ganbench.training.plain_optimizers import without_compiler

_PLAIN = (bool, int, float, str, type(None))


def optimizer_state(optimizer: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Flatten the optimizer's tensors to `index.name`."""
    if optimizer is None:
        return {}
    with without_compiler():
        states = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in states.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer | None, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_state` gave."""
    if optimizer is None:
        return
    owned = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = laid_out_as(value, owned[int(index)])
    with without_compiler():
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def plain_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return what an optimizer keeps beside tensors, as JSON: of each parameter, and of each group."""
    with without_compiler():
        state = optimizer.state_dict()
    return {
        "state": {
            str(index): {name: value for name, value in values.items() if not isinstance(value, Tensor)}
            for index, values in state["state"].items()
        },
        "groups": [
            {name: value for name, value in group.items() if name != "params"}
            for group in state["param_groups"]
        ],
        # Counts of steps may stay there where parameters are on a GPU.
        "on_cpu": sorted(
            key for key, value in optimizer_state(optimizer).items() if value.device.type == "cpu"
        ),
    }


def restore_plugin_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]
) -> None:
    """Put back what `optimizer_state` and `plain_state` gave: tensors of the same types, where they were.

    Args:
        optimizer: freshly built.
        tensors: by `index.name`.
        plain: the other values; lists stand for tuples where the optimizer has one.
    """
    owned = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.state.clear()
    for index, values in plain["state"].items():
        optimizer.state[owned[int(index)]] = dict(values)
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        parameter: nn.Parameter = owned[int(index)]
        place = "cpu" if key in plain["on_cpu"] else parameter.device
        optimizer.state[parameter][name] = laid_out_as(value, parameter).to(place, copy=True)
    for group, values in zip(optimizer.param_groups, plain["groups"], strict=True):
        for name, value in values.items():
            group[name] = tuple(value) if isinstance(group.get(name), tuple) else value


def refused_state(optimizer: torch.optim.Optimizer) -> str:
    """Say what a checkpoint cannot hold of an optimizer's state; empty where it holds everything."""
    with without_compiler():
        state = optimizer.state_dict()
    for index, values in state["state"].items():
        if not isinstance(index, int) or not isinstance(values, Mapping):
            return f"state[{index!r}], which belongs to no parameter"
        for name, value in values.items():
            if not isinstance(value, (*_PLAIN, Tensor)):
                return f"state {name!r}, of type {type(value).__name__}"
    for group in state["param_groups"]:
        for name, value in group.items():
            items = value if isinstance(value, tuple | list) else (value,)
            if name != "params" and not all(isinstance(item, _PLAIN) for item in items):
                return f"param_groups {name!r}, of type {type(value).__name__}"
    return ""
