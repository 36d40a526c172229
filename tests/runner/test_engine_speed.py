"""How fast an engine trains a cell: what counts as getting ready, and what as a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_grid import GRID
from torch import Tensor

from ganbench.api import Game
from ganbench.catalog import load_catalog
from ganbench.grid import read_grid
from ganbench.runner import CellParts, SharedParts, engine_speed
from ganbench.runner.engine_speed import measure_engine
from ganbench.training import Lockstep, Stretch
from ganbench.zoo.losses.adversarial import LeastSquares


@pytest.fixture
def make_parts() -> Callable[..., list[CellParts]]:
    """Builds the parts of the first cells of a small grid."""
    catalog = load_catalog()

    def make(count: int = 1, **train: Any) -> list[CellParts]:
        grid = {**GRID, "seeds": count, "train": {**GRID["train"], **train}}
        axes = {**GRID["axes"], "loss": ["least_squares"]}
        cells = read_grid({**grid, "axes": axes}, catalog).cells
        return [CellParts(cell, SharedParts(catalog), "cpu") for cell in cells]

    return make


class SlowStart:
    """A clock that a lockstep moves: three seconds before the first round, a quarter for each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rounds = 0.0, 0
        advance = Lockstep.advance

        def timed(lockstep: Lockstep, stretches: Sequence[Stretch]) -> Any:
            before = stretches[0].member.step
            played = advance(lockstep, stretches)
            self.now += 3.0 * (before == 0) + 0.25 * (stretches[0].member.step - before)
            self.rounds = stretches[0].member.step
            return played

        monkeypatch.setattr(Lockstep, "advance", timed)
        monkeypatch.setattr(engine_speed, "time", SimpleNamespace(perf_counter=lambda: self.now))


def test_rounds_are_timed_after_what_comes_before_them(
    make_parts: Callable[..., list[CellParts]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SlowStart(monkeypatch)
    found = measure_engine("eager", make_parts(steps=500), threads=1, seconds=5.0)
    assert (found.engine, found.refusal) == ("eager", "")
    assert (found.round_seconds, found.ready_seconds) == (0.25, 3.0)
    # The first forty, and then 2 + 4 + 8 + 16, the first blocks that are long enough together.
    assert clock.rounds == 40 + 30


@pytest.mark.parametrize(("steps", "per_round", "ready"), [(7, 0.25, 3.0), (2, 0.25, 3.0), (1, 3.25, 0.0)])
def test_a_short_training_is_measured_up_to_its_end(
    make_parts: Callable[..., list[CellParts]],
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    per_round: float,
    ready: float,
) -> None:
    clock = SlowStart(monkeypatch)
    found = measure_engine("eager", make_parts(steps=steps), threads=1, seconds=1000.0)
    assert (found.round_seconds, found.ready_seconds) == (per_round, ready)
    assert clock.rounds == steps


def test_an_engine_that_does_not_train_the_cell_says_why(make_parts: Callable[..., list[CellParts]]) -> None:
    found = measure_engine("graph", make_parts(), threads=1, seconds=1.0)
    assert found.refusal == "CUDA graphs need a CUDA device, and this is cpu"
    diverging = make_parts(steps=1000, optimizer={"name": "sgd", "lr": 1000.0})
    found = measure_engine("eager", diverging, threads=1, seconds=60.0)
    assert "is not finite at step" in found.refusal


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(ValueError("no such number"), "ValueError: no such number"), (MemoryError(), "out of memory")],
)
def test_what_fails_after_some_rounds_is_a_reason_and_no_end_of_the_trials(
    make_parts: Callable[..., list[CellParts]],
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    reason: str,
) -> None:
    def failing(self: LeastSquares, game: Game) -> Tensor:
        if game.step >= 5:
            raise failure
        return loss(self, game)

    loss = LeastSquares.generator_loss
    monkeypatch.setattr(LeastSquares, "generator_loss", failing)
    assert measure_engine("eager", make_parts(), threads=1, seconds=1.0).refusal == reason
