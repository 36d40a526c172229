"""The exponential moving average of the generator and of networks that serve it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn


class EMA:
    """Copies of networks whose weights follow them slowly; buffers are copied as they are.

    Attributes:
        module: the averaged generator; it is what is scored.
        networks: the other averages, by name.
        decay: see the constructor; an engine that cannot change it between rounds refuses a function.
    """

    def __init__(
        self,
        generator: nn.Module,
        decay: float | Callable[[int], float],
        networks: Mapping[str, nn.Module] = MappingProxyType({}),
    ) -> None:
        """Copy the networks.

        Args:
            generator: followed from now on.
            decay: per step, 0 to below 1; or what it is after so many rounds.
            networks: followed likewise, by name.
        """
        self.module = _copied(generator)
        self.networks = {name: _copied(network) for name, network in networks.items()}
        self.decay = decay
        followed, copies = [generator, *networks.values()], [self.module, *self.networks.values()]
        self._from: list[Tensor] = [each for network in followed for each in network.parameters()]
        self._to: list[Tensor] = [each for network in copies for each in network.parameters()]
        self._buffers = [
            pair
            for mine, theirs in zip(copies, followed, strict=True)
            for pair in zip(mine.buffers(), theirs.buffers(), strict=True)
        ]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the networks by one step: average <- decay · average + (1 - decay) · weights.

        Args:
            step: rounds done before this one.
        """
        self.follow(self.decay if isinstance(self.decay, float) else self.decay(step))

    @torch.no_grad()
    def follow(self, decay: float | Tensor) -> None:
        """Follow the networks by one step with this decay.

        Args:
            decay: a scalar; a tensor where it changes within a recorded round.
        """
        if isinstance(decay, Tensor):
            for mine, theirs in zip(self._to, self._from, strict=True):
                mine.lerp_(theirs, (1 - decay).to(mine.dtype))
        elif self._to:  # a generator may have no weights
            torch._foreach_lerp_(self._to, self._from, 1 - decay)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)

    def tensors(self) -> list[tuple[str, Tensor]]:
        """List the averages' parameters and buffers by name."""
        networks = {"": self.module, **{f"{name}.": network for name, network in self.networks.items()}}
        return [
            (f"{prefix}{name}", tensor)
            for prefix, network in networks.items()
            for name, tensor in (*network.named_parameters(), *network.named_buffers())
        ]


def _copied(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).requires_grad_(False)
