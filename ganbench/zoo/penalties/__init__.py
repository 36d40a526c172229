"""The built-in penalties, their specs on one screen; the penalties are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import PenaltySpec, hookimpl
from ganbench.api.lazy import lazy

_MESCHEDER = "Mescheder et al. (2018), Which Training Methods for GANs Converge"


@hookimpl
def ganbench_penalties() -> Iterator[PenaltySpec]:
    """Register the built-in penalties; s is the loss's logit."""
    yield PenaltySpec(
        name="none",
        build=lazy("ganbench.zoo.penalties.gradient_penalties:NoPenalty"),
        summary="No penalty.",
        needs_logit=False,
    )
    yield PenaltySpec(
        name="r1",
        build=lazy("ganbench.zoo.penalties.gradient_penalties:R1"),
        summary="Squared gradient norm of D's logit on real samples.",
        formula="weight/2 · E[|∇ s(x)|²]",
        reference=f"{_MESCHEDER}, eq. 9",
    )
    yield PenaltySpec(
        name="r2",
        build=lazy("ganbench.zoo.penalties.gradient_penalties:R2"),
        summary="Squared gradient norm of D's logit on generated samples.",
        formula="weight/2 · E[|∇ s(G(z))|²]",
        reference=f"{_MESCHEDER}, eq. 10",
    )
    yield PenaltySpec(
        name="gradient_penalty",
        build=lazy("ganbench.zoo.penalties.gradient_penalties:GradientPenalty"),
        summary="Draws the gradient norm of D's logit to a target, between real and generated samples.",
        formula="weight · E[(|∇ s(u·x + (1 - u)·G(z))| - target)²], u ~ U(0, 1)",
        reference="Gulrajani et al. (2017), Improved Training of Wasserstein GANs, equation 3",
    )
    yield PenaltySpec(
        name="dragan",
        build=lazy("ganbench.zoo.penalties.gradient_penalties:Dragan"),
        summary="Draws the gradient norm of D's logit to a target, around real samples.",
        formula="weight · E[(|∇ s(x + u·scale·std·v)| - target)²], u and v ~ U(0, 1), std of the batch",
        reference="Kodali et al. (2017), On Convergence and Stability of GANs, and the authors' code",
    )
