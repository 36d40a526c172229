"""What an engine is: how training steps execute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch

from ganbench.training.train_step import SeedRun, TrainStep


class Engine(Protocol):
    """Plays rounds for a group of seeds. Engines give different bits, so the name is part of the environment.

    Attributes:
        name: as a grid names it.
        width: the most seeds that it trains together. What comes of one does not depend on the others.
        rounds_per_call: rounds that the trainer asks for at a time where nothing else ends them sooner; the
            trainer looks in between whether the run is to stop.
        universal: whether it refuses nothing, so that no networks have to be built to ask it.
    """

    name: ClassVar[str]
    width: ClassVar[int]
    rounds_per_call: ClassVar[int]
    universal: ClassVar[bool]

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        """Return why it cannot play this step on this device; empty where it can."""

    @classmethod
    def attempt(cls, run: SeedRun) -> str:
        """Try what cannot be told from the step alone, and leave the run as it is; return why it fails."""

    def __init__(self, group: Sequence[SeedRun]) -> None:
        """Take over a group of 1 to `width` runs at the same step, which differ in their seed."""

    def prepare(self) -> None:
        """Do what comes once before the coming round, as compiling it; its time is none of the training's."""

    def advance(self, steps: int) -> None:
        """Play rounds: draw through each run's feed, write through its log, move EMA and hyper-parameters.

        Args:
            steps: rounds, at most as many as each log has free rows.
        """

    def synchronize(self) -> None:
        """Bring modules, optimizers, states and streams up to date, before the trainer reads them."""
