"""The engine that trains several seeds in one batch of matrices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.engines.batched_round import batched_round, stacked
from ganbench.engines.compiled import CompiledEngine
from ganbench.engines.cuda_graph import CompiledGraphEngine
from ganbench.engines.recorded_round import (
    NotRecordable,
    RecordedRound,
    RoundKind,
    flat_draws,
    kind_of_round,
    numbers_of_settings,
    settings_change,
)
from ganbench.engines.replaying import RoundFunction
from ganbench.engines.round_recorder import record_round
from ganbench.training.train_step import SeedRun

# Seeds of a group where a grid does not say: most grids have 5, 10 or 20 of them.
WIDTH = 5


class EnsembleEngine(CompiledEngine):
    """Plays each round of up to `width` seeds as one compiled function on their stacked tensors.

    The width is fixed, and a seed's place among the others is its number modulo the width. Places without a
    seed repeat the work of another one, and what comes of them is dropped. So the operations on a seed's
    numbers are the same whoever is trained with it, and so are its bits.

    The stacked tensors are copies: `synchronize` brings weights and states up to date.
    """

    name: ClassVar[str] = "ensemble"
    width: ClassVar[int] = WIDTH

    @classmethod
    def record(cls, run: SeedRun) -> object:
        """Record a round, and batch it."""
        return _Kind([run], [record_round(run)], cls.width, {})

    def __init__(self, group: Sequence[SeedRun]) -> None:
        """Take over runs at the same step; rounds are recorded when they are played first.

        Raises:
            ValueError: two of the seeds have the same place.
        """
        if len({run.seed % self.width for run in group}) != len(group):
            raise ValueError(
                f"seeds {[run.seed for run in group]} have no places of their own among {self.width}"
            )
        self._group = list(group)
        self._kinds: dict[RoundKind, _Kind] = {}
        # By name, all seeds side by side; kinds of rounds share them.
        self._state: dict[str, Tensor] = {}
        # What each training itself has of them.
        self._own: list[dict[str, Tensor]] = [{} for _ in group]
        self._gathered = False

    def prepare(self) -> None:
        """Record the coming round and compile it, where that is not done."""
        self._coming_kind()

    def advance(self, steps: int) -> None:
        """Play this many rounds of each seed."""
        for _ in range(steps):
            kind = self._coming_kind()
            if not self._gathered:
                self._copy(gathering=True)
                self._gathered = True
            kind.play()

    def synchronize(self) -> None:
        """Copy the state of each seed to where its training has it."""
        if self._gathered:
            self._copy(gathering=False)
            self._gathered = False

    def _copy(self, *, gathering: bool) -> None:
        """Copy states from the trainings to their places, or back."""
        with torch.no_grad():
            for run, own in zip(self._group, self._own, strict=True):
                for name, tensor in own.items():
                    there = self._state[name][run.seed % self.width]
                    if gathering:
                        there.copy_(tensor)
                    else:
                        tensor.copy_(there)

    def _coming_kind(self) -> _Kind:
        run = self._group[0]
        kind = kind_of_round(run.step, run.log.step, run.feed.d_steps)
        if kind not in self._kinds:
            # The recorder reads the state of each training, and may add to it.
            self.synchronize()
            recorded = [record_round(each) for each in self._group]
            for own, each in zip(self._own, recorded, strict=True):
                # Another kind of round may have created some that this one does not know, and the reverse.
                own |= each.state
            made = _Kind(self._group, recorded, self.width, self._state)
            with torch.no_grad():
                made.function = self.function(made.batched, made.inputs)
            self._kinds[kind] = made
        return self._kinds[kind]


class EnsembleGraphEngine(CompiledGraphEngine, EnsembleEngine):
    """Replays each round of up to `width` seeds as one CUDA graph."""

    name: ClassVar[str] = "graph+ensemble"


@functools.cache
def ensemble_of(engine: type[EnsembleEngine], width: int) -> type[EnsembleEngine]:
    """Give an engine for groups of a width, which is a part of its name: it decides bits.

    Args:
        engine: one of the two that train several seeds.
        width: how many.
    """
    made = {"name": f"{engine.name}-{width}", "width": width, "__doc__": engine.__doc__}
    return type(f"{engine.__name__}{width}", (engine,), made)


class _Kind:
    """Rounds of one kind, for all seeds of a group.

    Attributes:
        batched: the round.
        inputs: what it takes, as in the recorded round; the state among it is the engine's own.
        function: plays it.
    """

    def __init__(
        self,
        group: Sequence[SeedRun],
        recorded: Sequence[RecordedRound],
        width: int,
        state: dict[str, Tensor],
    ) -> None:
        """Batch what was recorded.

        Args:
            group: of runs.
            recorded: the round of each of them.
            width: places.
            state: the stacked state so far, by name; what is missing is added.

        Raises:
            NotRecordable: it cannot be batched, or the rounds of two seeds differ.
        """
        if len({each.key for each in recorded}) > 1:
            raise NotRecordable("its rounds do not consist of the same operations for every seed")
        for each in recorded:
            if shared := _shared_memory(each):
                raise NotRecordable(f"{shared} share memory, which stacked copies of them would not")
        self._group = group
        self._recorded = recorded
        self._places = [run.seed % width for run in group]
        # Whose work each place does.
        self._doers = [self._places.index(place) if place in self._places else 0 for place in range(width)]
        for name in recorded[0].state:
            if name not in state:
                state[name] = self._stack([each.state[name].detach() for each in recorded])
        # All that all seeds have alike is made once.
        self._settings: list[Tensor] | None = None
        settings = self._current_settings()
        count = len(recorded[0].given) - len(settings)
        given = [
            self._stack(tensors) for tensors in zip(*(each.given[:count] for each in recorded), strict=True)
        ]
        constants = [
            self._stack(tensors) for tensors in zip(*(each.constants for each in recorded), strict=True)
        ]
        self._state = {name: state[name] for name in recorded[0].state}
        self.batched = batched_round(recorded[0], self._state, given, settings, constants)
        self.inputs = [*self._state.values(), *self.batched.given, *constants]
        self.function: RoundFunction = self.batched.graph

    def play(self) -> None:
        """Play the coming round."""
        drawn = []
        for run, recorded in zip(self._group, self._recorded, strict=True):
            draws = flat_draws(run.feed.draw())
            drawn.append([*draws, *(call.made_by(run.step.game.draws) for call in recorded.calls)])
        given = [self._stack(tensors) for tensors in zip(*drawn, strict=True)]
        with torch.no_grad():
            (rows,) = self.function(
                *self._state.values(), *given, *self._current_settings(), *self.batched.constants
            )
            for run, place in zip(self._group, self._places, strict=True):
                run.log.write_row(rows[place])

    def _stack(self, tensors: Sequence[Tensor]) -> Tensor:
        return stacked([tensors[doer] for doer in self._doers])

    def _current_settings(self) -> list[Tensor]:
        """Give learning rates and the like, which all seeds share at a step."""
        run = self._group[0]
        if self._settings is None or settings_change(run.step):
            values = numbers_of_settings(run.step, run.log.step).values()
            device = run.step.game.step.device
            self._settings = [torch.tensor(value, dtype=torch.float64, device=device) for value in values]
        return self._settings


def _shared_memory(recorded: RecordedRound) -> str:
    """Name two tensors of which one is a part of the other, as a view; empty where there are none."""
    places: dict[int, str] = {}
    unnamed = {f"constant {index}": tensor for index, tensor in enumerate(recorded.constants)}
    for name, tensor in {**recorded.state, **unnamed}.items():
        place = tensor.untyped_storage().data_ptr()
        other = places.setdefault(place, name) if place else name
        if other != name and not (other in unnamed and name in unnamed):
            return f"{other} and {name}"
    return ""
