"""Which settings [train] and [score] have, and what each may be: from tables of a file to typed, flat layers.

A *layer* is a flat mapping of settings to JSON values: `{"train.steps": 9, "train.optimizer": {"lr": 0.1}}`.
An optimizer's part of it holds only what was said of it. Layers are laid over each other with `lay`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ganbench.errors import GridError, did_you_mean
from ganbench.grid.named import read_choice, read_metrics
from ganbench.grid.optimizers import DEFAULT, OPTIMIZERS, OptimizerSettings, merged
from ganbench.grid.problems import Problems, given
from ganbench.grid.settings import OPTIMIZER_KEYS, PLAYERS, ScoreSettings, TrainSettings

if typing.TYPE_CHECKING:
    from ganbench.catalog import Catalog

Layer = dict[str, Any]

_OPTIMIZER_OPTIONS = sorted(
    {option for model in OPTIMIZERS.values() for option in model.model_fields} - {"name"}
)
_PLAIN: dict[str, tuple[type[BaseModel], str]] = {
    **{
        f"train.{field}": (TrainSettings, field)
        for field in TrainSettings.model_fields
        if field not in PLAYERS
    },
    **{f"score.{field}": (ScoreSettings, field) for field in ScoreSettings.model_fields},
}

# Every dotted key that may be set, be an axis, or be given with --set.
SETTINGS: tuple[str, ...] = (
    *_PLAIN,
    *(f"train.{player}" for player in OPTIMIZER_KEYS),
    *(f"train.{player}.{option}" for player in OPTIMIZER_KEYS for option in ("name", *_OPTIMIZER_OPTIONS)),
)


class Schema:
    """Reads settings, with a catalog at hand for the names of metrics and extractors."""

    def __init__(self, catalog: Catalog, problems: Problems) -> None:
        self._catalog = catalog
        self._problems = problems

    def layer(self, section: str, table: Any, at: str) -> Layer:
        """One section's table, as a layer; problems are noted, and what has them left out.

        Args:
            section: `train` or `score`.
            table: as it was parsed.
            at: its key, for messages.
        """
        layer: Layer = {}
        if not isinstance(table, Mapping):
            self._problems.add(at, f"must be a table, given {given(table)}")
            return layer
        for name, value in table.items():
            key = f"{section}.{name}"
            if key not in SETTINGS or key.count(".") > 1:
                known = [known.removeprefix(f"{section}.") for known in SETTINGS if known.startswith(section)]
                hint = did_you_mean(name, [each for each in known if "." not in each])
                self._problems.add(f"{at}.{name}", f"[{section}] has no setting {given(name)}{hint}")
                continue
            lay(layer, self.setting(key, value, f"{at}.{name}"))
        return layer

    def setting(self, key: str, value: Any, at: str) -> Layer:
        """One setting by its dotted key, as a layer; empty where there is a problem, which is noted.

        Args:
            key: one of SETTINGS.
            value: as it was parsed.
            at: the key for messages.
        """
        section, player, *option = key.split(".")
        if key == "score.metrics":
            metrics = read_metrics(value, self._catalog, at, self._problems)
            return {} if metrics is None else {key: metrics}
        if key == "score.extractor":
            extractor = read_choice("extractor", value, self._catalog, at, self._problems)
            return {} if extractor is None else {key: extractor}
        if player in OPTIMIZER_KEYS:
            # "train.optimizer.lr" says of the optimizer what {lr = ...} would.
            table = {option[0]: value} if option else value
            read_table = self._optimizer(table, at if not option else at.removesuffix(f".{option[0]}"), at)
            return {f"{section}.{player}": read_table} if read_table else {}
        model, field = _PLAIN[key]
        try:
            return {key: typed(model, field, value)}
        except ValueError as problem:
            self._problems.add(at, str(problem))
            return {}

    def value(self, key: str, value: Any, at: str) -> list[Any]:
        """One setting's typed JSON value, alone in a list; empty where there is a problem, which is noted."""
        # "train.optimizer.lr" comes back as the {lr = ...} of "train.optimizer".
        *_, last = key.split(".")
        layer = self.setting(key, value, at)
        return [said[last] if key.count(".") > 1 else said for said in layer.values()]

    def attempt(self, key: str, value: Any) -> Any | None:
        """One setting's typed JSON value, or None where it cannot be that."""
        try:
            found = Schema(self._catalog, Problems("")).value(key, value, key)
        except GridError:
            return None
        return found[0] if found else None

    def _optimizer(self, table: Any, parent: str, at: str) -> dict[str, Any]:
        """What a file says of an optimizer; the options of any will do while no name is given."""
        if isinstance(table, str):
            table = {"name": table}
        if not isinstance(table, Mapping):
            self._problems.add(
                at, f"must be a table such as {{name = 'adam', lr = 2e-4}}, given {given(table)}"
            )
            return {}
        name = table.get("name")
        if "name" in table and (not isinstance(name, str) or name not in OPTIMIZERS):
            hint = did_you_mean(name if isinstance(name, str) else "", OPTIMIZERS)
            self._problems.add(f"{parent}.name", f"no optimizer is named {given(name)}{hint}")
            return {}
        read: dict[str, Any] = {} if name is None else {"name": name}
        models = [OPTIMIZERS[name]] if name else list(OPTIMIZERS.values())
        for option, value in table.items():
            if option == "name":
                continue
            having = [model for model in models if option in model.model_fields]
            if not having:
                known = sorted({known for model in models for known in model.model_fields} - {"name"})
                who = name or "an optimizer"
                self._problems.add(
                    f"{parent}.{option}", f"{who} has no option {given(option)}{did_you_mean(option, known)}"
                )
                continue
            try:
                read[option] = typed(having[0], option, value)
            except ValueError as problem:
                self._problems.add(f"{parent}.{option}", str(problem))
        return read


def lay(under: Layer, over: Mapping[str, Any]) -> None:
    """Lay one layer over another, in place: optimizers are merged or replaced, the rest overwritten."""
    for key in sorted(over, key=lambda key: key != "train.optimizer"):
        value = over[key]
        if isinstance(value, dict) and key.removeprefix("train.") in OPTIMIZER_KEYS:
            unnamed = DEFAULT
            if key != "train.optimizer":
                unnamed = under.get("train.optimizer", {}).get("name", DEFAULT)
            value = merged(under.get(key, {}), value, unnamed)
        under[key] = value


def resolve_train(layer: Mapping[str, Any]) -> TrainSettings:
    """The training settings of a layer.

    Raises:
        SettingsError: settings that are each well-formed but do not go together.
    """
    base = layer.get("train.optimizer", {})
    wrong: dict[str, str] = {}
    if not _optimizer_settings(base, "train.optimizer", base, wrong) and wrong:
        # Said once of the optimizer that both players share, not once for each player.
        raise SettingsError(wrong)
    players: dict[str, OptimizerSettings | None] = {}
    for player in PLAYERS:
        own = layer.get(f"train.{player}", {})
        # What only goes wrong in the mixture belongs to the player, unless nothing was said of it.
        key = f"train.{player}" if own else "train.optimizer"
        players[player] = _optimizer_settings(merged(base, own), key, own or base, wrong, whole=True)
    plain = {
        key.removeprefix("train."): value
        for key, value in layer.items()
        if key.startswith("train.") and key.removeprefix("train.") not in OPTIMIZER_KEYS
    }
    if wrong:
        raise SettingsError(wrong)
    try:
        return TrainSettings.model_validate({**plain, **players})
    except ValidationError as error:
        raise SettingsError({"train": _own_words(error)}) from None


class SettingsError(ValueError):
    """Settings that do not go together; `wrong` has a line for each key."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(*wrong.values())
        self.wrong = wrong


def _optimizer_settings(
    table: Mapping[str, Any], key: str, said: Mapping[str, Any], wrong: dict[str, str], whole: bool = False
) -> OptimizerSettings | None:
    """The optimizer that a table makes; None with `wrong` filled where it makes none."""
    model = OPTIMIZERS[table.get("name", DEFAULT)]
    unknown = [option for option in table if option not in model.model_fields]
    for option in unknown:
        known = [known for known in model.model_fields if known != "name"]
        name = table.get("name", DEFAULT)
        at = key if option in said else "train.optimizer"
        wrong[f"{at}.{option}"] = f"{name} has no option {given(option)}{did_you_mean(option, known)}"
    if unknown:
        return None
    try:
        return model.model_validate({**table})
    except ValidationError as error:
        if whole:
            wrong[key] = _own_words(error)
        return None


def full_optimizer(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of an optimizer with the defaults written out, JSON values."""
    model = OPTIMIZERS[table.get("name", DEFAULT)]
    return {**model.model_validate({}).model_dump(mode="json"), **table}


def typed(model: type[BaseModel], field: str, value: Any) -> Any:
    """A value as a field takes it (an integer for a number becomes one), as a JSON value.

    Raises:
        ValueError: what it must be, and what was given.
    """
    try:
        checked = _adapter(model, field).validate_python(value)
    except ValidationError:
        raise ValueError(_must_be(model, field, value)) from None
    if field == "engine":
        # The one field with words of its own to say about a value of the right type.
        try:
            model.model_validate({field: checked})
        except ValidationError as error:
            raise ValueError(_own_words(error)) from None
    return to_jsonable_python(checked)


@cache
def _adapter(model: type[BaseModel], field: str) -> TypeAdapter[Any]:
    info = model.model_fields[field]
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def _must_be(model: type[BaseModel], field: str, value: Any) -> str:
    info = model.model_fields[field]
    choices = [str(choice) for choice in _literals(info.annotation)]
    if not choices:
        return f"must be {info.description}, given {given(value)}"
    hint = did_you_mean(value, choices) if isinstance(value, str) else did_you_mean("", choices)
    return f"must be one of {len(choices)} names, given {given(value)}{hint}"


def _literals(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _literals(part)


def _own_words(error: ValidationError) -> str:
    """What a validator of ours said, without pydantic's preamble."""
    return "; ".join(str(each["ctx"]["error"]) if "ctx" in each else each["msg"] for each in error.errors())
