"""Warnings from the curves of a run that goes wrong without a NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

# D tells nearly every sample apart, for good.
_WON_REAL, _WON_FAKE = 0.99, 0.01
# The generator's gradient has fallen by this factor from its median over the first tenth of the run.
_VANISHED = 1e-4
# Losses that differ by less than this, relative, have not moved.
_STILL = 1e-6
# Shorter curves say too little.
_MIN_ROWS = 20


def training_warnings(curves: Mapping[str, Sequence[float]], generator_constant: bool) -> list[str]:
    """List warnings as `name@step`, the step from which the condition holds to the end.

    Args:
        curves: the diagnostics by column.
        generator_constant: whether all generated samples are equal.

    Returns:
        Any of `discriminator_won`, `gradient_vanished`, `frozen`, `generator_constant`, in this order.
    """
    steps = curves["step"]
    found: list[str] = []
    if len(steps) >= _MIN_ROWS:
        won = [
            real > _WON_REAL and fake < _WON_FAKE
            for real, fake in zip(curves["d_real"], curves["d_fake"], strict=True)
        ]
        norms = curves["grad_norm_g"]
        early = sorted(norms[: max(len(norms) // 10, 1)])
        floor = early[len(early) // 2] * _VANISHED
        vanished = [norm <= floor for norm in norms]
        still = [
            _close(loss_d, curves["loss_d"][-1]) and _close(loss_g, curves["loss_g"][-1])
            for loss_d, loss_g in zip(curves["loss_d"], curves["loss_g"], strict=True)
        ]
        for name, holds in (("discriminator_won", won), ("gradient_vanished", vanished), ("frozen", still)):
            since = _since(holds)
            # A condition that only began to hold near the end may pass.
            if since is not None and since <= len(steps) // 2:
                found.append(f"{name}@{int(steps[since])}")
    if generator_constant:
        found.append(f"generator_constant@{int(steps[-1]) if len(steps) else 0}")
    return found


def _since(holds: Sequence[bool]) -> int | None:
    """Find the first index from which a condition holds to the end; None where it does not hold there."""
    since = None
    for index in range(len(holds) - 1, -1, -1):
        if not holds[index]:
            break
        since = index
    return since


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_STILL, abs_tol=0.0)
