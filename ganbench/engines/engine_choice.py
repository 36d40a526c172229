"""Every engine by name, and which one a setting means for a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch

from ganbench.engines.compiled import CompiledEngine
from ganbench.engines.cuda_graph import CompiledGraphEngine, GraphEngine
from ganbench.errors import GridError
from ganbench.training import EagerEngine, Engine, SeedRun

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
