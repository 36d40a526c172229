"""Schedules of learning rates, other hyper-parameters and the moving average, as a grid gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    model_serializer,
    model_validator,
)

from ganbench.errors import did_you_mean
from ganbench.grid.optimizer_settings import OptimizerSettings, PluginOptimizer
from ganbench.grid.problems import given

RateScheduleName = Literal["constant", "linear", "cosine", "exponential"]
# An exponential schedule of the learning rate ends at this share of it where the grid gives no other.
EXPONENTIAL_FINAL = 0.01
# What may be scheduled of an optimizer; `betas.0` and `betas.1` are the two numbers of `betas`.
SCHEDULED_OPTIONS = (
    "lr",
    "betas.0",
    "betas.1",
    "eps",
    "weight_decay",
    "momentum",
    "dampening",
    "alpha",
)
EMA_KEY = "ema"

_CONFIG = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class RateSchedule(BaseModel):
    """The schedule of both learning rates where it needs more than a name.

    Attributes:
        name: the form of the decay.
        final: share of the rate that it ends with; the form's own unless given (0, and 0.01 of
            `exponential`).
        warmup: share of the steps in which the rate first rises linearly; the decay takes the others.
    """

    model_config = _CONFIG

    name: RateScheduleName = Field(description="one of constant, linear, cosine, exponential")
    final: float | None = Field(default=None, ge=0, le=1, description="a share of the rate, from 0 to 1")
    warmup: float = Field(default=0.0, ge=0, lt=1, description="a share of the steps, from 0 to below 1")

    @model_validator(mode="after")
    def _ends(self) -> RateSchedule:
        if self.name == "constant" and self.final is not None:
            raise ValueError("final: a constant schedule has none; name another schedule or leave final out")
        if self.name == "exponential" and self.final == 0:
            raise ValueError("final: an exponential schedule never reaches 0; give a number above 0")
        return self

    @property
    def end(self) -> float:
        """The share of the rate that it ends with."""
        if self.final is not None:
            return self.final
        return {"constant": 1.0, "exponential": EXPONENTIAL_FINAL}.get(self.name, 0.0)

    @model_serializer
    def _as_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {"name": self.name}
        if self.final is not None:
            values["final"] = self.final
        if self.warmup:
            values["warmup"] = self.warmup
        return values


class Ramp(BaseModel):
    """The schedule of one hyper-parameter, from one value to another.

    Attributes:
        name: the form of the way between the values.
        start: the value at the first step (`from` in a grid); what the settings say unless given.
        to: the value at the end, which stays from then on.
        until: share of the steps after which `to` is reached.
    """

    model_config = _CONFIG

    name: Literal["linear", "cosine", "exponential"] = Field(description="one of linear, cosine, exponential")
    start: float | None = Field(default=None, alias="from", description="a number")
    to: float = Field(description="a number")
    until: float = Field(default=1.0, gt=0, le=1, description="a share of the steps, above 0 and at most 1")

    @model_validator(mode="after")
    def _has_a_way(self) -> Ramp:
        if self.name == "exponential" and (self.to <= 0 or (self.start is not None and self.start <= 0)):
            raise ValueError("an exponential schedule needs values above 0")
        return self

    @model_serializer
    def _as_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {"name": self.name}
        if self.start is not None:
            values["from"] = self.start
        values["to"] = self.to
        if self.until != 1.0:
            values["until"] = self.until
        return values


class HalfLife(BaseModel):
    """The moving average by its half-life, which means the same whatever the batch.

    Attributes:
        half_life: generator updates after which what a step contributed counts half.
        ramp: the half-life is at most this share of the updates done so far (Karras et al., 2020, ADA, whose
            code has 0.05); 0 for the whole half-life from the start.
    """

    model_config = _CONFIG

    half_life: float = Field(gt=0, le=1e9, description="a number of steps above 0")
    ramp: float = Field(default=0.0, ge=0, le=1, description="a share of the steps, from 0 to 1")

    @model_serializer
    def _as_json(self) -> dict[str, Any]:
        return {"half_life": self.half_life, **({"ramp": self.ramp} if self.ramp else {})}


def _read_table(model: type[BaseModel], table: Mapping[str, Any], at: str = "") -> Any:
    """Make a model of a table.

    Raises:
        ValueError: what is wrong with it, in the words of a grid's problems.
    """
    keys = {info.alias or name: info for name, info in model.model_fields.items()}
    prefix = f"{at}: " if at else ""
    for key in table:
        if key not in keys:
            raise ValueError(f"{prefix}there is no key {given(key)}{did_you_mean(str(key), list(keys))}")
    for key, info in keys.items():
        if info.is_required() and key not in table:
            raise ValueError(f"{prefix}{key} is missing, given {given(dict(table))}")
    # TOML's whole numbers serve as numbers, its booleans do not.
    numbers = {key: float(value) if type(value) is int else value for key, value in table.items()}
    try:
        return model.model_validate(numbers)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise ValueError(f"{prefix}{first['ctx']['error']}") from None
        key = str(first["loc"][0])
        wants = keys[key].description
        raise ValueError(f"{prefix}{key} must be {wants}, given {given(table[key])}") from None


def _read_rate_schedule(value: Any) -> Any:
    """Read `schedule`: a name, or a table; a table that says no more than the name is the name."""
    if not isinstance(value, Mapping):
        return value
    read: RateSchedule = _read_table(RateSchedule, value)
    plain = RateSchedule(name=read.name)
    if read.final == plain.end:
        read = read.model_copy(update={"final": None})
    return read.name if read == plain else read


def _read_half_life(value: Any) -> Any:
    return _read_table(HalfLife, value) if isinstance(value, Mapping) else value


def read_ramps(value: Any) -> Any:
    """Read `schedules`: ramps by dotted keys, which may come as nested tables."""
    if isinstance(value, Mapping):
        flat = dict(_flat("", value))
        for key in flat:
            _require_known(key)
        return {key: _read_table(Ramp, table, key) for key, table in sorted(flat.items())}
    if value is None:
        return None
    wants = "must be a table of schedules, such as {ema = {name = 'linear', to = 0.999}}"
    raise ValueError(f"{wants}, given {given(value)}")


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Ramp):
            yield name, value.model_dump()
        elif not isinstance(value, Mapping):
            raise ValueError(
                f"{name}: must be a table such as {{name = 'linear', to = 0.99}}, given {given(value)}"
            )
        elif any(isinstance(inner, Mapping) for inner in value.values()) and "to" not in value:
            yield from _flat(f"{name}.", value)
        else:
            yield name, value


def _require_known(key: str) -> None:
    player, _, option = key.partition(".")
    if key == EMA_KEY:
        return
    players = ("optimizer", "d_optimizer", "g_optimizer")
    if player not in players:
        raise ValueError(
            f"{key}: nothing of that name has a schedule{did_you_mean(player, (*players, EMA_KEY))}"
        )
    if not option:
        raise ValueError(f"{key}: must name an option of it, such as {key}.lr")


def settle_ramps(
    ramps: Mapping[str, Ramp],
    optimizers: Mapping[str, OptimizerSettings],
    ema: float | HalfLife | Mapping[str, Any],
) -> dict[str, Ramp]:
    """Write out the ramps of a grid: one per player for those of `optimizer`, each with its first value.

    Args:
        ramps: by key, as the grid has them.
        optimizers: `d_optimizer` and `g_optimizer`.
        ema: the setting, as a table or read.

    Raises:
        ValueError: an optimizer has no such option or does not take such a value, or two ramps are of one
            hyper-parameter.
    """
    settled: dict[str, Ramp] = {}
    for key, ramp in sorted(ramps.items()):
        player, _, option = key.partition(".")
        for owner in optimizers if player == "optimizer" else (player,):
            name = f"{owner}.{option}" if option else owner
            if name in settled or (player == "optimizer" and name in ramps):
                raise ValueError(f"schedules: {key} and {name} speak of the same; give one of them")
            if owner == EMA_KEY:
                settled[name] = _with_start(ramp, _decay(ema), key)
                ends = {"from": settled[name].start, "to": ramp.to}
                for end, value in ends.items():
                    if not 0 <= (value or 0.0) < 1:
                        raise ValueError(
                            f"schedules: {key}: {end} must be from 0 to below 1, given {value:g}"
                        )
            else:
                settled[name] = _with_start(ramp, scheduled_value(optimizers[owner], option, key), key)
                for value in (settled[name].start, ramp.to):
                    assert value is not None
                    _require_allowed(optimizers[owner], option, value, key)
    return dict(sorted(settled.items()))


def scheduled_value(optimizer: OptimizerSettings, option: str, key: str) -> float:
    """Look up an option of an optimizer, where `betas.1` is the second of the betas.

    Raises:
        ValueError: the optimizer has no such option, or it is no number.
    """
    name, _, index = option.partition(".")
    if isinstance(optimizer, PluginOptimizer) and name != "lr":
        found = optimizer.known.get(name)
        if index:
            has = isinstance(found, list) and index.isdigit() and int(index) < len(found)
            found = found[int(index)] if found is not None and has else None
        if not isinstance(found, int | float) or isinstance(found, bool):
            numbers = [each for each, known in optimizer.known.items() if not isinstance(known, bool | str)]
            hint = did_you_mean(option, ["lr", *numbers])
            lacks = f"the optimizer {optimizer.name} has no {given(option)} that is a number"
            raise ValueError(f"schedules: {key}: {lacks}{hint}")
        return float(found)
    if option not in SCHEDULED_OPTIONS:
        hint = did_you_mean(option, SCHEDULED_OPTIONS)
        raise ValueError(f"schedules: {key}: an optimizer has no {given(option)} that can be scheduled{hint}")
    if name not in type(optimizer).model_fields:
        raise ValueError(f"schedules: {key}: the optimizer {optimizer.name} has no {name}")
    value = getattr(optimizer, name)
    return float(value[int(index)] if index else value)


def _require_allowed(optimizer: OptimizerSettings, option: str, value: float, key: str) -> None:
    name, _, index = option.partition(".")
    if isinstance(optimizer, PluginOptimizer) and name != "lr":
        return  # Its options are checked where they are known, with the catalog.
    if name == "lr" and value == 0:
        # No optimizer is set up with this rate, and a schedule may end or begin with it.
        return
    whole: Any = value
    if index:
        pair = list(getattr(optimizer, name))
        pair[int(index)] = value
        whole = tuple(pair)
    try:
        type(optimizer).model_validate({**optimizer.model_dump(), name: whole})
    except ValidationError:
        wants = type(optimizer).model_fields[name].description
        raise ValueError(
            f"schedules: {key}: {optimizer.name} takes no {name} of {value:g}; it must be {wants}"
        ) from None


def _decay(ema: float | HalfLife | Mapping[str, Any]) -> float:
    if not isinstance(ema, int | float):
        raise ValueError(f"schedules: {EMA_KEY} needs an ema that is a decay, and it is a half-life")
    return ema


def _with_start(ramp: Ramp, value: float, key: str) -> Ramp:
    if ramp.start is None:
        ramp = ramp.model_copy(update={"start": value})
    if ramp.name == "exponential" and (ramp.start or 0.0) <= 0:
        raise ValueError(f"schedules: {key}: an exponential schedule needs values above 0; give `from`")
    return ramp


RateScheduleSetting = Annotated[
    RateScheduleName | InstanceOf[RateSchedule], BeforeValidator(_read_rate_schedule)
]
RampsSetting = Annotated[Mapping[str, InstanceOf[Ramp]] | None, BeforeValidator(read_ramps)]
EmaSetting = Annotated[
    Annotated[float, Field(ge=0, lt=1)] | InstanceOf[HalfLife],
    BeforeValidator(_read_half_life),
    Field(description="a number from 0 to below 1, or a table such as {half_life = 500}"),
]
