"""The built-in optimizers, torch's own; their options are those of `ganbench.grid.optimizer_settings`."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import OptimizerSpec, hookimpl
from ganbench.api.lazy import lazy


@hookimpl
def ganbench_optimizers() -> Iterator[OptimizerSpec]:
    """Register the built-in optimizers."""
    yield OptimizerSpec(
        name="adam",
        build=lazy("ganbench.training.optimizers:ADAM"),
        summary="Adam, with the betas of DCGAN's authors for the first moment.",
        reference="Kingma and Ba (2015), Adam: A Method for Stochastic Optimization",
    )
    yield OptimizerSpec(
        name="adamw",
        build=lazy("ganbench.training.optimizers:ADAMW"),
        summary="Adam with decoupled weight decay.",
        reference="Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization",
    )
    yield OptimizerSpec(
        name="rmsprop",
        build=lazy("ganbench.training.optimizers:RMSPROP"),
        summary="Steps divided by a running root mean square of the gradient.",
        reference="Tieleman and Hinton (2012), Lecture 6.5 - RMSProp",
    )
    yield OptimizerSpec(
        name="sgd",
        build=lazy("ganbench.training.optimizers:SGD"),
        summary="Stochastic gradient descent, with or without momentum.",
    )
