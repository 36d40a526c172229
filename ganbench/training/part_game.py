"""The game as one part of a cell sees it: a term of a sum of penalties, or the augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor


class WholeGame(Protocol):
    """What a part's view needs of the cell's game, beside what it hands on."""

    def draw_uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw U(0, 1) of a shape from a stream."""

    def draw_normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw N(0, 1) of a shape from a stream."""

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """See Game.state."""


class PartGame:
    """The game as one part of a cell sees it, such as a term of a sum of penalties: own draws, own states."""

    def __init__(self, game: WholeGame, stream: torch.Generator, name: str) -> None:
        """Take over everything else from the cell's game.

        Args:
            game: of the cell.
            stream: from which the part draws.
            name: tells the part's states from those of others.
        """
        self._game = game
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._game, name)

    def uniform(self, *shape: int) -> Tensor:
        """See Game.uniform."""
        return self._game.draw_uniform(shape, self._stream)

    def normal(self, *shape: int) -> Tensor:
        """See Game.normal."""
        return self._game.draw_normal(shape, self._stream)

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """See Game.state."""
        return self._game.state(f"{self._name}.{name}", initial)


class AugmentationGame(PartGame):
    """The game as the augmentation sees it: scores cannot be asked for, since they are of what it gives."""

    def __init__(self, game: WholeGame, stream: torch.Generator) -> None:
        """Take over everything but draws, states and scores from the cell's game.

        Args:
            game: of the cell.
            stream: from which the augmentation draws.
        """
        super().__init__(game, stream, "augmentation")

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("an augmentation asks for scores, which are of what the augmentation gives")

    score = scores = input_gradient = _refuse
