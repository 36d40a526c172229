"""What `ganbench show train` prints is what a grid may say."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from ganbench.grid import Grid
from ganbench.grid.axes import COMBINATION_KEYS
from ganbench.grid.schedule_settings import HalfLife, Ramp, RateSchedule
from ganbench.grid.schema import SETTINGS
from ganbench.grid.settings import ScoreSettings, TrainSettings
from ganbench.grid.settings_reference import TABLES, meanings, settings_of

SECTIONS = ("train", "score", "check", "axes")
MODELS: tuple[type[BaseModel], ...] = (TrainSettings, ScoreSettings, RateSchedule, Ramp, HalfLife)


def test_every_setting_is_there_with_its_meaning_and_what_it_must_be() -> None:
    # Options of the optimizers are shown under the names of these.
    known = {key for key in SETTINGS if key.count(".") == 1}
    shown = [f"{section}.{each.name}" for section in ("train", "score") for each in settings_of(section)]
    assert {name for name in shown if name.count(".") == 1} == known
    assert len(shown) == len(set(shown))
    for section in SECTIONS:
        for setting in settings_of(section):
            assert setting.meaning, setting.name
            assert setting.values, setting.name
            assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|  ", setting.meaning + setting.values)
    assert settings_of("check")[0].default == '"5%"'
    assert tuple(each.name for each in settings_of("axes")) == COMBINATION_KEYS


@pytest.mark.parametrize("model", MODELS)
def test_meanings_are_those_of_the_fields(model: type[BaseModel]) -> None:
    assert list(meanings(model)) == list(model.model_fields)


def test_the_keys_of_tables_are_shown() -> None:
    names = {setting.name: setting for setting in settings_of("train")}
    for name, model in TABLES.items():
        between = ".KEY." if name == "schedules" else "."
        for field, info in model.model_fields.items():
            assert names[f"{name}{between}{info.alias or field}"].required == info.is_required()


@pytest.mark.parametrize("section", ["train", "score"])
def test_the_defaults_are_those_of_a_grid_and_can_be_copied(
    section: str, read: Callable[..., Grid], table: dict[str, Any]
) -> None:
    plain = copy.deepcopy(table)
    plain.pop(section, None)
    plain["axes"] = {
        key: value for key, value in plain["axes"].items() if not key.startswith(("train", "score"))
    }
    plain.pop("override", None)
    plain.pop("check", None)
    if section == "train":
        plain.pop("score", None)
    said = "\n".join(
        f"{each.name} = {each.default}"
        for each in settings_of(section)
        if each.default and "." not in each.name
    )
    spelled_out = {**plain, section: tomllib.loads(said)}
    one, other = read(plain), read(spelled_out)
    assert [cell.id for cell in one.cells] == [cell.id for cell in other.cells]
    assert one.cells == other.cells


@pytest.mark.parametrize("model", MODELS)
def test_what_a_number_must_be_names_its_bounds(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        limits = [
            limit
            for bound in field.metadata
            for kind in ("ge", "gt", "le", "lt")
            if (limit := getattr(bound, kind, None)) is not None
        ]
        said = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", field.description or "")]
        for limit in limits:
            # Nobody has to be told of the billion.
            assert limit in said or limit >= 1e9, (name, field.description)
