"""Layers of settings: how one is merged over another, and how they become TrainSettings.

A *layer* is a flat mapping of settings to JSON values: `{"train.steps": 9, "train.optimizer": {"lr": 0.1}}`.
An optimizer's part of it holds only what was said of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ganbench.errors import did_you_mean
from ganbench.grid.choice import choice_of
from ganbench.grid.optimizer_settings import DEFAULT, OPTIMIZERS, OptimizerSettings, merged
from ganbench.grid.problems import given
from ganbench.grid.settings import CHOICES, OPTIMIZER_KEYS, PLAYERS, TrainSettings

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


def resolve_train(layer: Mapping[str, Any]) -> TrainSettings:
    """Resolve the training settings of a layer.

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
        key.removeprefix("train."): choice_of(value) if key in CHOICES else value
        for key, value in layer.items()
        if key.startswith("train.") and key.removeprefix("train.") not in OPTIMIZER_KEYS
    }
    if wrong:
        raise SettingsError(wrong)
    try:
        return TrainSettings.model_validate({**plain, **players})
    except ValidationError as error:
        raise SettingsError({"train": own_words(error)}) from None


class SettingsError(ValueError):
    """Settings that do not go together; `wrong` has a line for each key."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(*wrong.values())
        self.wrong = wrong


def _optimizer_settings(
    table: Mapping[str, Any], key: str, said: Mapping[str, Any], wrong: dict[str, str], whole: bool = False
) -> OptimizerSettings | None:
    """Build the optimizer of a table; None, with `wrong` filled, where that fails."""
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
            wrong[key] = own_words(error)
        return None


def full_optimizer(table: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a table of an optimizer by the defaults, as JSON values."""
    model = OPTIMIZERS[table.get("name", DEFAULT)]
    return {**model.model_validate({}).model_dump(mode="json"), **table}


def own_words(error: ValidationError) -> str:
    """Return the message of our own validator, without pydantic's preamble."""
    return "; ".join(str(each["ctx"]["error"]) if "ctx" in each else each["msg"] for each in error.errors())
