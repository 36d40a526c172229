"""The summary of a page: for each context and pair of groups, one sentence over all metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ganbench.analysis.context import (
    Row,
    axes_of,
    compared_axes,
    metric_label,
    shared,
    told_apart,
    where,
)
from ganbench.analysis.numbers import number
from ganbench.analysis.significance import ALPHA


@dataclass(frozen=True, kw_only=True)
class SummarySentence:
    """The joint finding of all metrics on a value and the baseline in one context.

    Attributes:
        kind: `better`, `mixed` where metrics disagree, `none`, `open` where nothing can be told, `refused`,
            and `failed` or `skipped` where a group has no score for that reason.
        mark: the same in words.
        where: what tells the context from the others; empty where there is one context.
        words: the sentence.
        metrics: each metric with its own verdict.
    """

    kind: str
    mark: str
    where: str
    words: str
    metrics: Sequence[tuple[str, str]]


_MARKS = {
    "better": "Difference",
    "mixed": "Metrics disagree",
    "none": "No difference shown",
    "open": "Cannot tell",
    "refused": "Not compared",
    "failed": "Failed",
    "skipped": "Skipped",
}


def summary_sentences(comparison: pd.DataFrame) -> list[SummarySentence]:
    """Write one sentence for each context and value, in the order of the comparison."""
    _, differing = shared(comparison)
    context = [name for name in axes_of(comparison) if name in comparison.columns]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in comparison.to_dict("records"):
        groups.setdefault((*(str(row[name]) for name in context), row["baseline"], row["value"]), []).append(
            row
        )
    return [_sentence(rows, where(rows[0], differing)) for rows in groups.values()]


def by_context(found: Iterable[SummarySentence]) -> dict[str, list[SummarySentence]]:
    """Group sentences by what tells their contexts apart, in their order."""
    groups: dict[str, list[SummarySentence]] = {}
    for answer in found:
        groups.setdefault(answer.where, []).append(answer)
    return groups


def _sentence(rows: Sequence[Row], place: str) -> SummarySentence:
    first = rows[0]
    names, both = _names(first)
    by_kind: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_kind.setdefault(_kind(row), []).append(row)
    winners = [winner for kind, winner in by_kind if kind == "better"]
    kinds = [kind for kind, _ in by_kind]
    unscored = [group for group in ("baseline", "value") if all(row[f"n_{group}"] == 0 for row in rows)]
    if unscored and not winners and "refused" not in kinds:
        return _unscored(rows, unscored, place)
    kind = "mixed" if len(winners) > 1 else min(kinds, key=tuple(_MARKS).index)
    said = []
    # The group that is named first has its mean first, to the end of the sentence.
    groups = ("value", "baseline")
    for (found, winner), mine in sorted(by_kind.items(), key=lambda item: tuple(_MARKS).index(item[0][0])):
        if winner:
            groups = ("baseline", "value") if winner == first["baseline"] else ("value", "baseline")
        by = ", ".join(_means(row, *groups) for row in mine)
        said.append(
            {
                "better": f"{names[groups[0]]} is better than {names[groups[1]]}{both} by {by}",
                "none": f"no difference shown by {by}",
                "open": f"too little to tell by {by}",
                "refused": f"not compared: {by}",
            }[found]
        )
    if not winners:
        said[0] = f"{names['value']} against {names['baseline']}{both}: {said[0]}"
    failed = {group: max(row[f"failures_{group}"] for row in rows) for group in ("baseline", "value")}
    said += [
        f"{names[group]} failed with {count} seed{'s' if count > 1 else ''}"
        for group, count in failed.items()
        if count
    ]
    return SummarySentence(
        kind=kind,
        mark=_MARKS[kind] + (", with failures" if any(failed.values()) else ""),
        where=place,
        words="; ".join(said) + ".",
        metrics=[(metric_label(row["metric"], row["extractor"]), row["sentence"]) for row in rows],
    )


def _unscored(rows: Sequence[Row], groups: Sequence[str], place: str) -> SummarySentence:
    """Write the sentence where a group has no score at all: what became of its cells."""
    first, kind, said = rows[0], "open", list[str]()
    names, both = _names(first)
    for group in groups:
        failed, skipped = first[f"failures_{group}"], first[f"skipped_{group}"]
        if failed:
            kind = "failed"
            said.append(f"{names[group]} failed with {_every(failed)}")
        elif skipped:
            kind = kind if kind == "failed" else "skipped"
            said.append(f"{names[group]} was skipped")
        else:
            said.append(f"{names[group]} has no final score")
    return SummarySentence(
        kind=kind,
        mark=_MARKS[kind],
        where=place,
        words=f"{names['value']} against {names['baseline']}{both}: {', '.join(said)}.",
        metrics=[(metric_label(row["metric"], row["extractor"]), row["sentence"]) for row in rows],
    )


def _names(row: Row) -> tuple[dict[str, str], str]:
    """Name both groups by what tells them apart, and say what they have in common."""
    pair = told_apart(row["value"], row["baseline"], compared_axes(row["axis"]))
    both = f" with {pair.both}" if pair.both else ""
    return {"value": pair.value, "baseline": pair.baseline}, both


def _every(count: int) -> str:
    return "its only seed" if count == 1 else f"all {count} seeds"


def _means(row: Row, first: str, second: str) -> str:
    """Name a metric with the means of two groups, as far as there are any."""
    means = [row[f"mean_{group}"] for group in (first, second)]
    metric = metric_label(row["metric"], row["extractor"])
    if any(math.isnan(mean) for mean in means):
        return metric
    return f"{metric} {number(means[0])} against {number(means[1])}"


def _kind(row: Row) -> tuple[str, str]:
    """Tell what one metric says, and which group it shows to be better."""
    if row["verdict"].startswith("not compared"):
        return "refused", ""
    if row["p_adjusted"] < ALPHA and row["better"]:
        return "better", row["better"]
    if row["n"] > 1 and not math.isnan(row["p_adjusted"]):
        return "none", ""
    return "open", ""
