"""What is kept of a run step by step; values stay on the device and are moved in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

COLUMNS = ("step", "loss_d", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g", "jsd")
# Losses are looked at for NaN and infinity this often; a step costs no synchronisation.
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


class Diagnostics:
    """Curves of one cell, and the watch for values that are not finite."""

    def __init__(self) -> None:
        self._rows: list[Tensor] = []
        self._pending: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._steps: list[int] = []

    def watch(self, step: int, loss_d: Tensor, loss_g: Tensor) -> None:
        """Remember the losses of one step until `settle` looks at them."""
        self._steps.append(step)
        self._losses += (loss_d.detach(), loss_g.detach())

    @property
    def full(self) -> bool:
        """Whether `settle` is due."""
        return len(self._steps) >= BLOCK

    def record(self, step: int, values: Sequence[Tensor | float]) -> None:
        """Keep one row of the curves; `values` are those of COLUMNS after the step."""
        device = next((value.device for value in values if isinstance(value, Tensor)), None)
        row = [torch.as_tensor(value, dtype=torch.float64, device=device) for value in (step, *values)]
        self._pending.append(torch.stack(row))

    def settle(self) -> None:
        """Move pending rows off the device and look at the losses since the last time.

        Raises:
            Diverged: a loss was not finite; the rows up to that step are kept, later ones are dropped.
        """
        if self._pending:
            self._rows.append(torch.stack(self._pending).cpu())
            self._pending = []
        if not self._steps:
            return
        steps, self._steps = self._steps, []
        losses, self._losses = self._losses, []
        finite = torch.isfinite(torch.stack(losses)).view(-1, 2).cpu()
        bad = (~finite.all(1)).nonzero()
        if len(bad):
            first = int(bad[0])
            step = steps[first]
            rows = self.tensor()
            self._rows = [rows[rows[:, 0] <= step]]
            raise Diverged(step, "loss_g" if finite[first, 0] else "loss_d")

    def tensor(self) -> Tensor:
        """All settled rows: float64 (rows, columns)."""
        if not self._rows:
            return torch.empty(0, len(COLUMNS), dtype=torch.float64)
        self._rows = [torch.cat(self._rows)]
        return self._rows[0]

    def restore(self, rows: Tensor) -> None:
        """Begin with these rows."""
        self._rows = [rows]
        self._pending, self._losses, self._steps = [], [], []

    def columns(self) -> dict[str, list[float]]:
        """The curves by column; `step` holds whole numbers."""
        rows = self.tensor()
        curves: dict[str, list[float]] = {name: rows[:, index].tolist() for index, name in enumerate(COLUMNS)}
        curves["step"] = [int(step) for step in curves["step"]]
        return curves

    def last(self) -> tuple[float, float] | None:
        """The last settled losses of D and G, for the progress line."""
        rows = self.tensor()
        return (float(rows[-1, 1]), float(rows[-1, 2])) if len(rows) else None


def gradient_norm(parameters: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    norms = torch._foreach_norm(gradients)
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total
