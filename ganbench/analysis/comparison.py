"""The comparison table: one row per context × metric × pair of the compared axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench.analysis.context import Compared, Context, Row, axes_of, contexts, groups_of
from ganbench.analysis.environments import environments_mixed
from ganbench.analysis.final_scores import Finals, Measure, group_of, ignoring_engines, reader_notes
from ganbench.analysis.group import Group
from ganbench.analysis.metric_conflicts import disagreements
from ganbench.analysis.multiple_testing import Family, family_of, holm, simultaneous_intervals
from ganbench.analysis.pairwise import PairwiseResult, compare_pair, seeds_pair
from ganbench.analysis.records import FAILURES
from ganbench.analysis.tables import current_rows, frame, lettered
from ganbench.analysis.verdict import refusal, sentence, verdict, winner

COLUMNS = (
    "metric",
    "direction",
    "extractor",
    "samples",
    "protocol",
    "axis",
    "baseline",
    "value",
    "n",
    "n_baseline",
    "n_value",
    "mean_baseline",
    "mean_value",
    "sd_baseline",
    "sd_value",
    "difference",
    "low",
    "high",
    "p",
    "p_adjusted",
    "probability_of_improvement",
    "failures_baseline",
    "failures_value",
    "unfinished",
    "verdict",
    "repeats",
    "noise_baseline",
    "noise_value",
    "note",
    "median_baseline",
    "median_value",
    "low_baseline",
    "high_baseline",
    "low_value",
    "high_value",
    "test",
    "p_permutation",
    "effect_size",
    "effect_size_name",
    "correlation",
    *(f"{kind}_{group}" for kind in FAILURES for group in ("baseline", "value")),
    "warnings_baseline",
    "warnings_value",
    "better",
    "family",
    "family_size",
    "environments",
    "skipped_baseline",
    "skipped_value",
    "protocol_id",
    "environment_ids",
    "low_simultaneous",
    "high_simultaneous",
    "sentence",
)
_INTEGERS = (
    "samples",
    "n",
    "n_baseline",
    "n_value",
    "failures_baseline",
    "failures_value",
    "unfinished",
    "repeats",
    "family_size",
    "skipped_baseline",
    "skipped_value",
    *(f"{kind}_{group}" for kind in FAILURES for group in ("baseline", "value")),
)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    context: Context
    metric: str
    direction: str
    measure: Measure | None
    baseline: Group
    value: Group
    result: PairwiseResult
    refused: str = ""
    mixed: bool = False
    environments: tuple[str, ...] = ()


def compare(
    cells: pd.DataFrame, scores: pd.DataFrame, what: Compared, finals: Mapping[str, Finals]
) -> pd.DataFrame:
    """Compare the final scores of each value of an axis with the baseline's.

    Means, medians, sd and t intervals are over the cells of a group that are `ok`, by their score at their
    last step, repeats averaged. `test` names what decides, as `significance.decide` describes: seeds are
    pairs unless the axis is one on which the initial weights or the data depend, and failures are ranked
    as the worst, never dropped. `p` is that test's, `p_adjusted` by Holm's method over the `family`, and
    `better` is the group that it shows to be better. The difference with its interval is over the pairs that
    have scores, or over all scores where seeds are no pairs. `low` and `high` are the interval of one test;
    `low_simultaneous` and `high_simultaneous` hold over the family together and leave out 0 exactly where
    `p_adjusted` shows a difference (`simultaneous_intervals`); they are missing where no t test decides.
    `verdict` gives the interval of one test, `sentence` the other, with both groups named. Scores of
    different protocols or engines stay apart: where the groups have none in common, the row says so. Scores
    that are not current are left out.

    Two spreads stand apart. `sd_*` is over seeds, of each cell's mean over its repeats. `noise_*` is of the
    metric itself: between the sample sets of one generator, pooled over the group's cells with a degree of
    freedom less for each; NaN where cells have one repeat. sd² still holds noise² / repeats: what is left
    of the metric's own spread in a mean of so many. `repeats` is the fewest of any cell, and `note` says
    where they differ.

    Args:
        cells: the table of cells.
        scores: the table of scores.
        what: the axis or axes, the baseline, and whether each value meets it alone or all others too.
        finals: final scores by cell, engines in the measure.

    Returns:
        A frame with the context's columns and COLUMNS; empty where the axis has fewer than two values.
    """
    others = [name for name in axes_of(cells) if name not in what.axes]
    labels = groups_of(cells, what)
    if len(labels) < 2 or what.baseline not in (None, labels[0]):
        return frame([], (*others, *COLUMNS), _INTEGERS)
    scores = current_rows(scores)
    directions = dict(zip(scores["metric"].tolist(), scores["direction"].tolist(), strict=True))
    if "train.engine" in what.axes:
        finals = ignoring_engines(finals)
    paired = seeds_pair(what.axis)
    asked = _scores_of_datasets(scores)
    pairs = [
        pair
        for context in contexts(cells, what.axis)
        for pair in _pairs(context, labels, what.pairs, finals, directions, asked, paired)
    ]
    adjusted = holm([pair.result.p for pair in pairs])
    family = family_of(
        what.words,
        None if what.pairs == "all" else labels[0],
        contexts=len({tuple(map(str, pair.context.where.values())) for pair in pairs}),
        metrics=len({pair.metric for pair in pairs}),
        values=len({(pair.baseline.label, pair.value.label) for pair in pairs}),
        size=sum(not math.isnan(p) for p in adjusted),
    )
    results = [pair.result for pair in pairs]
    low, high = simultaneous_intervals(
        [result.difference for result in results],
        [result.error for result in results],
        [result.freedom for result in results],
        [result.p for result in results],
        adjusted,
    )
    rows = [
        _row(pair, what.axis, p, family, (float(ends[0]), float(ends[1])))
        for pair, p, ends in zip(pairs, adjusted, zip(low, high, strict=True), strict=True)
    ]
    for row, said in zip(rows, disagreements(rows, others), strict=True):
        for words in ("verdict", "sentence"):
            row[words] += f"; {said}" if said else ""
    return frame(rows, (*others, *COLUMNS), _INTEGERS)


def _pairs(
    context: Context,
    labels: Sequence[str],
    pairs: str,
    finals: Mapping[str, Finals],
    directions: Mapping[str, str],
    asked: Mapping[str, set[str]],
    paired: bool,
) -> Iterator[_Pair]:
    """Yield every metric of one context, each group against the baseline, or against each before it."""
    first = labels if pairs == "all" else labels[:1]
    for old, name in ((old, name) for index, old in enumerate(first) for name in labels[index + 1 :]):
        base, rows = context.groups.get(old, ()), context.groups.get(name, ())
        if not base or not rows:
            # The grid has no such cells: it excludes them.
            continue
        scored = _metrics((*base, *rows), finals)
        failed = any(row["status"] in FAILURES for row in (*base, *rows))
        # Failures must show even where nothing was scored, by the scores that their data have elsewhere.
        unscored = {metric for row in (*base, *rows) for metric in asked.get(row["dataset"], ())}
        comparable = [metric for metric in scored or sorted(unscored) if directions.get(metric)]
        for metric in comparable or ([""] if failed else []):
            for measure, refused in _measures(metric, base, rows, finals, old, name):
                baseline = group_of(old, base, metric, measure, finals)
                value = group_of(name, rows, metric, measure, finals)
                direction = directions.get(metric, "")
                yield _Pair(
                    context=context,
                    metric=metric,
                    direction=direction,
                    measure=measure,
                    baseline=baseline,
                    value=value,
                    result=compare_pair(baseline, value, direction, paired=paired),
                    refused=refused,
                    mixed=environments_mixed((*base, *rows)),
                    environments=_environments((*base, *rows)),
                )


def _scores_of_datasets(scores: pd.DataFrame) -> dict[str, set[str]]:
    """Collect the scores that any cell of each data set has, at any step."""
    found: dict[str, set[str]] = {}
    for dataset, metric in zip(scores["dataset"].tolist(), scores["metric"].tolist(), strict=True):
        found.setdefault(dataset, set()).add(metric)
    return found


def _metrics(rows: Iterable[Row], finals: Mapping[str, Finals]) -> list[str]:
    return sorted({metric for row in rows for metric in finals.get(row["cell"], {})})


def _measures(
    metric: str,
    base: Sequence[Row],
    rows: Sequence[Row],
    finals: Mapping[str, Finals],
    baseline: str,
    value: str,
) -> list[tuple[Measure | None, str]]:
    """List each measure that both groups have, then a refusal where one group has others."""
    counts: list[dict[Measure, int]] = []
    for group in (base, rows):
        found: dict[Measure, int] = {}
        for row in group:
            for measure in finals.get(row["cell"], {}).get(metric, {}):
                found[measure] = found.get(measure, 0) + 1
        counts.append(found)
    both = [measure for measure in counts[0] if measure in counts[1]]
    if not counts[0] or not counts[1]:
        alone = list(counts[0] or counts[1])
        return [(measure, "") for measure in alone] or [(None, "")]
    if counts[0].keys() == counts[1].keys():
        return [(measure, "") for measure in both]
    kind = "protocols"
    if {measure._replace(engine="") for measure in counts[0]} == {
        measure._replace(engine="") for measure in counts[1]
    }:
        kind = "engines"
    groups = "; ".join(
        f"{name}: {', '.join(_measured(measure, n) for measure, n in found.items())}"
        for name, found in zip((baseline, value), counts, strict=True)
    )
    return [*((measure, "") for measure in both), (None, f"{kind} differ ({groups})")]


def _measured(measure: Measure, n: int) -> str:
    return f"{measure.words}, {measure.engine or 'any'} engine in {n} cell{'' if n == 1 else 's'}"


def _environments(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["environment"] for row in rows if row["status"] == "ok"))


def _row(
    pair: _Pair, axis: str, adjusted: float, family: Family, interval: tuple[float, float]
) -> dict[str, Any]:
    baseline, value, found, measure = pair.baseline, pair.value, pair.result, pair.measure
    if pair.refused:
        words = refusal(pair.refused)
        said = f"{value.label} against {baseline.label}: {words}"
    else:
        asked = (pair.metric, pair.direction, baseline, value, found, adjusted, family.size)
        mixed = "; environments are mixed" if pair.mixed else ""
        words, said = verdict(*asked) + mixed, sentence(*asked, interval) + mixed
    return {
        **pair.context.where,
        "metric": pair.metric,
        "direction": pair.direction,
        "extractor": measure.extractor if measure else "",
        "samples": measure.samples if measure else None,
        "protocol": measure.protocol if measure else "",
        "axis": axis,
        "baseline": baseline.label,
        "value": value.label,
        "n": found.n,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "p_adjusted": adjusted,
        "probability_of_improvement": found.probability_of_improvement,
        "unfinished": baseline.unfinished + value.unfinished,
        "verdict": words,
        "repeats": min((*baseline.repeats, *value.repeats), default=None),
        "note": reader_notes(baseline, value),
        "test": found.test,
        "p_permutation": found.p_permutation,
        "effect_size": found.effect_size,
        "effect_size_name": found.effect_name,
        "correlation": found.correlation,
        "better": winner(baseline, value, found, adjusted),
        "family": family.name,
        "family_size": family.size,
        "environments": "; ".join(pair.environments),
        "protocol_id": lettered("p", measure.protocol if measure else ""),
        "environment_ids": "; ".join(lettered("e", environment) for environment in pair.environments),
        "low_simultaneous": interval[0],
        "high_simultaneous": interval[1],
        "sentence": said,
        **_arm_columns(baseline, "baseline"),
        **_arm_columns(value, "value"),
    }


def _arm_columns(group: Group, name: str) -> dict[str, Any]:
    kinds = list(group.failures.values())
    low, high = group.interval
    return {
        f"n_{name}": group.n,
        f"mean_{name}": group.mean,
        f"median_{name}": group.median,
        f"sd_{name}": group.sd,
        f"low_{name}": low,
        f"high_{name}": high,
        f"noise_{name}": group.noise,
        f"failures_{name}": group.failed,
        f"skipped_{name}": group.skipped,
        **{f"{kind}_{name}": kinds.count(kind) for kind in FAILURES},
        f"warnings_{name}": "; ".join(f"{warning} in {count}" for warning, count in group.warnings.items()),
    }
