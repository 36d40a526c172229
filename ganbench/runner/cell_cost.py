"""What a cell costs beside its quality: parameters, the speed of its training, the memory that it takes."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

import torch

from ganbench.api import Players

_MIB = 2**20
# Linux: writing 5 to the first begins the peak in the second anew; absent elsewhere.
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class CellCost:
    """Measures one cell that this process runs; goes on from what a checkpoint has.

    Memory is the most that tensors took on a GPU, or that this process took on a CPU, with its libraries and
    data, while the cell ran.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin to watch the memory.

        Args:
            device: where the cell is trained.
        """
        self._device = device
        self._steps, self._seconds, self._peak_mib = 0, 0.0, 0.0
        self._watches = self._begin_watching()

    def add(self, steps: int, seconds: float) -> None:
        """Take notice of steps of training, and of how long they took."""
        self._steps += steps
        self._seconds += seconds

    def state(self) -> dict[str, float]:
        """Give what a checkpoint keeps of it."""
        return {"steps": self._steps, "seconds": self._seconds, "peak_mib": self._peak()}

    def restore(self, state: object) -> None:
        """Go on from a checkpoint; what cannot be read there is left aside."""
        if not isinstance(state, Mapping):
            return
        steps, seconds, peak_mib = (state.get(name) for name in ("steps", "seconds", "peak_mib"))
        if _is_amount(steps) and _is_amount(seconds) and _is_amount(peak_mib):
            self._steps += int(steps)
            self._seconds += float(seconds)
            self._peak_mib = max(self._peak_mib, float(peak_mib))

    def as_record(self, players: Players) -> dict[str, float]:
        """Give what a cell's record has of it, with what is unknown left out.

        Args:
            players: of the cell.

        Returns:
            `generator_parameters` and `discriminator_parameters`, numbers that learn; `steps_per_second` of
            training alone, without scoring; `peak_memory_mib`.
        """
        found: dict[str, float] = {
            f"{name}_parameters": sum(tensor.numel() for tensor in player.parameters())
            for name, player in (
                ("generator", players.generator),
                ("discriminator", players.discriminator),
            )
        }
        if self._steps > 0 and self._seconds > 0:
            found["steps_per_second"] = self._steps / self._seconds
        if (peak := self._peak()) > 0:
            found["peak_memory_mib"] = round(peak, 1)
        return found

    def _begin_watching(self) -> bool:
        try:
            if self._device.type != "cuda":
                _CLEAR.write_text("5")
            elif torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                # Before, there is no peak, and torch refuses to reset it.
                torch.cuda.reset_peak_memory_stats(self._device)
        except (OSError, RuntimeError):
            return False
        return True

    def _peak(self) -> float:
        """Read the peak so far in MiB; 0 where it is unknown."""
        now = 0.0
        # A device that fails, or is not there, ends the cell elsewhere, with a reason.
        with contextlib.suppress(OSError, RuntimeError):
            if self._watches and self._device.type == "cuda":
                now = torch.cuda.max_memory_allocated(self._device) / _MIB
            elif self._watches and (found := _PEAK.search(_STATUS.read_text())):
                now = int(found[1]) / 1024
        self._peak_mib = max(self._peak_mib, now)
        return self._peak_mib


def _is_amount(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
