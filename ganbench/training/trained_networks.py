"""The networks that a training changes, and what a checkpoint holds of them."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """List the parameters that learn; what an author froze stays frozen."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def tell_step(module: nn.Module, step: int, steps: int) -> None:
    """Call a network's `at_step(step, steps)` where it has one: the rounds done, and all rounds."""
    at_step = getattr(module, "at_step", None)
    if callable(at_step):
        at_step(step, steps)


def own_tensors(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    """List the parameters and buffers of a module by name, buffers outside its state_dict included."""
    yield from module.named_parameters()
    yield from module.named_buffers()
