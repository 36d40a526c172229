"""The random numbers of losses, penalties and augmentations: from their streams, or made before the round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor


class GameDraws(Protocol):
    """Where the random numbers of a game come from."""

    def uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw U(0, 1) of a shape from a stream."""

    def normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw N(0, 1) of a shape from a stream."""


class StreamDraws:
    """Draws from the streams when asked."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        """Draw on a device numbers of a type."""
        self._device = device
        self._dtype = dtype

    def uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.uniform."""
        return torch.rand(tuple(shape), generator=stream, device=self._device, dtype=self._dtype)

    def normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.normal."""
        return torch.randn(tuple(shape), generator=stream, device=self._device, dtype=self._dtype)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One call for random numbers, which can be made again.

    Attributes:
        kind: the distribution.
        shape: of the numbers.
        stream: from which they are drawn.
    """

    kind: Literal["uniform", "normal"]
    shape: tuple[int, ...]
    stream: torch.Generator

    def made_by(self, draws: GameDraws) -> Tensor:
        """Draw the numbers."""
        return (draws.uniform if self.kind == "uniform" else draws.normal)(self.shape, self.stream)


class NotedDraws:
    """Draws from the streams and notes each call, so that a round's numbers can be drawn ahead of it.

    Attributes:
        calls: in their order.
        made: what they gave.
    """

    def __init__(self, draws: GameDraws) -> None:
        """Begin without a call.

        Args:
            draws: draws the numbers.
        """
        self.calls: list[Draw] = []
        self.made: list[Tensor] = []
        self._draws = draws

    def uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.uniform."""
        return self._note(Draw(kind="uniform", shape=tuple(shape), stream=stream))

    def normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.normal."""
        return self._note(Draw(kind="normal", shape=tuple(shape), stream=stream))

    def _note(self, draw: Draw) -> Tensor:
        numbers = draw.made_by(self._draws)
        self.calls.append(draw)
        self.made.append(numbers)
        return numbers


class GivenDraws:
    """Hands out numbers that were drawn ahead of the round, in the order of the calls."""

    def __init__(self, calls: Sequence[Draw], numbers: Sequence[Tensor]) -> None:
        """Take the numbers of a round.

        Args:
            calls: that are expected.
            numbers: one tensor for each.
        """
        self._left = list(zip(calls, numbers, strict=True))

    def uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.uniform."""
        return self._next(Draw(kind="uniform", shape=tuple(shape), stream=stream))

    def normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Implement GameDraws.normal."""
        return self._next(Draw(kind="normal", shape=tuple(shape), stream=stream))

    def _next(self, asked: Draw) -> Tensor:
        if not self._left or self._left[0][0] != asked:
            raise RuntimeError("two plays of one round draw different random numbers")
        return self._left.pop(0)[1]
