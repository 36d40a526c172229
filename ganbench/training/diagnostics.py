"""The values of a run step by step; they stay on the device and are moved off it in blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

COLUMNS = ("step", "loss_d", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g", "jsd")
# Rounds between two looks at the losses for NaN and infinity; a step costs no synchronisation.
BLOCK = 100


class Diverged(Exception):
    """Training produced a value that is not finite.

    Attributes:
        step: the generator update in which it appeared.
        what: which value it was.
    """

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} is not finite at step {step}")
        self.step = step
        self.what = what


class StepLog:
    """The values of the last rounds, one row each, on the device until `take` moves them off in one copy.

    Attributes:
        step: generator updates done.
    """

    def __init__(self, device: torch.device, every: int, rounds: int = BLOCK) -> None:
        """Set up an empty log at step 0.

        Args:
            device: where the rounds are played.
            every: steps between rows of the curves.
            rounds: rows.
        """
        self.step = 0
        self._every = every
        self._rows = torch.full((rounds, len(COLUMNS)), math.nan, dtype=torch.float64, device=device)
        # Views made once: writing one value is one copy on the device.
        self._cells = [dict(zip(COLUMNS, row.unbind(), strict=True)) for row in self._rows.unbind()]
        self._used = 0

    @property
    def free(self) -> int:
        """The number of further rounds that fit before `take`."""
        return len(self._cells) - self._used

    def observes(self, step: int) -> bool:
        """Return whether a step has a row in the curves, so that its diagnostics are wanted."""
        return step == 1 or step % self._every == 0

    def write(self, values: Mapping[str, Tensor]) -> None:
        """Write the row of a finished round and count the step.

        Args:
            values: detached scalars by column. Both losses are always there; what is left out is NaN.

        Raises:
            IndexError: the log is full.
        """
        row = self._cells[self._used]
        for name, value in values.items():
            row[name].copy_(value)
        self._used += 1
        self.step += 1

    def write_row(self, row: Tensor) -> None:
        """Write the row of a finished round as a whole and count the step.

        Args:
            row: (columns), NaN where a column has no value.

        Raises:
            IndexError: the log is full.
        """
        if not self.free:
            raise IndexError("the log is full")
        self._rows[self._used].copy_(row)
        self._used += 1
        self.step += 1

    def take(self) -> Tensor:
        """Move the rows since the last time to the CPU: float64 (rounds, columns)."""
        rows = self._rows[: self._used].to("cpu", copy=True)
        rows[:, 0] = torch.arange(self.step - self._used + 1, self.step + 1)
        self.clear()
        return rows

    def clear(self) -> None:
        """Drop the rows since the last time."""
        self._used = 0
        self._rows.fill_(math.nan)

    def restart(self, step: int) -> None:
        """Drop all rows and count on from a step."""
        self.clear()
        self.step = step


class Diagnostics:
    """Curves of one cell, and the watch for losses that are not finite."""

    def __init__(self) -> None:
        self._rows: list[Tensor] = []

    def settle(self, log: StepLog) -> None:
        """Take over the log's rows: keep those of the curves, look at the losses of all.

        Raises:
            Diverged: a loss was not finite; the rows up to that step are kept, later ones are dropped.
        """
        rows = log.take()
        finite = torch.isfinite(rows[:, [COLUMNS.index("loss_d"), COLUMNS.index("loss_g")]])
        bad = (~finite.all(1)).nonzero()
        end = int(bad[0]) + 1 if len(bad) else len(rows)
        kept = [index for index, step in enumerate(rows[:end, 0].tolist()) if log.observes(int(step))]
        if kept:
            self._rows.append(rows[kept])
        if len(bad):
            raise Diverged(int(rows[end - 1, 0]), "loss_g" if finite[end - 1, 0] else "loss_d")

    def tensor(self) -> Tensor:
        """Return all settled rows: float64 (rows, columns)."""
        if not self._rows:
            return torch.empty(0, len(COLUMNS), dtype=torch.float64)
        self._rows = [torch.cat(self._rows)]
        return self._rows[0]

    def restore(self, rows: Tensor) -> None:
        """Begin with these rows."""
        self._rows = [rows]

    def columns(self) -> dict[str, list[float]]:
        """Return the curves by column; `step` holds whole numbers."""
        rows = self.tensor()
        curves: dict[str, list[float]] = {name: rows[:, index].tolist() for index, name in enumerate(COLUMNS)}
        curves["step"] = [int(step) for step in curves["step"]]
        return curves

    def last(self) -> tuple[float, float] | None:
        """Return the last settled losses of D and G, for the progress line."""
        rows = self.tensor()
        return (float(rows[-1, 1]), float(rows[-1, 2])) if len(rows) else None


def gradient_norm(parameters: Sequence[Tensor]) -> Tensor:
    """Compute the Euclidean norm of all gradients together; 0 where there is none."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros((), device=parameters[0].device if parameters else None)
    norms = torch._foreach_norm(gradients)
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total
