"""Every engine by name, and which one a setting means for a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch

from ganbench.engines.compiled import CompiledEngine
from ganbench.engines.cuda_graph import CompiledGraphEngine, GraphEngine
from ganbench.engines.ensemble import WIDTH, EnsembleEngine, EnsembleGraphEngine, ensemble_of
from ganbench.errors import GridError
from ganbench.training import EagerEngine, Engine, SeedRun

# Engines of any number of seeds; a width makes one for so many.
_ENSEMBLES = {engine.name: engine for engine in (EnsembleEngine, EnsembleGraphEngine)}
# Every engine; `ganbench.grid.settings.ENGINES` has the same names for the validation of grids.
ENGINES: Mapping[str, type[Engine]] = MappingProxyType(
    {
        "eager": EagerEngine,
        "compiled": CompiledEngine,
        "graph": GraphEngine,
        "graph+compiled": CompiledGraphEngine,
        **{name: ensemble_of(engine, WIDTH) for name, engine in _ENSEMBLES.items()},
    }
)
# What `auto` tries by type of device, in this order; the last one must be universal. Elsewhere it is eager.
AUTO: Mapping[str, tuple[str, ...]] = MappingProxyType({"cpu": ("eager",), "cuda": ("eager",)})


def engine_named(name: str, engines: Mapping[str, type[Engine]] = ENGINES) -> type[Engine]:
    """Give the engine of a name, as a grid or a record has it.

    Args:
        name: of `engines`, or of one for several seeds with their number, as `ensemble-16`.
        engines: by name.

    Raises:
        KeyError: there is none.
    """
    kind, dash, width = name.partition("-")
    if not dash:
        return engines[name]
    if not width.isdecimal():
        raise KeyError(name)
    return ensemble_of(_ENSEMBLES[kind], int(width))


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
    try:
        asked = None if setting == "auto" else engine_named(setting, engines)
    except KeyError:
        raise GridError(
            f"train.engine: must be one of auto, {', '.join(engines)}, given {setting!r}"
        ) from None
    tried = (
        {name: engines[name] for name in auto.get(device.type, (EagerEngine.name,))}
        if asked is None
        else {asked.name if asked.width > 1 else setting: asked}
    )
    refusals: dict[str, str] = {}
    runs: Sequence[SeedRun] | None = None
    for name, engine in tried.items():
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
