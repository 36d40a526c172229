"""The built-in penalties, their specs on one screen; the penalties are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import Penalty, PenaltySpec, hookimpl


@hookimpl
def ganbench_penalties() -> Iterator[PenaltySpec]:
    """The built-in penalties."""
    yield PenaltySpec(name="none", build=_none, summary="No penalty.", formula="0", needs_logit=False)
    yield PenaltySpec(
        name="r1",
        build=_r1,
        summary="Squared gradient norm of D's logit on real samples.",
        formula="weight/2 · E[|∇ s(x)|²]",
        reference="Mescheder et al. (2018), Which Training Methods for GANs Converge, eq. 9",
    )


def _none() -> Penalty:
    from ganbench.zoo.penalties.none import NoPenalty

    return NoPenalty()


def _r1(weight: float = 1.0) -> Penalty:
    from ganbench.zoo.penalties.r1 import R1

    return R1(weight=weight)
