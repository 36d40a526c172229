"""Layers of settings: how one is merged over another, and how they become TrainSettings.

A *layer* is a flat mapping of settings to JSON values: `{"train.steps": 9, "train.optimizer": {"lr": 0.1}}`.
An optimizer's part of it holds only what was said of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ganbench.catalog.options import canonical
from ganbench.errors import CatalogError, did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.grid.choice import choice_of
from ganbench.grid.named import json_value
from ganbench.grid.optimizer_settings import DEFAULT, OPTIMIZERS, OptimizerSettings, PluginOptimizer, merged
from ganbench.grid.problems import given
from ganbench.grid.settings import CHOICES, OPTIMIZER_KEYS, PLAYERS, TrainSettings

if TYPE_CHECKING:
    from ganbench.catalog import Catalog
    from ganbench.catalog.options import Option

Layer = dict[str, Any]


def merge_layer(under: Layer, over: Mapping[str, Any]) -> None:
    """Merge one layer over another, in place: optimizers are merged or replaced, the rest overwritten."""
    for key in sorted(over, key=lambda key: key != "train.optimizer"):
        value = over[key]
        if isinstance(value, dict) and key.removeprefix("train.") in OPTIMIZER_KEYS:
            unnamed = DEFAULT
            if key != "train.optimizer":
                unnamed = under.get("train.optimizer", {}).get("name", DEFAULT)
            value = merged(under.get(key, {}), value, unnamed)
        under[key] = value


def resolve_train(layer: Mapping[str, Any], catalog: Catalog) -> TrainSettings:
    """Resolve the training settings of a layer.

    Args:
        layer: of settings.
        catalog: who provides optimizers beside ganbench's own.

    Raises:
        SettingsError: settings that are each well-formed but do not go together.
    """
    base = layer.get("train.optimizer", {})
    wrong: dict[str, str] = {}
    if not _optimizer_settings(base, "train.optimizer", base, catalog, wrong) and wrong:
        # Said once of the optimizer that both players share, not once for each player.
        raise SettingsError(wrong)
    players: dict[str, OptimizerSettings | None] = {}
    for player in PLAYERS:
        own = layer.get(f"train.{player}", {})
        # What only goes wrong in the mixture belongs to the player, unless nothing was said of it.
        key = f"train.{player}" if own else "train.optimizer"
        players[player] = _optimizer_settings(merged(base, own), key, own or base, catalog, wrong, whole=True)
    plain = {
        key.removeprefix("train."): choice_of(value) if key in CHOICES else value
        for key, value in layer.items()
        if key.startswith("train.") and key.removeprefix("train.") not in OPTIMIZER_KEYS
    }
    if wrong:
        raise SettingsError(wrong)
    try:
        settings = TrainSettings.model_validate({**plain, **players})
    except ValidationError as error:
        raise SettingsError({"train": own_words(error)}) from None
    _check_schedules(settings, catalog)
    return settings


def _check_schedules(settings: TrainSettings, catalog: Catalog) -> None:
    """Refuse schedules of plugins' optimizers whose values the options do not take.

    Raises:
        SettingsError: with the first of them.
    """
    for key, ramp in (settings.schedules or {}).items():
        player, _, option = key.partition(".")
        name, _, index = option.partition(".")
        optimizer = getattr(settings, player, None)
        if not isinstance(optimizer, PluginOptimizer) or name == "lr":
            continue
        kind = catalog.options("optimizer", optimizer.name)[name].type
        for value in (ramp.start, ramp.to):
            whole: Any = value
            if index:
                whole = list(optimizer.known[name])
                whole[int(index)] = value
            try:
                kind.check(whole)
            except ValueError as error:
                raise SettingsError({"train": f"schedules: {key}: {name} {error}"}) from None


class SettingsError(ValueError):
    """Settings that do not go together; `wrong` has a line for each key."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(*wrong.values())
        self.wrong = wrong


def _optimizer_settings(
    table: Mapping[str, Any],
    key: str,
    said: Mapping[str, Any],
    catalog: Catalog,
    wrong: dict[str, str],
    whole: bool = False,
) -> OptimizerSettings | None:
    """Build the optimizer of a table; None, with `wrong` filled, where that fails."""
    name = table.get("name", DEFAULT)
    model = OPTIMIZERS.get(name, OptimizerSettings)
    own = {} if name in OPTIMIZERS else catalog.options("optimizer", name)
    known = [*model.model_fields, *own]
    unknown = [option for option in table if option not in known]
    for option in unknown:
        known = [option for option in known if option != "name"]
        at = key if option in said else "train.optimizer"
        wrong[f"{at}.{option}"] = f"{name} has no option {given(option)}{did_you_mean(option, known)}"
    if unknown:
        return None
    if name not in OPTIMIZERS:
        return _plugin_optimizer(table, key, said, own, catalog, wrong, whole)
    try:
        return model.model_validate({**table})
    except ValidationError as error:
        if whole:
            wrong[key] = own_words(error)
        return None


def _plugin_optimizer(
    table: Mapping[str, Any],
    key: str,
    said: Mapping[str, Any],
    known: Mapping[str, Option],
    catalog: Catalog,
    wrong: dict[str, str],
    whole: bool,
) -> OptimizerSettings | None:
    """Build a plugin's optimizer; check its options, which may come from a table that gave no name."""
    found: dict[str, Any] = {}
    values = {option: canonical(kind.default) for option, kind in known.items()}
    noted = len(wrong)
    for option, kind in known.items():
        if option not in table:
            if kind.required and whole:
                wrong[key] = f"{table['name']} needs the option {option!r} ({kind.type.text})"
            continue
        try:
            value = json_value(catalog.read_option(kind, table[option]))
        except (ValueError, CatalogError) as error:
            wrong[f"{key if option in said else 'train.optimizer'}.{option}"] = str(error)
            continue
        values[option] = value
        if kind.required or canonical_json(value) != canonical_json(canonical(kind.default)):
            found[option] = value
    if len(wrong) > noted:
        return None
    rate = {"lr": table["lr"]} if "lr" in table else {}
    return PluginOptimizer(name=table["name"], given=dict(sorted(found.items())), known=values, **rate)


def full_optimizer(table: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a table of an optimizer by the defaults, as JSON values."""
    name = table.get("name", DEFAULT)
    if name not in OPTIMIZERS:
        return {"lr": PluginOptimizer(name=name).lr, **table}
    return {**OPTIMIZERS[name].model_validate({}).model_dump(mode="json"), **table}


def own_words(error: ValidationError) -> str:
    """Return the message of our own validator, without pydantic's preamble."""
    return "; ".join(str(each["ctx"]["error"]) if "ctx" in each else each["msg"] for each in error.errors())
