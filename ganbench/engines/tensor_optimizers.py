"""The steps of torch's optimizers as operations on tensors alone, for engines that record a round.

`Optimizer.step` of torch decides by Python numbers, such as the count of steps. Here everything that changes
from step to step is a tensor. The state is the one that torch's optimizer keeps, under the same names, so
that checkpoints are the same whichever of them made the steps; the values agree to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Options = Mapping[str, Any]
State = dict[str, Tensor]
# What parameters with the same count of steps share: the learning rate, and what is made of it.
Scalars = Mapping[str, Tensor]


@dataclass(frozen=True)
class _Rule:
    """The steps of one class of optimizers.

    Attributes:
        names: of what it keeps for each parameter.
        step: changes a parameter and its state along its gradient.
        scalars: makes what steps take of the learning rate and of the count of steps, if it has one.
    """

    names: Callable[[Options], Sequence[str]]
    step: Callable[[Tensor, Tensor, State, Options, Scalars], None]
    scalars: Callable[[Options, Tensor, Tensor | None], Scalars] = lambda options, rate, count: {"rate": rate}


def refused_optimizer(optimizer: torch.optim.Optimizer, options: Options, scheduled: Sequence[str]) -> str:
    """Say why no such steps can be made for an optimizer; empty where they can.

    Args:
        optimizer: of one player.
        options: its hyper-parameters.
        scheduled: names of those that change in the course of training.
    """
    if type(optimizer) not in _RULES:
        return f"the optimizer {type(optimizer).__name__}, whose steps it does not know"
    if options.get("dampening"):
        return "SGD with dampening, whose first step is another one"
    if others := sorted(set(scheduled) - {"lr"}):
        return f"a schedule of {others[0]}; of an optimizer's hyper-parameters only lr may change"
    return ""


def create_optimizer_state(
    optimizer: torch.optim.Optimizer, options: Options, parameters: Sequence[nn.Parameter]
) -> None:
    """Create what torch's optimizer would create at its first step, for parameters that have nothing yet.

    Args:
        optimizer: keeps the state.
        options: its hyper-parameters.
        parameters: those that have gradients.
    """
    names = _RULES[type(optimizer)].names(options)
    for parameter in parameters:
        state = optimizer.state[parameter]
        for name in names:
            if state.get(name) is None:
                state[name] = (
                    torch.zeros((), dtype=torch.float32, device=parameter.device)
                    if name == "step"
                    else torch.zeros_like(parameter, requires_grad=False)
                )


def make_step(
    optimizer: torch.optim.Optimizer,
    options: Options,
    parameters: Sequence[nn.Parameter],
    rate: Tensor,
    *,
    equal_counts: bool,
) -> None:
    """Take a step along the gradients, in place.

    Args:
        optimizer: whose state is there.
        options: its hyper-parameters; `lr` among them is not used.
        parameters: those that have gradients.
        rate: the learning rate, a scalar.
        equal_counts: whether all of them have made the same number of steps, so that one count serves all.
    """
    rule = _RULES[type(optimizer)]
    first: Tensor | None = None
    made: dict[torch.dtype, Scalars] = {}
    with torch.no_grad():
        for parameter in parameters:
            state = optimizer.state[parameter]
            count = state.get("step")
            if count is not None:
                if first is None or not equal_counts:
                    count.add_(1)
                    first = count
                else:
                    count.copy_(first)
            if parameter.dtype not in made or not equal_counts:
                scalars = rule.scalars(options, rate, first)
                # Of the parameter's type, so that they do not change the type of a product.
                made[parameter.dtype] = {name: value.to(parameter.dtype) for name, value in scalars.items()}
            assert parameter.grad is not None
            rule.step(parameter, parameter.grad, state, options, made[parameter.dtype])


def _adam_names(options: Options) -> Sequence[str]:
    return ("step", "exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if options["amsgrad"] else ()))


def _adam_scalars(options: Options, rate: Tensor, count: Tensor | None) -> Scalars:
    """Make the corrections of both averages, which begin at 0."""
    assert count is not None
    first, second = options["betas"]
    # In float64, since 1 - beta^t is small at first.
    steps = count.double()
    return {"size": rate / (1 - _power(first, steps)), "root": (1 - _power(second, steps)).sqrt()}


def _adamw_scalars(options: Options, rate: Tensor, count: Tensor | None) -> Scalars:
    """Make the same, and what is kept of a weight."""
    return {**_adam_scalars(options, rate, count), "kept": 1 - rate * options["weight_decay"]}


def _power(base: float, exponent: Tensor) -> Tensor:
    """Compute base^exponent by way of exp, which torch's compiler does once for all who take the result.

    Of a power it takes for granted that doing it again is cheap: again for every sixteen weights.
    """
    return torch.exp(exponent * math.log(base)) if base else torch.zeros_like(exponent)


def _adam(parameter: Tensor, gradient: Tensor, state: State, options: Options, scalars: Scalars) -> None:
    """Step as Kingma and Ba (2015), algorithm 1; weight decay is added to the gradient."""
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    _adam_along(parameter, gradient, state, options, scalars)


def _adamw(parameter: Tensor, gradient: Tensor, state: State, options: Options, scalars: Scalars) -> None:
    """Step as Loshchilov and Hutter (2019), algorithm 2: weights decay beside the step."""
    if options["weight_decay"]:
        parameter.mul_(scalars["kept"])
    _adam_along(parameter, gradient, state, options, scalars)


def _adam_along(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, scalars: Scalars
) -> None:
    first, second = options["betas"]
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    mean.lerp_(gradient, 1 - first)
    square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
    if options["amsgrad"]:
        square = state["max_exp_avg_sq"].copy_(torch.maximum(state["max_exp_avg_sq"], square))
    denominator = square.sqrt() / scalars["root"] + options["eps"]
    parameter.sub_(scalars["size"] * mean / denominator)


def _sgd_names(options: Options) -> Sequence[str]:
    return ("momentum_buffer",) if options["momentum"] else ()


def _sgd(parameter: Tensor, gradient: Tensor, state: State, options: Options, scalars: Scalars) -> None:
    """Step with momentum as Sutskever et al. (2013), in torch's form: the rate multiplies the velocity."""
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    if options["momentum"]:
        velocity = state["momentum_buffer"].mul_(options["momentum"]).add_(gradient)
        gradient = gradient + options["momentum"] * velocity if options["nesterov"] else velocity
    parameter.sub_(scalars["rate"] * gradient)


def _rmsprop_names(options: Options) -> Sequence[str]:
    return (
        "step",
        "square_avg",
        *(("momentum_buffer",) if options["momentum"] else ()),
        *(("grad_avg",) if options["centered"] else ()),
    )


def _rmsprop(parameter: Tensor, gradient: Tensor, state: State, options: Options, scalars: Scalars) -> None:
    """Step as Hinton (2012, lecture 6e); centred as Graves (2013), equations 38 to 45."""
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    square = (
        state["square_avg"].mul_(options["alpha"]).addcmul_(gradient, gradient, value=1 - options["alpha"])
    )
    if options["centered"]:
        mean = state["grad_avg"].lerp_(gradient, 1 - options["alpha"])
        square = square - mean * mean
    ahead = gradient / (square.sqrt() + options["eps"])
    if options["momentum"]:
        ahead = state["momentum_buffer"].mul_(options["momentum"]).add_(ahead)
    parameter.sub_(scalars["rate"] * ahead)


# By torch's class.
_RULES: Mapping[type[torch.optim.Optimizer], _Rule] = {
    torch.optim.Adam: _Rule(_adam_names, _adam, _adam_scalars),
    torch.optim.AdamW: _Rule(_adam_names, _adamw, _adamw_scalars),
    torch.optim.SGD: _Rule(_sgd_names, _sgd),
    torch.optim.RMSprop: _Rule(_rmsprop_names, _rmsprop),
}
