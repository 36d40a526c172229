"""Engines: how training steps execute, and which engine a setting means for a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Protocol

import torch

from ganbench.errors import GridError
from ganbench.training.compiled import CompiledEngine
from ganbench.training.cuda_graph import CompiledGraphEngine, GraphEngine
from ganbench.training.eager import EagerEngine
from ganbench.training.train_step import SeedRun, TrainStep


class Engine(Protocol):
    """Plays rounds for a group of seeds. Engines give different bits, so the name is part of the environment.

    Attributes:
        name: as a grid names it.
        width: number of seeds that it trains together; the trainer gives it that number of runs.
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
        """Take over a group of `width` runs that differ in their seed."""

    def prepare(self) -> None:
        """Do what comes once before the coming round, as compiling it; its time is none of the training's."""

    def advance(self, steps: int) -> None:
        """Play rounds: draw through each run's feed, write through its log, move EMA and hyper-parameters.

        Args:
            steps: rounds, at most as many as each log has free rows.
        """

    def synchronize(self) -> None:
        """Bring modules, optimizers, states and streams up to date, before the trainer reads them."""


# Every engine; `ganbench.grid.settings.ENGINES` has the same names for the validation of grids.
ENGINES: Mapping[str, type[Engine]] = MappingProxyType(
    {engine.name: engine for engine in (EagerEngine, CompiledEngine, GraphEngine, CompiledGraphEngine)}
)
# What `auto` tries by type of device, in this order; the last one must be universal. Elsewhere it is eager.
AUTO: Mapping[str, tuple[str, ...]] = MappingProxyType({"cpu": ("eager",), "cuda": ("eager",)})


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """The engine that a setting means for a cell.

    Attributes:
        name: of the engine.
        refusals: why engines that `auto` would rather have taken were not, by name.
    """

    name: str
    refusals: Mapping[str, str] = field(default_factory=dict)


def choose_engine(
    setting: str,
    device: torch.device,
    make_runs: Callable[[], Sequence[SeedRun]],
    *,
    engines: Mapping[str, type[Engine]] = ENGINES,
    auto: Mapping[str, tuple[str, ...]] = AUTO,
) -> EngineChoice:
    """Choose the engine of a cell: the requested one, or the first of `auto` that does not refuse.

    Args:
        setting: `train.engine`.
        device: where the cell is trained.
        make_runs: builds every step that the cell plays, which is more than one where a freeze changes
            the loss, with its inputs; called at most once, and only where an engine has to be asked.
        engines: by name.
        auto: names that `auto` tries, by type of device.

    Raises:
        GridError: no engine has that name, or the requested one refuses.
    """
    if setting != "auto" and setting not in engines:
        raise GridError(f"train.engine: must be one of auto, {', '.join(engines)}, given {setting!r}")
    names = auto.get(device.type, (EagerEngine.name,)) if setting == "auto" else (setting,)
    refusals: dict[str, str] = {}
    runs: Sequence[SeedRun] | None = None
    for name in names:
        engine = engines[name]
        if engine.universal:
            return EngineChoice(name=name, refusals=refusals)
        runs = make_runs() if runs is None else runs
        reason = next(
            filter(None, (engine.refuses(run.step, device) or engine.attempt(run) for run in runs)), ""
        )
        if not reason:
            return EngineChoice(name=name, refusals=refusals)
        refusals[name] = reason
    reasons = "; ".join(f"{name!r}: {reason}" for name, reason in refusals.items())
    raise GridError(f"train.engine: {setting!r} cannot train this cell on {device}: {reasons}")
