"""The part that engines of recorded rounds share: one function per kind of round, called with its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.engines.recorded_round import (
    NotRecordable,
    RecordedRound,
    RoundKind,
    flat_draws,
    kind_of_round,
    numbers_of_settings,
    refused_step,
    settings_change,
)
from ganbench.engines.round_recorder import record_round
from ganbench.training.train_step import SeedRun, TrainStep

# From what a round takes to (the row of the log,); the state among it is changed in place.
RoundFunction = Callable[..., Sequence[Tensor]]


class ReplayingEngine:
    """Plays rounds that were recorded once: both players' turns, penalties, optimizers, EMA in one graph.

    Random numbers are drawn from the same streams as by the eager engine and are inputs of the graph; those
    of networks, such as dropout's, come from torch's global generator as they do there. Values agree with
    the eager engine's to rounding. A round is never cut, so that a resumed training has the bits of one that
    was not interrupted.

    The graph is run operation by operation here; other engines run it in another way.
    """

    name: ClassVar[str] = "replaying"
    width: ClassVar[int] = 1
    rounds_per_call: ClassVar[int] = 1
    universal: ClassVar[bool] = False

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        """Refuse what cannot be recorded, as far as it shows before a round is played."""
        return refused_step(step)

    @classmethod
    def attempt(cls, run: SeedRun) -> str:
        """Record a round; return why that fails, or nothing."""
        try:
            cls.record(run)
        except NotRecordable as error:
            return str(error)
        except Exception:
            # The eager engine could not play it either: the cell fails, and preflight says why.
            return ""
        return ""

    @classmethod
    def record(cls, run: SeedRun) -> object:
        """Record a round as this engine plays it.

        Raises:
            NotRecordable: that cannot be done.
        """
        return record_round(run)

    def __init__(self, group: Sequence[SeedRun]) -> None:
        """Take the one run of a group; rounds are recorded when they are played first."""
        (self._run,) = group
        self._rounds: dict[RoundKind, _PlayableRound] = {}

    def prepare(self) -> None:
        """Record the coming round and make what plays it, where that is not done."""
        self._coming()

    def advance(self, steps: int) -> None:
        """Play this many rounds."""
        for _ in range(steps):
            coming = self._coming()
            with torch.no_grad():
                self._run.log.write_row(coming.play())

    def _coming(self) -> _PlayableRound:
        run = self._run
        kind = kind_of_round(run.step, run.log.step, run.feed.d_steps)
        if kind not in self._rounds:
            self._rounds[kind] = _PlayableRound(run, record_round(run), self.function)
        return self._rounds[kind]

    def function(self, recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
        """Make what plays a recorded round.

        Args:
            recorded: the round.
            inputs: what it takes, as in the recorded round; the state among it is the training's own.
        """
        return recorded.graph

    def synchronize(self) -> None:
        """Do nothing: weights and states are changed in place."""


class _PlayableRound:
    """A recorded round of one run, with what plays it and its inputs."""

    def __init__(
        self,
        run: SeedRun,
        recorded: RecordedRound,
        function: Callable[[RecordedRound, Sequence[Tensor]], RoundFunction],
    ) -> None:
        self._run = run
        self._recorded = recorded
        # Settings that do not change, once they are made.
        self._fixed: list[Tensor] | None = None
        # Without autograd, which has no part in it.
        self._state = [tensor.detach() for tensor in recorded.state.values()]
        with torch.no_grad():
            self._function = function(recorded, [*self._state, *recorded.given, *recorded.constants])

    def play(self) -> Tensor:
        """Play the coming round; return its row of the log."""
        run, recorded = self._run, self._recorded
        draws = run.feed.draw()
        numbers = [draw.made_by(run.step.game.draws) for draw in recorded.calls]
        given = [*flat_draws(draws), *numbers, *self._settings()]
        (row,) = self._function(*self._state, *given, *recorded.constants)
        return row

    def _settings(self) -> list[Tensor]:
        run = self._run
        if self._fixed is not None:
            return self._fixed
        values = numbers_of_settings(run.step, run.log.step).values()
        device = run.step.game.step.device
        made = [torch.tensor(value, dtype=torch.float64, device=device) for value in values]
        if not settings_change(run.step):
            self._fixed = made
        return made
