"""Every engine tried on the games of a plan: how fast each would train its cells on this machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from ganbench.engines import ENGINES
from ganbench.execution.plan import Plan, PlannedCell
from ganbench.execution.task_groups import seed_group_of
from ganbench.grid import Cell
from ganbench.grid.choice import NONE
from ganbench.runner import CellParts
from ganbench.runner.engine_speed import EngineSpeed, measure_engine

# Of each engine on each game, after its warm-up.
_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class EngineForecast:
    """What one engine would make of the cells of a game.

    Attributes:
        speed: as measured.
        steps_per_second: of one worker, all seeds that it trains together counted; 0 where it refuses.
        total_seconds: of one worker for all cells, with what comes before the first rounds of each loss;
            infinite where it refuses.
    """

    speed: EngineSpeed
    steps_per_second: float = 0.0
    total_seconds: float = math.inf


@dataclass(frozen=True, kw_only=True)
class EngineTrial:
    """Cells that differ in loss and seed alone, and what every engine would make of them.

    Attributes:
        cells: to be trained; the first seeds of the first loss were tried.
        engine: the planned one.
        forecasts: one for each engine, in the order in which they were tried.
    """

    cells: Sequence[Cell]
    engine: str
    forecasts: Sequence[EngineForecast]


def try_engines(plan: Plan, on_engine: Callable[[Cell, str], None]) -> Iterator[EngineTrial]:
    """Train the first cells of each game of a plan for a moment on each engine, in this process.

    Cells that differ in their data, networks, penalty, augmentation or settings are games of their own; those
    that differ in their loss take nearly the same time, so one loss is tried.

    Args:
        plan: of a run.
        on_engine: told of each trial before it begins; it takes minutes where a round has to be compiled.
    """
    games: dict[tuple[str, str], list[PlannedCell]] = {}
    for planned in plan.cells:
        if planned.action == "train":
            game = replace(planned.cell, loss=NONE, seed=0, scored_as={}).id
            games.setdefault((game, planned.environment.engine), []).append(planned)
    for (_, engine), members in games.items():
        cells = [planned.cell for planned in members]
        forecasts = []
        for name in dict.fromkeys([*ENGINES, engine]):
            on_engine(cells[0], name)
            forecasts.append(_forecast(name, cells, plan))
        yield EngineTrial(cells=cells, engine=engine, forecasts=forecasts)


def _forecast(engine: str, cells: Sequence[Cell], plan: Plan) -> EngineForecast:
    groups: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(seed_group_of(cell, engine), []).append(cell)
    together = next(iter(groups.values()))
    speed = measure_engine(
        engine,
        [CellParts(cell, plan.shared, plan.device) for cell in together],
        threads=plan.place.threads,
        seconds=_SECONDS,
    )
    if speed.refusal:
        return EngineForecast(speed=speed)
    losses = {cell.loss.label for cell in cells}
    return EngineForecast(
        speed=speed,
        steps_per_second=len(together) / speed.round_seconds,
        total_seconds=len(losses) * speed.ready_seconds
        + len(groups) * cells[0].train.steps * speed.round_seconds,
    )
