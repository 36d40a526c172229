"""What may be set in [train], [score] and [check], and how axes are combined: meaning, values, default."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ganbench.grid.combinations import COMBINE
from ganbench.grid.document import default_score, default_train
from ganbench.grid.merged_settings import full_optimizer
from ganbench.grid.schedule_settings import HalfLife, Ramp, RateSchedule
from ganbench.grid.schema import SECTIONS, choices_of
from ganbench.grid.settings import OPTIMIZER_KEYS, SHARED_OPTIMIZER, ScoreSettings, TrainSettings
from ganbench.grid.tolerance import DEFAULT_TOLERANCE, MEANING, VALUES

_ENTRY = re.compile(r"    (\w+): (.*)")
# The tables that a setting may be instead of a plain value; of `schedules`, each value.
TABLES: Mapping[str, type[BaseModel]] = {"schedule": RateSchedule, "schedules": Ramp, "ema": HalfLife}

_COMBINATIONS: Mapping[str, tuple[str, str, str]] = {
    "combine": (
        "which combinations of the axes' values there are: each value with every value of all others, or the "
        "first values together, and each other value alone with the first values of the other axes",
        f"one of {', '.join(COMBINE)}",
        f'"{COMBINE[0]}"',
    ),
    "zip": (
        "axes that go together, value by value, as one; a value may then be in its axis more than once",
        'a list of two axes or more with equally many values, such as ["loss", "train.optimizer.lr"], or a '
        "list of such lists",
        "[]",
    ),
    "sample": (
        "how many combinations of the product are run, each with all seeds; which ones is decided by the "
        "combinations alone, the same everywhere, and a larger sample has all of a smaller one",
        "a whole number from 1 to the number of combinations that no [[exclude]] takes out",
        "",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that a section of a grid may say.

    Attributes:
        name: below its section, as `steps`, or `schedule.warmup` for a key of a table.
        meaning: a phrase; names of other settings and values in backquotes.
        values: what it must be, type and bounds: `a whole number from 1 to 1000`.
        default: as a grid writes it, in TOML; empty where there is none.
        required: whether a table must have it.
    """

    name: str
    meaning: str
    values: str
    default: str
    required: bool = False


def settings_of(section: str) -> list[Setting]:
    """List what a section may say, in the order of its declaration.

    Args:
        section: `train`, `score` or `check`; `axes` for what says how their values are combined, at the top
            of a grid.
    """
    if section == "axes":
        return [
            Setting(name=name, meaning=meaning, values=values, default=default)
            for name, (meaning, values, default) in _COMBINATIONS.items()
        ]
    if section == "check":
        name = "fid, or another score"
        return [Setting(name=name, meaning=MEANING, values=VALUES, default=toml_text(DEFAULT_TOLERANCE))]
    if section not in SECTIONS:
        raise ValueError(f"there is no section {section!r}")
    return list(_train() if section == "train" else _plain(ScoreSettings, default_score()))


@cache
def meanings(model: type) -> Mapping[str, str]:
    """Read the meanings of a class's attributes from its docstring; under `python -OO` there are none."""
    _, _, listed = inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        if entry := _ENTRY.fullmatch(line):
            name = entry[1]
            found[name] = entry[2]
        elif name and line.startswith("        "):
            found[name] += " " + line.strip()
    return found


def _train() -> Iterator[Setting]:
    defaults = {**default_train(), "optimizer": full_optimizer({})}
    for setting in _plain(TrainSettings, defaults):
        if setting.name == OPTIMIZER_KEYS[1]:
            # Declared for each player; a grid may also say it of both.
            yield Setting(
                name=OPTIMIZER_KEYS[0],
                meaning=SHARED_OPTIMIZER,
                values=setting.values,
                default=toml_text(defaults["optimizer"]),
            )
        yield setting


def _plain(model: type[BaseModel], defaults: Mapping[str, Any]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        default = defaults.get(name)
        yield Setting(
            name=name,
            meaning=meanings(model).get(name, ""),
            values=_values(field),
            default="" if default is None else toml_text(default),
        )
        if name in TABLES:
            yield from _keys(name, TABLES[name])


def _keys(setting: str, model: type[BaseModel]) -> Iterator[Setting]:
    between = ".KEY." if setting == "schedules" else "."
    for name, field in model.model_fields.items():
        key = field.alias or name
        default = None if field.is_required() else field.default
        yield Setting(
            name=f"{setting}{between}{key}",
            meaning=meanings(model).get(name, ""),
            values=_values(field),
            default="" if default is None else toml_text(default),
            required=field.is_required(),
        )


def _values(field: FieldInfo) -> str:
    if field.description:
        return field.description
    choices = choices_of(field.annotation)
    return f"one of {', '.join(map(str, choices))}"


def toml_text(value: Any) -> str:
    """Write a value as a grid does, a table on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml_text(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")
