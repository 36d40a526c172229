"""The product of the axes: every cell, with its settings resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ganbench.api.specs import UpdateSpec
from ganbench.grid.axes import NAMED, Axis
from ganbench.grid.cell import Cell
from ganbench.grid.choice import choice_of, label_of
from ganbench.grid.merged_settings import Layer, SettingsError, merge_layer, resolve_train
from ganbench.grid.problems import Problems
from ganbench.grid.settings import DEFAULT_UPDATE, ScoreSettings, TrainSettings
from ganbench.grid.tolerance import Tolerance, thresholds_of

if TYPE_CHECKING:
    from ganbench.catalog import Catalog
    from ganbench.grid.combinations import Combinations
    from ganbench.grid.overrides import Exclude, Override


class Resolved(NamedTuple):
    """The settings of a combination."""

    train: TrainSettings
    score: ScoreSettings
    check: Mapping[str, Tolerance]
    needs: Mapping[str, float]


def product(
    axes: Mapping[str, Axis],
    seeds: Sequence[int],
    base: Layer,
    rules: Sequence[Override],
    problems: Problems,
    catalog: Catalog,
    combinations: Combinations,
    excludes: Sequence[Exclude] = (),
) -> tuple[tuple[Cell, ...], list[ScoreSettings]]:
    """Make every cell, seeds outermost, then the axes in their order; and the distinct settings of [score].

    Excluded combinations go first; a sample is drawn from the rest. Settings come from [train] and [score],
    then from the overrides that match, in order, then from axes. Problems are noted: settings that do not go
    together, cells that differ in no way that matters, excludes that leave nothing, overrides that match no
    combination, or excluded ones alone.
    """
    settings = _Settings(axes, base, rules, problems, catalog)
    kept = combinations.kept(axes, excludes, problems)
    drawn = combinations.drawn(axes, kept, problems)
    found = [
        _cell(axes, position, seeds[0], resolved)
        for position in drawn
        if (resolved := settings.at(position)) is not None
    ]
    for index, rule in enumerate(rules):
        # The last one may be what the command line sets, which speaks of every cell.
        if kept and not any(rule.matches(position) for position in kept):
            said = "matches only combinations that [[exclude]] takes out"
            if not any(map(rule.matches, combinations.positions(axes))):
                said = "matches no combination that the grid has"
            problems.add(f"override[{index}].when", said)
    if problems:
        return (), []
    _refuse_twins(found, axes, problems)
    cells = [replace(cell, seed=seed) for seed in seeds for cell in found]
    return tuple(cells), settings.scorings()


class _Settings:
    """Resolves settings, once for each way of combining them."""

    def __init__(
        self,
        axes: Mapping[str, Axis],
        base: Layer,
        rules: Sequence[Override],
        problems: Problems,
        catalog: Catalog,
    ) -> None:
        self._axes = axes
        self._varied = [axis for axis in axes.values() if axis.is_setting]
        self._base = base
        self._rules = rules
        self._problems = problems
        self._catalog = catalog
        self._resolved: dict[tuple[object, ...], Resolved | None] = {}

    def at(self, position: Mapping[str, int]) -> Resolved | None:
        """Merge the settings at these indices of the axes; None, with the problem noted, for a conflict."""
        matching = tuple(index for index, rule in enumerate(self._rules) if rule.matches(position))
        key = (*matching, None, *(position[axis.key] for axis in self._varied))
        if key not in self._resolved:
            self._resolved[key] = self._resolve([self._rules[index] for index in matching], position)
        return self._resolved[key]

    def scorings(self) -> list[ScoreSettings]:
        """List the distinct scoring settings so far."""
        distinct: list[ScoreSettings] = []
        for resolved in self._resolved.values():
            if resolved is not None and resolved.score not in distinct:
                distinct.append(resolved.score)
        return distinct

    def _resolve(self, rules: Sequence[Override], position: Mapping[str, int]) -> Resolved | None:
        layer = dict(self._base)
        for rule in rules:
            merge_layer(layer, rule.layer)
        merge_layer(layer, self._axes_layer(position))
        try:
            train = resolve_train(layer, self._catalog)
        except SettingsError as error:
            at = ", ".join(f"{axis.key} = {axis.labels[position[axis.key]]}" for axis in self._varied)
            for key, problem in error.wrong.items():
                self._problems.add(key, f"{problem} (where {at})" if at else problem)
            return None
        needs = {name: value for rule in rules for name, value in rule.needs.items()}
        return Resolved(train, _score(layer), thresholds_of(layer), needs)

    def _axes_layer(self, position: Mapping[str, int]) -> Layer:
        """Merge what the axes set here into one layer, so that their order does not matter."""
        layer: Layer = {}
        for axis in self._varied:
            value = axis.values[position[axis.key]]
            section, player, *option = axis.key.split(".")
            if option:
                layer.setdefault(f"{section}.{player}", {})[option[0]] = value
            else:
                layer[axis.key] = value
        return layer


def _score(layer: Layer) -> ScoreSettings:
    values: dict[str, Any] = {
        key.removeprefix("score."): value for key, value in layer.items() if key.startswith("score.")
    }
    if "metrics" in values:
        values["metrics"] = tuple(choice_of(metric) for metric in values["metrics"])
    if "extractor" in values:
        values["extractor"] = choice_of(values["extractor"])
    return ScoreSettings(**values)


def _cell(
    axes: Mapping[str, Axis],
    position: Mapping[str, int],
    seed: int,
    resolved: Resolved,
) -> Cell:
    choices = {key: axes[key].values[position[key]] for key in NAMED}
    values = {key: axis.values[position[key]] for key, axis in axes.items() if axis.is_setting}
    augmented = {} if axes["augmentation"].is_idle else {"augmentation": choices["augmentation"].label}
    return Cell(
        **choices,
        varied=augmented
        | {
            key: axes[key].labels[position[key]] if isinstance(value, list | dict) else value
            for key, value in values.items()
        },
        train=resolved.train,
        score=resolved.score,
        check=resolved.check,
        needs=resolved.needs,
        seed=seed,
        scored_as={key: value for key, value in values.items() if key.startswith("score.")},
    )


def refuse_unplayable(cells: Sequence[Cell], catalog: Catalog, problems: Problems) -> None:
    """Note update rules that take both gradients at one point, in cells whose settings say otherwise."""
    seen = {(cell.train.update.name, cell.train.order, cell.train.d_steps) for cell in cells}
    for name, order, d_steps in sorted(seen):
        if name == DEFAULT_UPDATE.name:
            continue
        spec = catalog.entry("update", name).spec
        if not isinstance(spec, UpdateSpec) or not spec.simultaneous:
            continue
        takes = f"{name!r} takes both players' gradients at one point"
        if d_steps != 1:
            problems.add("train.d_steps", f"must be 1, given {d_steps}: the update rule {takes}")
        if order == "g_then_d":
            problems.add("train.order", f"cannot be 'g_then_d': the update rule {takes}")


def _refuse_twins(cells: Sequence[Cell], axes: Mapping[str, Axis], problems: Problems) -> None:
    """Cells that train alike although the grid varies something: an axis of which nothing depends."""
    seen: dict[str, Cell] = {}
    for cell in cells:
        other = seen.setdefault(cell.id, cell)
        if other is not cell:
            differing = [key for key in cell.varied if cell.varied[key] != other.varied[key]]
            both = f"{label_of(other.varied[differing[0]])} and {label_of(cell.varied[differing[0]])}"
            problems.add(
                f'axes."{differing[0]}"', f"{both} train alike, since other settings decide what it says"
            )
            return
