"""R3GAN (Huang et al., 2024) as a plugin of ganbench: loss, penalty, architecture and two grids."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench import ArchitectureSpec, GridSpec, LossSpec, PenaltySpec, hookimpl
from ganbench_r3gan.architecture import r3gan_resnet
from ganbench_r3gan.objective import FadingPenalty, RelativisticPairing

_PAPER = "Huang, Gokaslan, Kuleshov and Tompkin (2024), The GAN is dead; long live the GAN!"


@hookimpl
def ganbench_losses() -> Iterable[LossSpec]:
    """Register the loss."""
    yield LossSpec(
        name="r3gan",
        build=RelativisticPairing,
        summary="D says how much more real a real sample is than a generated one, pair by pair (RpGAN).",
        reference=f"{_PAPER}, section 2; Jolicoeur-Martineau (2018), The Relativistic Discriminator",
        formula_d="E[softplus(s(G(z)) - s(x))]",
        formula_g="E[softplus(s(x) - s(G(z)))]",
    )


@hookimpl
def ganbench_penalties() -> Iterable[PenaltySpec]:
    """Register the penalty."""
    yield PenaltySpec(
        name="r3gan_r1_r2",
        build=FadingPenalty,
        summary="R1 and R2 together, with a weight that fades along half a cosine.",
        reference=f"{_PAPER}, section 2 and appendix",
        formula="γ(t)/2 · (E[|∇ s(x)|²] + E[|∇ s(G(z))|²])",
    )


@hookimpl
def ganbench_architectures() -> Iterable[ArchitectureSpec]:
    """Register the architecture."""
    yield ArchitectureSpec(
        name="r3gan_resnet",
        build=r3gan_resnet,
        summary="Residual nets with grouped convolutions, without normalisation; 8 to 64 pixels.",
        reference=f"{_PAPER}, section 3, and the authors' code",
    )


@hookimpl
def ganbench_grids() -> Iterable[GridSpec]:
    """Register the grids; what each is for stands in its first line."""
    yield GridSpec(name="r3gan-cifar10", path="r3gan-cifar10.toml")
    yield GridSpec(name="r3gan-modes", path="r3gan-modes.toml")
