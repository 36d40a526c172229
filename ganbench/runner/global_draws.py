"""Which part of a round draws from random generators of the whole process: losses, penalties or networks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.api import Players
from ganbench.training import networks_of


class GlobalDraws:
    """Tells what a loss draws from global generators from what networks draw there.

    Networks may draw from torch's: its state is a part of checkpoints. So while a network runs, torch's
    generator is in a state of its own.

    Attributes:
        unsaved_by_networks: generators that no checkpoint holds and that networks have drawn from.
        networks_drew: whether networks have drawn from torch's generator.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._networks = self._state()
        self._outside = self._state()
        self._begun = self._outside
        self._others = self._entered = _unsaved_generators()
        self._depth = 0
        self.unsaved_by_networks: set[str] = set()
        self.networks_drew = False

    @contextmanager
    def by_networks_of(self, players: Players) -> Iterator[None]:
        """Leave out what these players draw while this lasts."""
        handles = []
        for module in networks_of(players):
            handles.append(module.register_forward_pre_hook(self._enter))
            handles.append(module.register_forward_hook(self._leave, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def restart(self) -> None:
        """Forget what was drawn before."""
        self._begun, self._others = self._state(), _unsaved_generators()

    def unsaved(self) -> list[str]:
        """Name the generators that no checkpoint holds and that were drawn from, but by networks."""
        drawn = _moved(self._others, _unsaved_generators())
        return [name for name in drawn if name not in self.unsaved_by_networks]

    def moved(self) -> bool:
        """Tell whether torch's generator was drawn from outside of networks."""
        pairs = zip(self._begun, self._state(), strict=True)
        return not all(torch.equal(before, now) for before, now in pairs)

    def _enter(self, *_: object) -> None:
        if self._depth == 0:
            self._outside, self._entered = self._state(), _unsaved_generators()
            self._set(self._networks)
        self._depth += 1

    def _leave(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            left = self._state()
            pairs = zip(self._networks, left, strict=True)
            self.networks_drew |= not all(torch.equal(before, now) for before, now in pairs)
            self._networks = left
            self._set(self._outside)
            self.unsaved_by_networks.update(_moved(self._entered, _unsaved_generators()))

    def _state(self) -> list[Tensor]:
        cuda = [torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    def _set(self, state: Sequence[Tensor]) -> None:
        torch.set_rng_state(state[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state[1], self._device)


@contextmanager
def watched_draws() -> Iterator[list[str]]:
    """Name the global generators that are drawn from or seeded while this lasts; the list is filled then."""
    before = {"torch's global generator": torch.get_rng_state().numpy().tobytes(), **_unsaved_generators()}
    drawn: list[str] = []
    yield drawn
    after = {"torch's global generator": torch.get_rng_state().numpy().tobytes(), **_unsaved_generators()}
    drawn += _moved(before, after)


def _unsaved_generators() -> dict[str, object]:
    """Return the states of global generators that no checkpoint holds."""
    state: Any = np.random.get_state()
    return {"python's random": random.getstate(), "numpy.random": (state[0], state[1].tobytes(), *state[2:])}


def _moved(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return [name for name, state in after.items() if state != before[name]]
