"""A resolved grid as TOML, defaults written out, so that later changes of defaults do not change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganbench.grid.axes import Axis
from ganbench.grid.choice import Choice
from ganbench.grid.grid import PAIRS, Compare
from ganbench.grid.merged_settings import Layer, full_optimizer
from ganbench.grid.settings import CHOICES, DEFAULT_UPDATE, PLAYERS, ScoreSettings, TrainSettings

if TYPE_CHECKING:
    from ganbench.grid.combinations import Combinations
    from ganbench.grid.overrides import Exclude, Override


def document_of(
    name: str,
    seeds: Sequence[int],
    axes: Mapping[str, Axis],
    base: Layer,
    rules: Sequence[Override],
    compare: Compare,
    combinations: Combinations,
    excludes: Sequence[Exclude] = (),
) -> dict[str, Any]:
    """Write a resolved grid as tables; reading them gives an equal grid."""
    train = default_train()
    score = default_score()
    train["optimizer"] = full_optimizer(base.get("train.optimizer", {}))
    given = _sections({key: value for key, value in base.items() if key != "train.optimizer"})
    document: dict[str, Any] = {
        "name": name,
        "seeds": len(seeds) if list(seeds) == list(range(len(seeds))) else list(seeds),
        **combinations.document(),
        "axes": {
            key: [_written(value) for value in axis.values] for key, axis in axes.items() if not axis.is_idle
        },
        "train": {**train, **given.get("train", {})},
        "score": {**score, **given.get("score", {})},
    }
    if "check" in given:
        document["check"] = given["check"]
    if rules:
        document["override"] = [
            {
                "when": dict(rule.said),
                **_sections(rule.layer),
                **({"cluster": dict(rule.needs)} if rule.needs else {}),
            }
            for rule in rules
        ]
    if excludes:
        document["exclude"] = [{"when": dict(each.said)} for each in excludes]
    axis = list(compare.axes) if len(compare.axes) > 1 else compare.axis
    document["compare"] = {"axis": axis, "baseline": compare.baseline}
    if compare.pairs != PAIRS[0]:
        document["compare"]["pairs"] = compare.pairs
    return document


def default_train() -> dict[str, Any]:
    """Write out the defaults of [train] as a stored grid has them, optimizers aside.

    TOML has no null: what is None by default is left out.
    """
    train = TrainSettings().model_dump(mode="json", exclude={*PLAYERS, "update"}, exclude_none=True)
    return {**train, "update": _short(DEFAULT_UPDATE.as_json())}


def default_score() -> dict[str, Any]:
    """Write out the defaults of [score] as a stored grid has them."""
    return ScoreSettings().model_dump(mode="json", exclude_none=True)


def _sections(layer: Layer) -> dict[str, dict[str, Any]]:
    """Sort a layer into tables: `{"train": {...}, "score": {...}}`, without empty ones."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value in layer.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = _setting(key, value)
    return sections


def _setting(key: str, value: Any) -> Any:
    if key == "score.metrics":
        return [_short(metric) for metric in value]
    return _short(value) if key in CHOICES else value


def _written(value: Any) -> Any:
    return _short(value.as_json()) if isinstance(value, Choice) else value


def _short(value: dict[str, Any] | list[dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_short(part) for part in value]
    return value["name"] if set(value) == {"name"} else value
