"""The steps of torch's optimizers as operations on tensors alone, for engines that record a round.

`Optimizer.step` of torch decides by Python numbers, such as the count of steps. Here everything that changes
from step to step is a tensor. The state is the one that torch's optimizer keeps, under the same names, so
that checkpoints are the same whichever of them made the steps; the values agree to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Options = Mapping[str, Any]
State = dict[str, Tensor]


def refused_optimizer(optimizer: torch.optim.Optimizer, options: Options, scheduled: Sequence[str]) -> str:
    """Say why no such steps can be made for an optimizer; empty where they can.

    Args:
        optimizer: of one player.
        options: its hyper-parameters.
        scheduled: names of those that change in the course of training.
    """
    if type(optimizer) not in _STEPS:
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
    names = _STEPS[type(optimizer)][0](options)
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
    step = _STEPS[type(optimizer)][1]
    first: Tensor | None = None
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
            assert parameter.grad is not None
            step(parameter, parameter.grad, state, options, rate, first)


def _adam_names(options: Options) -> Sequence[str]:
    return ("step", "exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if options["amsgrad"] else ()))


def _adam(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, rate: Tensor, count: Tensor | None
) -> None:
    """Step as Kingma and Ba (2015), algorithm 1; weight decay is added to the gradient."""
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    _adam_along(parameter, gradient, state, options, rate, count)


def _adamw(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, rate: Tensor, count: Tensor | None
) -> None:
    """Step as Loshchilov and Hutter (2019), algorithm 2: weights decay beside the step."""
    if options["weight_decay"]:
        parameter.mul_(_typed(1 - rate * options["weight_decay"], parameter))
    _adam_along(parameter, gradient, state, options, rate, count)


def _adam_along(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, rate: Tensor, count: Tensor | None
) -> None:
    assert count is not None
    first, second = options["betas"]
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    mean.lerp_(gradient, 1 - first)
    square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
    if options["amsgrad"]:
        square = state["max_exp_avg_sq"].copy_(torch.maximum(state["max_exp_avg_sq"], square))
    # In float64, since 1 - beta^t is small at first.
    steps = count.double()
    size = rate / (1 - first**steps)
    root = (1 - second**steps).sqrt()
    denominator = square.sqrt() / _typed(root, parameter) + options["eps"]
    parameter.sub_(_typed(size, parameter) * mean / denominator)


def _sgd_names(options: Options) -> Sequence[str]:
    return ("momentum_buffer",) if options["momentum"] else ()


def _sgd(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, rate: Tensor, count: Tensor | None
) -> None:
    """Step with momentum as Sutskever et al. (2013), in torch's form: the rate multiplies the velocity."""
    if options["weight_decay"]:
        gradient = gradient + options["weight_decay"] * parameter
    if options["momentum"]:
        velocity = state["momentum_buffer"].mul_(options["momentum"]).add_(gradient)
        gradient = gradient + options["momentum"] * velocity if options["nesterov"] else velocity
    parameter.sub_(_typed(rate, parameter) * gradient)


def _rmsprop_names(options: Options) -> Sequence[str]:
    return (
        "step",
        "square_avg",
        *(("momentum_buffer",) if options["momentum"] else ()),
        *(("grad_avg",) if options["centered"] else ()),
    )


def _rmsprop(
    parameter: Tensor, gradient: Tensor, state: State, options: Options, rate: Tensor, count: Tensor | None
) -> None:
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
    parameter.sub_(_typed(rate, parameter) * ahead)


def _typed(value: Tensor, like: Tensor) -> Tensor:
    """Give a scalar tensor the type of a parameter, so that it does not change the type of a product."""
    return value.to(like.dtype)


_Step = Callable[[Tensor, Tensor, State, Options, Tensor, Tensor | None], None]
# By torch's class: the names of what it keeps, and the step.
_STEPS: Mapping[type[torch.optim.Optimizer], tuple[Callable[[Options], Sequence[str]], _Step]] = {
    torch.optim.Adam: (_adam_names, _adam),
    torch.optim.AdamW: (_adam_names, _adamw),
    torch.optim.SGD: (_sgd_names, _sgd),
    torch.optim.RMSprop: (_rmsprop_names, _rmsprop),
}
