"""The settings of [train] and [score] and their types: from tables of a file to typed layers."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ganbench.errors import CatalogError, GridError, did_you_mean
from ganbench.grid.merged_settings import Layer, merge_layer, own_words
from ganbench.grid.named import json_value, read_choice, read_metrics
from ganbench.grid.optimizer_settings import OPTIMIZERS, OptimizerSettings
from ganbench.grid.problems import Problems, given
from ganbench.grid.settings import CHOICES, OPTIMIZER_KEYS, PLAYERS, ScoreSettings, TrainSettings
from ganbench.grid.tolerance import read_thresholds

if typing.TYPE_CHECKING:
    from ganbench.catalog import Catalog

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

# Every dotted key that may be set, be an axis, or be given with --set, options of plugins' optimizers aside.
SETTINGS: tuple[str, ...] = (
    *_PLAIN,
    *(f"train.{player}" for player in OPTIMIZER_KEYS),
    *(f"train.{player}.{option}" for player in OPTIMIZER_KEYS for option in ("name", *_OPTIMIZER_OPTIONS)),
)


def settings_with(catalog: Catalog) -> tuple[str, ...]:
    """List every dotted key that may be set, the options of plugins' optimizers among them.

    Their options are read, which may import them: to be asked for what is in SETTINGS not.
    """
    foreign = (entry for entry in catalog.entries("optimizer") if entry.name not in OPTIMIZERS)
    options = sorted({option for entry in foreign for option in entry.options})
    keys = (f"train.{player}.{option}" for player in OPTIMIZER_KEYS for option in options)
    return tuple(dict.fromkeys((*SETTINGS, *keys)))


# The tables that set something, in a grid and in its overrides.
SECTIONS = ("train", "score", "check")


class Schema:
    """Reads settings, with a catalog at hand for the names of metrics and extractors."""

    def __init__(self, catalog: Catalog, problems: Problems) -> None:
        self._catalog = catalog
        self._problems = problems

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """Every dotted key that may be set."""
        return settings_with(self._catalog)

    def layer(self, section: str, table: Any, at: str) -> Layer:
        """Read one section's table as a layer; settings with problems are noted and left out.

        Args:
            section: `train`, `score` or `check`.
            table: as it was parsed.
            at: its key, for messages.
        """
        layer: Layer = {}
        if not isinstance(table, Mapping):
            self._problems.add(at, f"must be a table, given {given(table)}")
            return layer
        if section == "check":
            return read_thresholds(table, at, self._problems)
        for name, value in table.items():
            key = f"{section}.{name}"
            if key not in SETTINGS or key.count(".") > 1:
                known = [known.removeprefix(f"{section}.") for known in SETTINGS if known.startswith(section)]
                hint = did_you_mean(name, [each for each in known if "." not in each])
                self._problems.add(f"{at}.{name}", f"[{section}] has no setting {given(name)}{hint}")
                continue
            merge_layer(layer, self.setting(key, value, f"{at}.{name}"))
        return layer

    def setting(self, key: str, value: Any, at: str) -> Layer:
        """Read one setting by its dotted key as a layer; empty, with the problem noted, where it is wrong.

        Args:
            key: one of SETTINGS.
            value: as it was parsed.
            at: the key for messages.
        """
        section, player, *option = key.split(".")
        if key == "score.metrics":
            metrics = read_metrics(value, self._catalog, at, self._problems)
            return {} if metrics is None else {key: metrics}
        if key in CHOICES:
            choice = read_choice(CHOICES[key], value, self._catalog, at, self._problems)
            return {} if choice is None else {key: choice}
        if player in OPTIMIZER_KEYS:
            # "train.optimizer.lr" says of the optimizer what {lr = ...} would.
            table = {option[0]: value} if option else value
            read_table = self._optimizer(
                table, (lambda _: at) if option else (lambda name: f"{at}.{name}"), at
            )
            return {f"{section}.{player}": read_table} if read_table else {}
        model, field = _PLAIN[key]
        try:
            return {key: typed(model, field, value)}
        except ValueError as problem:
            self._problems.add(at, str(problem))
            return {}

    def value(self, key: str, value: Any, at: str) -> list[Any]:
        """Coerce one setting to its JSON value, alone in a list; empty, with the problem noted."""
        # "train.optimizer.lr" comes back as the {lr = ...} of "train.optimizer".
        *_, last = key.split(".")
        noted = len(self._problems)
        layer = self.setting(key, value, at)
        if not layer and len(self._problems) == noted:
            self._problems.add(at, f"must say something, given {given(value)}")
        return [said[last] if key.count(".") > 1 else said for said in layer.values()]

    def attempt(self, key: str, value: Any) -> Any | None:
        """Coerce one setting to its JSON value; None, without noting why, where that fails."""
        try:
            found = Schema(self._catalog, Problems("")).value(key, value, key)
        except GridError:
            return None
        return found[0] if found else None

    def _optimizer(self, table: Any, at_option: Callable[[str], str], at: str) -> dict[str, Any]:
        """Read a file's optimizer; while no name is given, options of any optimizer are accepted."""
        if isinstance(table, str):
            table = {"name": table}
        if not isinstance(table, Mapping):
            self._problems.add(
                at, f"must be a table such as {{name = 'adam', lr = 2e-4}}, given {given(table)}"
            )
            return {}
        name = table.get("name")
        plugins = {
            entry.name: entry
            for entry in self._catalog.entries("optimizer")
            if entry.name not in OPTIMIZERS and name in (None, entry.name)
        }
        if "name" in table and (not isinstance(name, str) or name not in {*OPTIMIZERS, *plugins}):
            every = {*OPTIMIZERS, *(entry.name for entry in self._catalog.entries("optimizer"))}
            hint = did_you_mean(name if isinstance(name, str) else "", sorted(every))
            refused = self._catalog.refused("optimizer", name) if isinstance(name, str) else ""
            where = self._problems.unknown_hint("optimizer", name) if isinstance(name, str) else ""
            said = refused or f"no optimizer is named {given(name)}{hint}{where}"
            self._problems.add(at_option("name"), said)
            return {}
        read: dict[str, Any] = {} if name is None else {"name": name}
        models = [OPTIMIZERS.get(name, OptimizerSettings)] if name else list(OPTIMIZERS.values())
        for option, value in table.items():
            if option == "name":
                continue
            having = [model for model in models if option in model.model_fields]
            kinds = [] if having else [entry.options for entry in plugins.values() if option in entry.options]
            if not having and not kinds:
                known = sorted(
                    {known for model in models for known in model.model_fields}.union(
                        *(entry.options for entry in plugins.values())
                    )
                    - {"name"}
                )
                who = name or "an optimizer"
                self._problems.add(
                    at_option(option), f"{who} has no option {given(option)}{did_you_mean(option, known)}"
                )
                continue
            try:
                read[option] = (
                    typed(having[0], option, value)
                    if having
                    else json_value(self._catalog.read_option(kinds[0][option], value))
                )
            except (ValueError, CatalogError) as problem:
                self._problems.add(at_option(option), str(problem))
        return read


def typed(model: type[BaseModel], field: str, value: Any) -> Any:
    """Coerce a value to a field's type (an integer for a number becomes one), as a JSON value.

    Raises:
        ValueError: what it must be, and what was given.
    """
    try:
        checked = _adapter(model, field).validate_python(value)
    except ValidationError as error:
        # A validator of the field's own says more than the field's type does.
        own = any(each["type"] == "value_error" for each in error.errors())
        raise ValueError(own_words(error) if own else _must_be(model, field, value)) from None
    return to_jsonable_python(checked)


@cache
def _adapter(model: type[BaseModel], field: str) -> TypeAdapter[Any]:
    info = model.model_fields[field]
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def _must_be(model: type[BaseModel], field: str, value: Any) -> str:
    info = model.model_fields[field]
    choices = [str(choice) for choice in choices_of(info.annotation)]
    if not choices:
        return f"must be {info.description}, given {given(value)}"
    hint = did_you_mean(value, choices) if isinstance(value, str) else did_you_mean("", choices)
    return f"must be one of {len(choices)} names, given {given(value)}{hint}"


def choices_of(annotation: Any) -> Iterator[Any]:
    """List the values of the Literals in an annotation."""
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from choices_of(part)
