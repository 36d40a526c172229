"""The order in which images and the weights of convolutions lie in memory: it decides speed and bits."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def batch_format(setting: str, networks: Iterable[nn.Module]) -> torch.memory_format:
    """Choose the memory format of batches, and of the networks that see them.

    Args:
        setting: `train.memory_format`.
        networks: the players and those beside them; without weights of four dimensions all stays as it is.
    """
    weighs_images = any(tensor.dim() == 4 for network in networks for tensor in network.parameters())
    return torch.channels_last if setting == "channels_last" and weighs_images else torch.contiguous_format


def lay_out(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Bring a network's parameters and buffers of four dimensions into a memory format; values stay.

    Optimizers, averages and gradients made from them have the same one.

    Args:
        network: changed in place; its parameters are the same objects afterwards.
        memory_format: `torch.contiguous_format` leaves everything as its author made it.
    """
    if memory_format == torch.contiguous_format:
        return
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=memory_format)


def laid_out(tensor: Tensor, memory_format: torch.memory_format) -> Tensor:
    """Give a tensor of four dimensions in a memory format; others, and `contiguous_format`, as they are."""
    if memory_format == torch.contiguous_format or tensor.dim() != 4:
        return tensor
    return tensor.contiguous(memory_format=memory_format)


def laid_out_as(tensor: Tensor, model: Tensor) -> Tensor:
    """Give a tensor that was stored without its order in memory in that of another one of its shape."""
    if tensor.shape != model.shape or tensor.stride() == model.stride():
        return tensor
    return torch.empty_like(model, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def is_channels_last(tensor: Tensor) -> bool:
    """Tell whether a tensor's channels come last in memory and nowhere else: a copy must say so."""
    return (
        tensor.dim() == 4
        and tensor.is_contiguous(memory_format=torch.channels_last)
        and not tensor.is_contiguous()
    )
