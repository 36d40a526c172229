"""The optimizers of torch from settings, and the schedules of what they are given."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from ganbench.grid import TrainSettings
from ganbench.grid.optimizer_settings import OPTIMIZERS, OptimizerSettings, PluginOptimizer
from ganbench.grid.schedule_settings import HalfLife, Ramp, RateSchedule
from ganbench.training.plain_optimizers import without_compiler

# The value in the round that follows so many rounds.
Scheduled = Callable[[int], Any]
# Parameters and options, the learning rate among them, to an optimizer.
BuildOptimizer = Callable[[Sequence[nn.Parameter], Mapping[str, Any]], torch.optim.Optimizer]

_CLASSES: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
# One fused kernel per step; RMSprop has none, and other devices, `meta` among them, have none at all.
_FUSED = {"adam", "adamw", "sgd"}
_FUSED_DEVICES = {"cpu", "cuda"}


class TorchOptimizer:
    """Builds one of torch's optimizers; its signature is that of the settings of the same name.

    Attributes:
        name: as a grid names it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = "\n".join(each.__doc__ or "" for each in OPTIMIZERS[name].__mro__[:3])

    @property
    def __signature__(self) -> inspect.Signature:
        model = OPTIMIZERS[self.name]
        # With the bounds: pydantic's fields have lost the annotations that they were made of.
        annotations = typing.get_type_hints(model, include_extras=True)
        first = inspect.Parameter("parameters", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        options = [
            inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotations[option]
            )
            for option, field in model.model_fields.items()
            if option != "name"
        ]
        return inspect.Signature([first, *options])

    def __call__(self, parameters: Iterable[nn.Parameter], **options: Any) -> torch.optim.Optimizer:
        """Build it; options that are not given have the defaults of the settings."""
        settings = OPTIMIZERS[self.name].model_validate(options)
        built = build_optimizer(self.name, settings.options(), parameters)
        if built is None:
            raise ValueError("there are no parameters")
        return built


ADAM, ADAMW, RMSPROP, SGD = (TorchOptimizer(name) for name in ("adam", "adamw", "rmsprop", "sgd"))


def build_optimizer(
    name: str,
    options: Mapping[str, Any],
    parameters: Iterable[nn.Parameter],
    plugins: Mapping[str, BuildOptimizer] = MappingProxyType({}),
) -> torch.optim.Optimizer | None:
    """Build the optimizer of a player's parameters; None for a player without any.

    Args:
        name: as a grid names it.
        options: for the optimizer, the learning rate among them.
        parameters: those that learn.
        plugins: builds optimizers that are not torch's own, by name.
    """
    owned = list(parameters)
    if not owned:
        return None
    with without_compiler():
        if name not in _CLASSES:
            return plugins[name](owned, options)
        has_fused = name in _FUSED and owned[0].device.type in _FUSED_DEVICES
        fused = {"fused": True} if has_fused else {"foreach": True}
        return _CLASSES[name](owned, **options, **fused)  # type: ignore[arg-type]


def rate_factor(schedule: str | RateSchedule, steps: int) -> Callable[[int], float] | None:
    """Return what the learning rate is multiplied by after 0 .. steps - 1 rounds; None where it stays.

    `linear` and `cosine` go from 1 to 0, `exponential` from 1 to 0.01, or each to the schedule's `final`,
    which they would reach after the last round. In a warm-up of n rounds the factor is 1/n, 2/n, .. 1;
    the decay takes the rounds that follow.

    Args:
        schedule: of the settings.
        steps: all rounds of the run.
    """
    if isinstance(schedule, str):
        schedule = RateSchedule(name=schedule)  # type: ignore[arg-type]
    warm = round(schedule.warmup * steps)
    decay = _decay(schedule, steps - warm)
    if not warm:
        return decay

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 1.0 if decay is None else decay(step - warm)

    return factor


def _decay(schedule: RateSchedule, steps: int) -> Callable[[int], float] | None:
    if schedule.name == "constant":
        return None
    end = schedule.end
    if schedule.name == "exponential":
        return lambda step: end ** (step / steps)
    if schedule.name == "linear":
        return lambda step: _towards(end, 1 - step / steps)
    return lambda step: _towards(end, (1 + math.cos(math.pi * step / steps)) / 2)


def _towards(end: float, share: float) -> float:
    """Go from 1 to `end` as the share falls from 1 to 0; the share itself where the end is 0."""
    return share if end == 0 else end + (1 - end) * share


def ramp_value(ramp: Ramp, steps: int) -> Callable[[int], float]:
    """Return the value of a ramp after 0 .. steps - 1 rounds.

    Args:
        ramp: with its first value.
        steps: all rounds of the run.
    """
    assert ramp.start is not None
    start, to, length = ramp.start, ramp.to, ramp.until * steps

    def value(step: int) -> float:
        share = min(step / length, 1.0)
        if share == 1.0:
            return to
        if ramp.name == "exponential":
            return float(start * (to / start) ** share)
        if ramp.name == "cosine":
            return to + (start - to) * (1 + math.cos(math.pi * share)) / 2
        return start + (to - start) * share

    return value


def optimizer_schedules(player: str, settings: TrainSettings) -> dict[str, Scheduled]:
    """Return what changes of a player's optimizer, by the names of torch's parameter groups.

    Args:
        player: `d_optimizer` or `g_optimizer`.
        settings: the cell's [train].
    """
    optimizer: OptimizerSettings = getattr(settings, player)
    rate, factor = optimizer.lr, rate_factor(settings.schedule, settings.steps)
    found: dict[str, Scheduled] = {} if factor is None else {"lr": lambda step: rate * factor(step)}
    ramps = {
        key.removeprefix(f"{player}."): ramp_value(ramp, settings.steps)
        for key, ramp in (settings.schedules or {}).items()
        if key.startswith(f"{player}.")
    }
    items: dict[str, dict[int, Callable[[int], float]]] = {}
    for key, ramp in ramps.items():
        name, _, index = key.partition(".")
        if index:
            items.setdefault(name, {})[int(index)] = ramp
        else:
            found[name] = ramp
    for name, changing in items.items():
        own = optimizer.known if isinstance(optimizer, PluginOptimizer) else vars(optimizer)
        found[name] = _several(changing, own[name])
    return found


def _several(changing: Mapping[int, Callable[[int], float]], fixed: Sequence[float]) -> Scheduled:
    def several(step: int) -> tuple[float, ...]:
        return tuple(
            changing[index](step) if index in changing else value for index, value in enumerate(fixed)
        )

    return several


def ema_decay(settings: TrainSettings) -> float | Callable[[int], float]:
    """Return the moving average's decay per step, or as a function of the rounds done; 0 means no average.

    A half-life of h steps is a decay of 0.5^(1/h). Under a ramp r the half-life in the n-th round is at most
    r n (Karras et al., 2020, Training Generative Adversarial Networks with Limited Data, the authors' code).
    """
    ramp = (settings.schedules or {}).get("ema")
    if ramp is not None:
        return ramp_value(ramp, settings.steps)
    ema = settings.ema
    if not isinstance(ema, HalfLife):
        return ema
    half_life, share = ema.half_life, ema.ramp
    if not share:
        return float(0.5 ** (1 / half_life))
    return lambda step: float(0.5 ** (1 / min(half_life, share * (step + 1))))
