"""The tables of a page, as text; long ones are cut, and say by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ganbench.analysis.context import axes_of, metric_label, shared
from ganbench.analysis.verdict import ends, mean_and_sd, number, p_value
from ganbench.report.footnotes import footnotes, has_noise
from ganbench.report.results import Results

MOST_ROWS = 1000
METRIC_SD = "sd of the metric itself"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table of text.

    Attributes:
        head: the columns' headings.
        rows: as many texts a row as there are headings.
        shared: what all rows have in common.
        more: rows left out.
        notes: what must be known of its numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    shared: str = ""
    more: int = 0
    notes: Sequence[str] = ()


def comparison_sheet(comparison: pd.DataFrame) -> Sheet:
    """The comparison, its numbers rounded for reading."""
    noisy = has_noise(comparison)
    same, context = shared(comparison)
    head = [
        *context,
        "score",
        "baseline",
        "value",
        "pairs",
        "mean ± sd over seeds, baseline",
        "mean ± sd over seeds, value",
        "difference",
        "95% interval",
        "test",
        "p",
        "p, Holm",
        "p, permutation",
        "P(value better)",
        "failed",
        *([METRIC_SD] if noisy else []),
        "samples",
        *(["repeats"] if noisy else []),
        "protocol",
    ]
    rows = [
        [
            *(str(row[name]) for name in context),
            metric_label(row["metric"], row["extractor"]),
            row["baseline"],
            row["value"],
            str(row["n"]),
            f"{mean_and_sd(row['mean_baseline'], row['sd_baseline'])} (n={row['n_baseline']})",
            f"{mean_and_sd(row['mean_value'], row['sd_value'])} (n={row['n_value']})",
            number(row["difference"]),
            ends(row["low"], row["high"]),
            row["test"] or "-",
            _p(row["p"]),
            _p(row["p_adjusted"]),
            _p(row["p_permutation"]),
            number(row["probability_of_improvement"]),
            f"{row['failures_baseline']} / {row['failures_value']}",
            *([f"{number(row['noise_baseline'])} / {number(row['noise_value'])}"] if noisy else []),
            _count(row["samples"]),
            *([_count(row["repeats"])] if noisy else []),
            row["protocol"],
        ]
        for row in comparison.head(MOST_ROWS).to_dict("records")
    ]
    return Sheet(
        head=head,
        rows=rows,
        more=max(0, len(comparison) - MOST_ROWS),
        notes=footnotes(comparison),
        shared=same,
    )


def final_sheet(final: pd.DataFrame) -> Sheet:
    """Every final value of every combination over its seeds, those that are never compared too."""
    noisy = has_noise(final)
    same, context = shared(final)
    head = [
        *context,
        "score",
        "better",
        "seeds",
        "mean",
        "sd over seeds",
        *([METRIC_SD] if noisy else []),
        "failed",
        "samples",
        *(["repeats"] if noisy else []),
        "protocol",
    ]
    rows = [
        [
            *(str(row[name]) for name in context),
            metric_label(row["metric"], row["extractor"]),
            row["direction"] or "-",
            str(row["n"]),
            _value(row["mean"]),
            number(row["sd"]),
            *([number(row["noise"])] if noisy else []),
            str(row["failures"]),
            _count(row["samples"]),
            *([_count(row["repeats"])] if noisy else []),
            row["protocol"],
        ]
        for row in final.head(MOST_ROWS).to_dict("records")
    ]
    return Sheet(
        head=head, rows=rows, more=max(0, len(final) - MOST_ROWS), notes=footnotes(final), shared=same
    )


def cells_sheet(cells: pd.DataFrame) -> Sheet:
    """Every cell: what it is and how it ended."""
    axes = list(axes_of(cells))
    head = ["cell", *axes, "seed", "status", "step", "time", "warnings", "reason"]
    rows = [
        [
            row["cell"],
            *(text(row[name]) for name in axes),
            text(row["seed"]),
            row["status"],
            text(row["step"]),
            duration(row["seconds"]),
            row["warnings"].replace(";", ", "),
            row["reason"],
        ]
        for row in cells.head(MOST_ROWS).to_dict("records")
    ]
    return Sheet(head=head, rows=rows, more=max(0, len(cells) - MOST_ROWS))


def scores_sheet(results: Results) -> Sheet:
    """The scores at each cell's last step, each sample set by itself."""
    scores, axes = results.scores, list(axes_of(results.cells))
    last = dict(zip(results.cells["cell"].tolist(), results.cells["step"].tolist(), strict=True))
    final = [row for row in scores.to_dict("records") if row["step"] == last.get(row["cell"])]
    repeat = ["repeat"] if any(row["repeat"] for row in final) else []
    head = ["cell", *axes, "seed", "step", *repeat, "score", "value", "samples", "protocol"]
    rows = [
        [
            row["cell"],
            *(text(row[name]) for name in axes),
            text(row["seed"]),
            str(row["step"]),
            *(str(row[name]) for name in repeat),
            metric_label(row["metric"], row["extractor"]),
            f"{row['value']:.6g}",
            str(row["samples"]),
            row["protocol"],
        ]
        for row in final[:MOST_ROWS]
    ]
    return Sheet(head=head, rows=rows, more=max(0, len(final) - MOST_ROWS))


def environments_sheet(cells: pd.DataFrame) -> Sheet:
    """Each environment with its versions and the number of its cells."""
    names = ("environment", "device", "engine", "ganbench", "torch", "torch-fidelity", "plugins")
    known = cells[cells["environment"] != ""]
    counts: dict[tuple[str, ...], int] = {}
    for row in known.to_dict("records"):
        key = tuple(str(row[name]) for name in names)
        counts[key] = counts.get(key, 0) + 1
    return Sheet(head=[*names, "cells"], rows=[[*key, str(count)] for key, count in counts.items()])


def titled(title: str, same: str) -> str:
    """A table's title with what its rows have in common."""
    return f"{title}: {same}" if same else title


def duration(seconds: float) -> str:
    """Seconds in a unit that reads well; a dash where they are unknown."""
    if math.isnan(seconds):
        return "-"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def _value(value: float) -> str:
    """A score to four digits."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def _count(value: object) -> str:
    return text(value) or "-"


def _p(p: float) -> str:
    return "-" if math.isnan(p) else p_value(p, "").lstrip("=")


def text(value: object) -> str:
    """A table's value; empty where it is missing."""
    return "" if pd.isna(value) else str(value)
