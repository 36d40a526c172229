"""[check]: how much worse than a baseline each score may get."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.api import MetricSpec
from ganbench.errors import did_you_mean
from ganbench.grid.problems import Problems, given

if TYPE_CHECKING:
    from ganbench.catalog import Catalog
    from ganbench.grid.merged_settings import Layer
    from ganbench.grid.settings import ScoreSettings

DEFAULT_TOLERANCE = "5%"
MEANING = "how much worse than the baseline's mean a score may get, by the name of the score"
VALUES = "a share of the baseline's mean such as '5%', or a number above 0 in the score's own units"
_SHARE = re.compile(r"\s*([0-9.eE+-]+)\s*%\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The loss in a score that is accepted.

    Attributes:
        amount: above 0; a share of the baseline's mean where it is relative, else in the score's units.
        relative: whether it is such a share.
    """

    amount: float
    relative: bool

    def __str__(self) -> str:
        return f"{100 * self.amount:.12g}%" if self.relative else f"{self.amount:.12g}"


def read_tolerance(value: Any) -> Tolerance:
    """Read a tolerance as a grid or a command line writes it: `"5%"`, `0.002` or `"0.002"`.

    Raises:
        ValueError: it is neither; what it must be, and what was given.
    """
    text = value if isinstance(value, str) else ""
    share = _SHARE.fullmatch(text)
    try:
        number = float(share[1] if share else value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    amount = number / 100 if share else number
    if isinstance(value, bool) or not (amount > 0 and math.isfinite(amount)):
        raise ValueError(f"must be {VALUES}, given {given(value)}")
    return Tolerance(amount=amount, relative=bool(share))


def read_thresholds(table: Mapping[str, Any], at: str, problems: Problems) -> Layer:
    """Read the thresholds of [check] as a layer; those with problems are noted and left out.

    Args:
        table: the name of a score to its tolerance.
        at: its key, for messages.
        problems: where they are noted.
    """
    layer: Layer = {}
    for name, value in table.items():
        try:
            tolerance = read_tolerance(value)
        except ValueError as problem:
            problems.add(f"{at}.{name}", str(problem))
            continue
        if "." in name:
            problems.add(f"{at}.{name}", f"{given(name)} is not the name of a score")
        else:
            layer[f"check.{name}"] = str(tolerance) if tolerance.relative else tolerance.amount
    return layer


def refuse_unscored(
    layers: Mapping[str, Layer], scorings: Iterable[ScoreSettings], catalog: Catalog, problems: Problems
) -> None:
    """Note each threshold of a score that no metric of the grid gives.

    Args:
        layers: settings, by what their keys begin with in messages.
        scorings: how the cells are scored.
        catalog: where metrics say which scores they give.
        problems: where they are noted.
    """
    metrics = {metric.name for score in scorings for metric in score.metrics}
    specs = [catalog.entry("metric", name).spec for name in sorted(metrics)]
    scores = [name for spec in specs if isinstance(spec, MetricSpec) for name in spec.directions]
    scores += sorted({score.best_score for score in scorings if score.best_score})
    for at, layer in layers.items():
        for key in layer:
            section, _, name = key.partition(".")
            if section == "check" and name not in scores:
                hint = did_you_mean(name, scores)
                problems.add(f"{at}{key}", f"no metric of this grid gives a score {given(name)}{hint}")


def thresholds_of(layer: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Return the tolerances of a layer, by the name of the score."""
    return {
        key.removeprefix("check."): read_tolerance(value)
        for key, value in layer.items()
        if key.startswith("check.")
    }
