"""Trainings that differ in their seed, played together by one engine; a training alone is a group of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import torch

from ganbench.training.diagnostics import BLOCK
from ganbench.training.engine import Engine
from ganbench.training.train_step import SeedRun


class Member(Protocol):
    """A training as a lockstep needs it; `Trainer` is one."""

    @property
    def step(self) -> int:
        """Generator updates done."""

    @property
    def device(self) -> torch.device:
        """Where it is trained."""

    @property
    def is_frozen(self) -> bool:
        """Whether the coming round leaves the generator as it is; other rounds take another engine."""

    def coming_run(self) -> SeedRun:
        """Make ready for rounds like the coming one, and give them as an engine takes them."""

    def in_rounds(self) -> AbstractContextManager[None]:
        """Set what holds in this process while rounds are played."""

    def rounds_until(self, until: int) -> int:
        """Count the rounds to play before something else is due, at most up to step `until`."""

    def look(self, *, weights: bool) -> None:
        """Move the log's rows to the curves; raise Diverged where a loss, or a weight, is not finite."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stretch:
    """Rounds that a training is to play next.

    Attributes:
        member: the training.
        until: the step at which they end.
        pause: asked after each round whether to end them sooner.
    """

    member: Member
    until: int
    pause: Callable[[], bool] = lambda: False


@dataclass(kw_only=True)
class Played:
    """What came of an advance.

    Attributes:
        seconds: that its rounds took, divided among the trainings that played.
        preparing: seconds before them, as for compiling, divided likewise.
        played: the stretches of which rounds were played.
        ended: those of them that have come to their end, with what ended them sooner, such as Diverged;
            None where nothing did.
    """

    seconds: float = 0.0
    preparing: float = 0.0
    played: Sequence[Stretch] = ()
    ended: list[tuple[Stretch, BaseException | None]] = field(default_factory=list)


class Lockstep:
    """Plays the rounds of trainings side by side; those that are behind catch up with the others first.

    Each training keeps its own streams, log and weights. The engine is made anew when other trainings play
    than before, so none can hold on to one that has left.
    """

    def __init__(self, engine: type[Engine]) -> None:
        """Begin without a training.

        Args:
            engine: plays the rounds, of at most `engine.width` trainings.
        """
        self._type = engine
        self._engine: tuple[object, Engine] | None = None

    def advance(self, stretches: Sequence[Stretch]) -> Played:
        """Play rounds of those that are furthest behind, until a stretch ends or others are caught up with.

        Args:
            stretches: at least one, each of another training; all with equal settings.
        """
        behind = min(stretch.member.step for stretch in stretches)
        playing = [stretch for stretch in stretches if stretch.member.step == behind]
        ahead = [stretch.member.step for stretch in stretches if stretch.member.step > behind]
        limit = min([*ahead, *(stretch.until for stretch in playing)])
        played = Played(played=playing)
        # Any of them will do: what the engine of several refuses is to draw from torch's global generators.
        with playing[0].member.in_rounds():
            begun = time.monotonic()
            try:
                if behind < limit:
                    self._engine_of([stretch.member for stretch in playing]).prepare()
                    played.preparing = (time.monotonic() - begun) / len(playing)
                    begun = time.monotonic()
                self._play(playing, limit, played)
            except BaseException as failure:
                # Nobody can tell whose it was.
                played.ended = [(stretch, failure) for stretch in playing]
            played.seconds = (time.monotonic() - begun) / len(playing)
        return played

    def _play(self, playing: Sequence[Stretch], limit: int, played: Played) -> None:
        members = [stretch.member for stretch in playing]
        step = members[0].step
        failed: dict[Stretch, BaseException] = {}
        paused: list[Stretch] = []
        while step < limit and not failed and not paused:
            engine = self._engine_of(members)
            engine.advance(min(member.rounds_until(limit) for member in members))
            step = members[0].step
            if step % BLOCK == 0:
                engine.synchronize()
                failed = _looked_at(playing, weights=True)
            paused = [stretch for stretch in playing if stretch.pause()]
        if self._engine is not None:
            self._engine[1].synchronize()
        ending = [
            stretch
            for stretch in playing
            if stretch not in failed and (stretch in paused or step >= stretch.until)
        ]
        for stretch in ending:
            failed |= _looked_at([stretch], weights=step >= stretch.until)
        played.ended = [
            (stretch, failed.get(stretch)) for stretch in playing if stretch in ending or stretch in failed
        ]

    def _engine_of(self, members: Sequence[Member]) -> Engine:
        key = (tuple(members), members[0].is_frozen)
        if self._engine is not None:
            for_key, engine = self._engine
            if for_key == key:
                return engine
            engine.synchronize()
        runs = [member.coming_run() for member in members]
        for run, member in zip(runs, members, strict=True):
            if reason := self._type.refuses(run.step, member.device):
                raise RuntimeError(f"engine {self._type.name!r} cannot train this cell: {reason}")
        engine = self._type(runs)
        self._engine = key, engine
        return engine


def _looked_at(stretches: Sequence[Stretch], *, weights: bool) -> dict[Stretch, BaseException]:
    failed: dict[Stretch, BaseException] = {}
    for stretch in stretches:
        try:
            stretch.member.look(weights=weights)
        except Exception as failure:
            failed[stretch] = failure
    return failed
