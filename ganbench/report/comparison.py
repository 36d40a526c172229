"""The comparison table: one row per context × metric × pair of the compared axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench.report.context import Compared, Context, Row, arms_of, axes_of, contexts
from ganbench.report.contrast import ALPHA, Arm, Paired, paired
from ganbench.report.environments import environments_mixed
from ganbench.report.finals import Finals, Measure, arm_of, final_scores, said_of
from ganbench.report.record import FAILURES
from ganbench.report.tables import frame
from ganbench.report.verdict import refusal, verdict

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
)


@dataclass(frozen=True, kw_only=True)
class _Contrast:
    context: Context
    metric: str
    direction: str
    measure: Measure | None
    baseline: Arm
    value: Arm
    paired: Paired
    refused: str = ""
    mixed: bool = False


def compare(cells: pd.DataFrame, scores: pd.DataFrame, what: Compared) -> pd.DataFrame:
    """Compare the final scores of each value of an axis with the baseline's, seed by seed.

    Only cells that are `ok` count, by their score at their last step, repeats averaged; the others are
    counted as failures or unfinished. p is adjusted by Holm's method over the whole table. Scores of
    different protocols or engines stay apart: where the arms have none in common, the row says so.
    Means and sd are over all scores of an arm, the difference over the pairs.

    Two spreads stand apart. `sd_*` is over seeds, of each cell's mean over its repeats. `noise_*` is of the
    metric itself: between the sample sets of one generator, pooled over the arm's cells with a degree of
    freedom less for each; NaN where cells have one repeat. sd² still holds noise² / repeats: what is left
    of the metric's own spread in a mean of so many. `repeats` is the fewest of any cell, and `note` says
    where they differ.

    Args:
        cells: the table of cells.
        scores: the table of scores.
        what: the axis, and its baseline.

    Returns:
        A frame with the context's columns and COLUMNS; empty where the axis has fewer than two values.
    """
    others = [name for name in axes_of(cells) if name != what.axis]
    labels = arms_of(cells, what)
    if len(labels) < 2 or what.baseline not in (None, labels[0]):
        return frame([], (*others, *COLUMNS), _INTEGERS)
    directions = dict(zip(scores["metric"].tolist(), scores["direction"].tolist(), strict=True))
    finals = final_scores(cells, scores, by_engine=what.axis != "train.engine")
    contrasts = [
        contrast
        for context in contexts(cells, what.axis)
        for contrast in _contrasts(context, labels, finals, directions)
    ]
    adjusted = _holm([contrast.paired.p for contrast in contrasts])
    family = sum(not math.isnan(contrast.paired.p) for contrast in contrasts)
    rows = [_row(contrast, what.axis, p, family) for contrast, p in zip(contrasts, adjusted, strict=True)]
    return frame(rows, (*others, *COLUMNS), _INTEGERS)


def _contrasts(
    context: Context, labels: Sequence[str], finals: Mapping[str, Finals], directions: Mapping[str, str]
) -> Iterator[_Contrast]:
    """Every metric of one context, each arm against the baseline."""
    base = context.arms.get(labels[0], ())
    for name in labels[1:]:
        rows = context.arms.get(name, ())
        if not base and not rows:
            continue
        scored = _metrics((*base, *rows), finals)
        failed = any(row["status"] in FAILURES for row in (*base, *rows))
        # Failures must show even where nothing was scored.
        comparable = [metric for metric in scored or sorted(directions) if directions.get(metric)]
        for metric in comparable or ([""] if failed else []):
            for measure, refused in _measures(metric, base, rows, finals, labels[0], name):
                baseline = arm_of(labels[0], base, metric, measure, finals)
                value = arm_of(name, rows, metric, measure, finals)
                direction = directions.get(metric, "")
                yield _Contrast(
                    context=context,
                    metric=metric,
                    direction=direction,
                    measure=measure,
                    baseline=baseline,
                    value=value,
                    paired=paired(baseline, value, direction),
                    refused=refused,
                    mixed=environments_mixed((*base, *rows)),
                )


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
    """Each measure that both arms have, then a refusal where one arm has others."""
    counts: list[dict[Measure, int]] = []
    for arm in (base, rows):
        found: dict[Measure, int] = {}
        for row in arm:
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
    arms = "; ".join(
        f"{name}: {', '.join(_measured(measure, n) for measure, n in found.items())}"
        for name, found in zip((baseline, value), counts, strict=True)
    )
    return [*((measure, "") for measure in both), (None, f"{kind} differ ({arms})")]


def _measured(measure: Measure, n: int) -> str:
    by = f"{measure.extractor or 'no extractor'}, {measure.samples} samples, protocol {measure.protocol}"
    return f"{by}, {measure.engine or 'any'} engine in {n} cell{'' if n == 1 else 's'}"


def _holm(values: Sequence[float]) -> list[float]:
    """Holm's adjustment over the values that are defined."""
    from statsmodels.stats.multitest import multipletests

    defined = [index for index, p in enumerate(values) if not math.isnan(p)]
    adjusted = [math.nan] * len(values)
    if defined:
        corrected = multipletests([values[index] for index in defined], alpha=ALPHA, method="holm")[1]
        for index, p in zip(defined, corrected, strict=True):
            adjusted[index] = float(p)
    return adjusted


def _row(contrast: _Contrast, axis: str, adjusted: float, family: int) -> dict[str, Any]:
    baseline, value, pair, measure = contrast.baseline, contrast.value, contrast.paired, contrast.measure
    if contrast.refused:
        words = refusal(contrast.refused)
    else:
        words = verdict(contrast.metric, contrast.direction, baseline, value, pair, adjusted, family)
        words += "; environments are mixed" if contrast.mixed else ""
    return {
        **contrast.context.where,
        "metric": contrast.metric,
        "direction": contrast.direction,
        "extractor": measure.extractor if measure else "",
        "samples": measure.samples if measure else None,
        "protocol": measure.protocol if measure else "",
        "axis": axis,
        "baseline": baseline.label,
        "value": value.label,
        "n": pair.n,
        "n_baseline": len(baseline.scores),
        "n_value": len(value.scores),
        "mean_baseline": baseline.mean,
        "mean_value": value.mean,
        "sd_baseline": baseline.sd,
        "sd_value": value.sd,
        "difference": pair.difference,
        "low": pair.low,
        "high": pair.high,
        "p": pair.p,
        "p_adjusted": adjusted,
        "probability_of_improvement": pair.probability_of_improvement,
        "failures_baseline": baseline.failed,
        "failures_value": value.failed,
        "unfinished": baseline.unfinished + value.unfinished,
        "verdict": words,
        "repeats": min((*baseline.repeats, *value.repeats), default=None),
        "noise_baseline": baseline.noise,
        "noise_value": value.noise,
        "note": said_of(baseline, value),
    }
