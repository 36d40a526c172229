"""The ranking of three groups or more: which may be the best, and which are shown to be worse."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench.analysis.best_arm import probability_best
from ganbench.analysis.context import Compared, Context, axes_of, contexts, groups_of
from ganbench.analysis.final_scores import Finals, Measure, group_of, ignoring_engines
from ganbench.analysis.group import Group
from ganbench.analysis.multiple_testing import holm
from ganbench.analysis.pairwise import seeds_pair
from ganbench.analysis.significance import ALPHA, decide
from ganbench.analysis.tables import current_rows, frame

Floats = NDArray[np.float64]

MIN_GROUPS = 3
COLUMNS = (
    "metric",
    "direction",
    "extractor",
    "samples",
    "protocol",
    "axis",
    "rank",
    "value",
    "group",
    "n",
    "failures",
    "mean",
    "sd",
    "probability_best",
    "worse_than",
    "better_than",
    "family",
    "family_size",
    "mean_rank",
    "contexts",
)
_INTEGERS = ("samples", "rank", "group", "n", "failures", "family_size", "contexts")


@dataclass(frozen=True, kw_only=True)
class _Ranked:
    """The groups of one context by one score.

    Attributes:
        where: the context.
        metric: the score.
        direction: `lower` or `higher`.
        measure: how the score came about.
        groups: each with at least one outcome.
        costs: outcome by seed of each group, turned so that lower is better; infinite for a failure.
    """

    where: Mapping[str, Any]
    metric: str
    direction: str
    measure: Measure
    groups: Sequence[Group]
    costs: Sequence[Mapping[int, float]]


def rank(
    cells: pd.DataFrame,
    scores: pd.DataFrame,
    what: Compared,
    finals: Mapping[str, Finals],
    comparison: pd.DataFrame,
) -> pd.DataFrame:
    """Rank the values of an axis in each context by each score, where there are three or more.

    Values stand in the order of their means, a failure counted as the worst score that any of them has there.
    A value is shown to be worse than another where the comparison shows it, or the test of their pair,
    adjusted by Holm's method over all pairs of the ranking. `group` 1 has the values that none is shown to be
    better than: any of them may be the best. Group 2 has those that only values of group 1 are shown to be
    better than, and so on. `probability_best` is `best_arm.probability_best`, failures counted as above.

    Args:
        cells: the table of cells.
        scores: the table of scores.
        what: the axis or axes.
        finals: final scores by cell, engines in the measure.
        comparison: the comparison of the same.

    Returns:
        A frame with the context's columns and COLUMNS, empty for fewer than three values. `n`: scores;
        `mean`, `sd`: of them. `worse_than`, `better_than`: the values that were shown to be so. `mean_rank`:
        of the value by this score, over the contexts in which all values are ranked, `contexts` of them.
    """
    others = [name for name in axes_of(cells) if name not in what.axes]
    labels = groups_of(cells, what)
    if len(labels) < MIN_GROUPS or comparison.empty:
        return frame([], (*others, *COLUMNS), _INTEGERS)
    scores = current_rows(scores)
    directions = dict(zip(scores["metric"].tolist(), scores["direction"].tolist(), strict=True))
    if "train.engine" in what.axes:
        finals = ignoring_engines(finals)
    ranked = [
        one for context in contexts(cells, what.axis) for one in _ranked(context, labels, finals, directions)
    ]
    paired = seeds_pair(what.axis)
    p = _adjusted(ranked, paired)
    shown = _compared(comparison, others)
    size = sum(not math.isnan(value) for table in p for value in table.values())
    family = f"{what.words}, each against each"
    rows = []
    whole: dict[tuple[str, str], list[dict[str, int]]] = {}
    for one, adjusted in zip(ranked, p, strict=True):
        worse = {pair for pair, value in adjusted.items() if value < ALPHA}
        worse |= shown.get(_key(one.where, others, one.metric, one.measure), set())
        mine = list(_rows(one, worse, paired))
        if len(mine) == len(labels):
            ranks = {row["value"]: row["rank"] for row in mine}
            whole.setdefault((one.metric, one.measure.extractor), []).append(ranks)
        rows += [{**row, "axis": what.axis, "family": family, "family_size": size} for row in mine]
    for row in rows:
        everywhere = [ranks[row["value"]] for ranks in whole.get((row["metric"], row["extractor"]), ())]
        row["mean_rank"] = float(np.mean(everywhere)) if everywhere else math.nan
        row["contexts"] = len(everywhere)
    return frame(rows, (*others, *COLUMNS), _INTEGERS)


def _ranked(
    context: Context, labels: Sequence[str], finals: Mapping[str, Finals], directions: Mapping[str, str]
) -> Iterator[_Ranked]:
    """Yield the groups of a context by each score that all which have it were measured alike by."""
    present = {name: context.groups[name] for name in labels if context.groups.get(name)}
    own = [finals.get(row["cell"], {}) for rows in present.values() for row in rows]
    for metric in sorted({metric for scored in own for metric in scored if directions.get(metric)}):
        for measure in dict.fromkeys(measure for scored in own for measure in scored.get(metric, {})):
            groups = [group_of(name, rows, metric, measure, finals) for name, rows in present.items()]
            # A group that was scored by another measure is refused in the comparison.
            groups = [group for group in groups if group.scores or (group.failures and not group.ok)]
            sign = 1.0 if directions[metric] == "lower" else -1.0
            costs = [
                {seed: sign * score for seed, score in group.scores.items()}
                | dict.fromkeys(group.failures, math.inf)
                for group in groups
            ]
            if len(groups) >= MIN_GROUPS and any(group.scores for group in groups):
                yield _Ranked(
                    where=context.where,
                    metric=metric,
                    direction=directions[metric],
                    measure=measure,
                    groups=groups,
                    costs=costs,
                )


def _adjusted(ranked: Sequence[_Ranked], paired: bool) -> list[dict[tuple[str, str], float]]:
    """Test each pair of each ranking; give the adjusted p of each by (better, worse)."""
    pairs = [
        (index, first, second)
        for index, one in enumerate(ranked)
        for first, second in itertools.combinations(range(len(one.groups)), 2)
    ]
    old, new = [], []
    for index, first, second in pairs:
        outcomes = ranked[index].costs[first], ranked[index].costs[second]
        shared = sorted(outcomes[0].keys() & outcomes[1].keys())
        seeds = (shared, shared) if paired else (sorted(outcomes[0]), sorted(outcomes[1]))
        old.append(np.array([outcomes[0][seed] for seed in seeds[0]], dtype=np.float64))
        new.append(np.array([outcomes[1][seed] for seed in seeds[1]], dtype=np.float64))
    p, favours = np.full(len(pairs), math.nan), np.zeros(len(pairs), dtype=np.int64)
    shapes: dict[tuple[int, int], list[int]] = {}
    for position, (before, after) in enumerate(zip(old, new, strict=True)):
        if np.isfinite(before).any() or np.isfinite(after).any():
            shapes.setdefault((len(before), len(after)), []).append(position)
    # One call for all pairs of a shape: scipy's tests take longer to call than to compute.
    for mine in shapes.values():
        decision = decide(
            np.stack([old[position] for position in mine]),
            np.stack([new[position] for position in mine]),
            paired=paired,
        )
        p[mine], favours[mine] = decision.p, decision.favours
    p[~np.isfinite(p)] = math.nan
    found: list[dict[tuple[str, str], float]] = [{} for _ in ranked]
    for (index, first, second), value, side in zip(pairs, holm(p.tolist()), favours.tolist(), strict=True):
        names = ranked[index].groups[first].label, ranked[index].groups[second].label
        found[index][names if side < 0 else names[::-1]] = value if side else max(value, 1.0)
    return found


def _compared(
    comparison: pd.DataFrame, others: Sequence[str]
) -> dict[tuple[object, ...], set[tuple[str, str]]]:
    """Collect what the comparison shows: pairs of the better and the worse value by context and score."""
    shown: dict[tuple[object, ...], set[tuple[str, str]]] = {}
    for row in comparison.to_dict("records"):
        if row["better"]:
            worse = row["value"] if row["better"] == row["baseline"] else row["baseline"]
            key = (*(str(row[name]) for name in others), row["metric"], row["extractor"], row["protocol"])
            shown.setdefault(key, set()).add((row["better"], worse))
    return shown


def _key(
    where: Mapping[str, Any], others: Sequence[str], metric: str, measure: Measure
) -> tuple[object, ...]:
    return (*(str(where[name]) for name in others), metric, measure.extractor, measure.protocol)


def _rows(one: _Ranked, shown: set[tuple[str, str]], paired: bool) -> Iterator[dict[str, Any]]:
    costs = _completed(one.costs)
    probabilities = _probabilities(costs, paired)
    # Scores near the largest float overflow to infinity here, which ranks last.
    with np.errstate(over="ignore"):
        means = [float(np.mean(list(mine.values()))) for mine in costs]
    order = sorted(range(len(means)), key=lambda index: (means[index], index))
    layer = _layers([one.groups[index].label for index in order], shown)
    for index in sorted(order, key=lambda index: layer[one.groups[index].label]):
        group = one.groups[index]
        yield {
            **one.where,
            "metric": one.metric,
            "direction": one.direction,
            "extractor": one.measure.extractor,
            "samples": one.measure.samples,
            "protocol": one.measure.protocol,
            "rank": 1 + sum(mean < means[index] for mean in means),
            "value": group.label,
            "group": layer[group.label],
            "n": group.n,
            "failures": len(group.failures),
            "mean": group.mean,
            "sd": group.sd,
            "probability_best": probabilities[index],
            "worse_than": "; ".join(better for better, worse in sorted(shown) if worse == group.label),
            "better_than": "; ".join(worse for better, worse in sorted(shown) if better == group.label),
        }


def _completed(costs: Sequence[Mapping[int, float]]) -> list[dict[int, float]]:
    """Give each failure the worst score that any group has."""
    worst = max(cost for mine in costs for cost in mine.values() if math.isfinite(cost))
    return [{seed: min(cost, worst) for seed, cost in mine.items()} for mine in costs]


def _probabilities(costs: Sequence[Mapping[int, float]], paired: bool) -> list[float]:
    """Compute each group's probability of being best; NaN where seeds are too few to tell."""
    shared = sorted(set.intersection(*(set(mine) for mine in costs)))
    scores = [np.array([mine[seed] for seed in (shared if paired else sorted(mine))]) for mine in costs]
    if min(map(len, scores)) < 2:
        return [math.nan] * len(costs)
    with np.errstate(all="ignore"):
        found = probability_best(scores, paired=paired)
    return [float(share) for share in found] if np.isfinite(found).all() else [math.nan] * len(costs)


def _layers(labels: Iterable[str], shown: set[tuple[str, str]]) -> dict[str, int]:
    """Put values into groups: the first has those that none is shown to be better than, and so on."""
    left = list(labels)
    layers: dict[str, int] = {}
    for layer in itertools.count(1):
        if not left:
            break
        free = [name for name in left if not any((other, name) in shown for other in left)]
        # Tests by ranks may go round in a circle, in which none is free.
        layers |= dict.fromkeys(free or left, layer)
        left = [name for name in left if name not in layers]
    return layers
