"""How fast an engine trains a cell, found out by training it for a moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganbench.engines import engine_named
from ganbench.errors import said
from ganbench.runner.build import CellParts, build_trainer
from ganbench.runner.reasons import memory_missing
from ganbench.training import Lockstep, Stretch, Trainer, deterministic_process

# Rounds are of several kinds, as with a row of the curves or without; all have been met after so many.
_WARM_UP_ROUNDS = 40


@dataclass(frozen=True, kw_only=True)
class EngineSpeed:
    """What was found out about an engine.

    Attributes:
        engine: its name.
        refusal: why it does not train the cell; empty where it does.
        round_seconds: of one round, of all seeds that it trains together.
        ready_seconds: from the beginning until rounds take no longer than that.
    """

    engine: str
    refusal: str = ""
    round_seconds: float = 0.0
    ready_seconds: float = 0.0


def measure_engine(
    engine: str, seeds: Sequence[CellParts], *, threads: int | None, seconds: float
) -> EngineSpeed:
    """Train cells that differ in their seed from step 0, and measure how fast; nothing is kept.

    Args:
        engine: its name.
        seeds: the cells' parts, untrained, as many as are to be trained together; used up.
        threads: for one operation on a CPU, as a worker has them.
        seconds: that are measured, after a warm-up; fewer where the training ends before.
    """
    with deterministic_process(threads):
        kind = engine_named(engine)
        try:
            begun = time.perf_counter()
            trainers = [build_trainer(parts, engine) for parts in seeds]
            device = trainers[0].device
            for run in trainers[0].seed_runs if not kind.universal else ():
                if reason := kind.refuses(run.step, device) or kind.attempt(run):
                    return EngineSpeed(engine=engine, refusal=reason)
            return _measured(engine, trainers, seeds[0].cell.train.steps, begun, seconds)
        except Exception as failure:
            # What ends a cell ends its trial: a net that does not fit into memory, a plugin that fails.
            return EngineSpeed(engine=engine, refusal=memory_missing(failure) or said(failure))


def _measured(
    engine: str, trainers: Sequence[Trainer], last: int, begun: float, seconds: float
) -> EngineSpeed:
    lockstep = Lockstep(engine_named(engine))
    # A few rounds are left to measure of a short training.
    warm = min(_WARM_UP_ROUNDS, max(1, last // 2))
    _play(lockstep, trainers, warm)
    ready = time.perf_counter() - begun
    rounds, spent, count = 0, 0.0, 1
    while spent < seconds and trainers[0].step < last:
        count = min(2 * count, last - trainers[0].step)
        since = time.perf_counter()
        _play(lockstep, trainers, trainers[0].step + count)
        spent += time.perf_counter() - since
        rounds += count
    # All steps of a training of one step are its warm-up.
    per_round = spent / rounds if rounds else ready
    return EngineSpeed(
        engine=engine, round_seconds=per_round, ready_seconds=max(0.0, ready - warm * per_round)
    )


def _play(lockstep: Lockstep, trainers: Sequence[Trainer], until: int) -> None:
    while behind := [trainer for trainer in trainers if trainer.step < until]:
        played = lockstep.advance([Stretch(member=trainer, until=until) for trainer in behind])
        for _, failure in played.ended:
            if failure is not None:
                raise failure
    if trainers[0].device.type == "cuda":
        torch.cuda.synchronize(trainers[0].device)
