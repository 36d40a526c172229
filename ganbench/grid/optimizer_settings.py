"""The optimizers that a grid may name, their options, defaults and bounds (those of torch.optim)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LearningRate = Annotated[float, Field(gt=0, le=1000, description="a number above 0 and at most 1000")]
Decay = Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")]
# Fixed at two; a list in TOML.
Betas = Annotated[
    tuple[Decay, Decay],
    Field(strict=False, description="two numbers, each from 0 to below 1, as [0.5, 0.999]"),
]
Epsilon = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
WeightDecay = Annotated[float, Field(ge=0, le=1000, description="a number from 0 to 1000")]
Flag = Annotated[bool, Field(description="true or false")]

DEFAULT = "adam"


class OptimizerSettings(BaseModel):
    """What every optimizer has.

    Attributes:
        name: adam, adamw, sgd, rmsprop, or that of a plugin's.
        lr: learning rate.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    name: str
    lr: LearningRate = 2e-4

    def options(self) -> dict[str, Any]:
        """Return everything but the name, as torch's optimizer of that name takes it."""
        return self.model_dump(exclude={"name"})

    def changed(self) -> dict[str, Any]:
        """Return what differs from adam at its defaults: another name, options off that name's defaults."""
        dumped = self.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        return dumped if self.name == DEFAULT else {"name": self.name, **dumped}


class Adam(OptimizerSettings):
    """Adam (Kingma and Ba, 2015), with the betas of DCGAN's authors for the first moment.

    Attributes:
        betas: decays of the running means of the gradient and of its square.
        eps: added to the root that a step is divided by.
        weight_decay: times each weight, added to its gradient.
        amsgrad: whether a step is divided by the largest mean square so far (Reddi et al., 2018).
    """

    name: Literal["adam"] = "adam"
    betas: Betas = (0.5, 0.999)
    eps: Epsilon = 1e-8
    weight_decay: WeightDecay = 0.0
    amsgrad: Flag = False


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019); the decay's default is torch's.

    Attributes:
        weight_decay: the share of the learning rate by which each weight is reduced at a step.
    """

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: WeightDecay = 0.01


class SGD(OptimizerSettings):
    """Stochastic gradient descent, with or without momentum.

    Attributes:
        momentum: the share of the last step that is added to the next one.
        dampening: the share of the gradient that momentum leaves out.
        nesterov: whether the gradient is added once more, beyond the momentum.
        weight_decay: times each weight, added to its gradient.
    """

    name: Literal["sgd"] = "sgd"
    momentum: Decay = 0.0
    dampening: Decay = 0.0
    nesterov: Flag = False
    weight_decay: WeightDecay = 0.0

    needs_momentum: ClassVar[str] = "nesterov needs momentum above 0 and dampening 0"

    @model_validator(mode="after")
    def _nesterov(self) -> SGD:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError(
                f"{self.needs_momentum}, given momentum {self.momentum} and dampening {self.dampening}"
            )
        return self


class RMSprop(OptimizerSettings):
    """RMSprop (Tieleman and Hinton, 2012).

    Attributes:
        alpha: decay of the running mean of the squared gradient.
        eps: added to the root that a step is divided by.
        momentum: the share of the last step that is added to the next one.
        centered: whether the variance of the gradient is taken for its mean square.
        weight_decay: times each weight, added to its gradient.
    """

    name: Literal["rmsprop"] = "rmsprop"
    alpha: Decay = 0.99
    eps: Epsilon = 1e-8
    momentum: Decay = 0.0
    centered: Flag = False
    weight_decay: WeightDecay = 0.0


class PluginOptimizer(OptimizerSettings):
    """An optimizer of a plugin.

    Attributes:
        given: options that differ from their defaults, JSON values.
        known: all options, with the defaults of those that are not given: what schedules begin with.
    """

    given: Mapping[str, Any] = {}
    known: Mapping[str, Any] = {}

    def options(self) -> dict[str, Any]:
        """Return the learning rate and the options that differ from their defaults."""
        return {"lr": self.lr, **self.given}

    def changed(self) -> dict[str, Any]:
        """Return the name, and what differs from the defaults."""
        rate = self.model_dump(mode="json", include={"lr"}, exclude_defaults=True)
        return {"name": self.name, **rate, **self.given}


OPTIMIZERS: dict[str, type[OptimizerSettings]] = {
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": SGD,
}


def merged(base: Mapping[str, Any], over: Mapping[str, Any], unnamed: str = DEFAULT) -> dict[str, Any]:
    """Merge one optimizer's table over another's.

    Where `over` gives another name it replaces `base`, whose options mean nothing to it.

    Args:
        base: a table, whole or in part.
        over: what is laid over it.
        unnamed: the optimizer that `base` speaks of where it gives no name.
    """
    name = base.get("name", unnamed)
    if over.get("name", name) != name:
        return dict(over)
    return {**base, **over}
