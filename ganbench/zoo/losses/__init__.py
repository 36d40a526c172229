"""The built-in losses, their specs on one screen; the losses are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import Loss, LossSpec, hookimpl

_GOODFELLOW = "Goodfellow et al. (2014), Generative Adversarial Networks"
_CROSS_ENTROPY = "-E[log D(x)] - E[log(1 - D(G(z)))]"


@hookimpl
def ganbench_losses() -> Iterator[LossSpec]:
    """The built-in losses."""
    yield LossSpec(
        name="minimax",
        build=_minimax,
        summary="The zero-sum game of the 2014 paper: G minimises what D maximises.",
        formula_d=_CROSS_ENTROPY,
        formula_g="E[log(1 - D(G(z)))]",
        reference=f"{_GOODFELLOW}, equation 1",
        value=True,
    )
    yield LossSpec(
        name="non_saturating",
        build=_non_saturating,
        summary="The same D; G maximises log D(G(z)), which does not vanish when D wins.",
        formula_d=_CROSS_ENTROPY,
        formula_g="-E[log D(G(z))]",
        reference=f"{_GOODFELLOW}, section 3",
        value=True,
    )


def _minimax() -> Loss:
    from ganbench.zoo.losses.minimax import Minimax

    return Minimax()


def _non_saturating() -> Loss:
    from ganbench.zoo.losses.minimax import NonSaturating

    return NonSaturating()
