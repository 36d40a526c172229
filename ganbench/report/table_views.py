"""The comparison and the final scores as text: each number is formatted here, for every renderer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ganbench.analysis.context import Row, metric_label, shared, telling, where
from ganbench.analysis.numbers import ends, mean_and_sd, number, p_text

METRIC_SD = "sd of the metric itself"

_BIASED = re.compile(r"biased: fewer than (\d+) samples")


@dataclass(frozen=True, kw_only=True)
class TableView:
    """A table of results as text.

    Attributes:
        shared: the context that all rows have in common, in words.
        context: the columns in which the contexts of rows differ.
        noisy: whether any cell was scored on more than one sample set.
        rows: the texts of each row by name, those of `context` among them.
        more: number of rows left out.
        notes: what a reader must know of the numbers, one sentence each.
    """

    shared: str
    context: Sequence[str]
    noisy: bool
    rows: Sequence[Mapping[str, str]]
    more: int
    notes: Sequence[str]

    def table(self, columns: Sequence[tuple[str, str]]) -> tuple[list[str], list[list[str]]]:
        """Lay out headings and rows: the context's columns first, then the given ones.

        Args:
            columns: the heading of each column, and its cells as a format string over a row's texts.
        """
        head = [*self.context, *(heading for heading, _ in columns)]
        rows = [
            [*(row[name] for name in self.context), *(form.format_map(row) for _, form in columns)]
            for row in self.rows
        ]
        return head, rows


def comparison_view(comparison: pd.DataFrame, most: int | None = None) -> TableView:
    """Format a comparison.

    Args:
        comparison: the table of differences.
        most: number of rows to keep; all unless given.
    """
    return _view(comparison, _comparison_texts, most)


def final_view(final: pd.DataFrame, most: int | None = None) -> TableView:
    """Format final scores.

    Args:
        final: the table of final scores.
        most: number of rows to keep; all unless given.
    """
    view = _view(final, _final_texts, most)
    return replace(view, notes=[*view.notes, *optimism_notes(final)])


def titled(title: str, same: str) -> str:
    """Append to a table's title what its rows have in common."""
    return f"{title}: {same}" if same else title


def text(value: object) -> str:
    """Turn a table's value into text; empty where it is missing."""
    return "" if pd.isna(value) else str(value)


def sentences(comparison: pd.DataFrame) -> list[str]:
    """Say where each row of a comparison was measured, which score it is of, and what it shows."""
    context = telling(comparison)
    return [
        f"{where(row, context)}: {metric_label(row['metric'], row['extractor'])}: {row['sentence']}"
        for row in comparison.to_dict("records")
    ]


def family_notes(comparison: pd.DataFrame) -> list[str]:
    """Say over which tests p was adjusted, and the intervals made wider; nothing where there was one."""
    sizes = comparison["family_size"].dropna()
    if sizes.empty or sizes.iloc[0] < 2:
        return []
    lines = [f"p (Holm): adjusted over {sizes.iloc[0]} tests: {comparison['family'].iloc[0]}."]
    if comparison["low_simultaneous"].notna().any():
        lines.append(
            "95%: simultaneous, so that all intervals hold together; an interval leaves out 0 exactly where "
            "a difference is shown."
        )
    return lines


def footnotes(table: pd.DataFrame) -> list[str]:
    """List what a reader must know of a table's numbers, one sentence each with the scores that it is about.

    Args:
        table: has the columns metric, extractor, samples, repeats, note, and `noise` or `noise_*`.
    """
    about: dict[str, dict[str, None]] = {}
    for row in table.to_dict("records"):
        for note in filter(None, row["note"].split("; ")):
            label = metric_label(row["metric"], row["extractor"])
            about.setdefault(_sentence(note, row["samples"]), {})[label] = None
    lines = [f"{', '.join(labels)}: {sentence}." for sentence, labels in about.items()]
    if has_noise(table):
        fewest, most = table["repeats"].min(), table["repeats"].max()
        repeats = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        lines.append(
            f"sd over seeds: of each cell's mean over {repeats} sample sets of its generator. "
            "sd of the metric itself: between those sets, pooled over cells; the sd over seeds still holds "
            "its square / repeats."
        )
    return lines


def optimism_notes(final: pd.DataFrame) -> list[str]:
    """Say how much a kept best generator's score differs from the value that it was chosen by.

    Args:
        final: the table of final scores.

    Returns:
        A sentence for each score by which `score.keep_best` has chosen; means are over all combinations.
    """
    lines = []
    chosen = final[final["metric"].astype(str).str.endswith("_best_chosen")]
    for (metric, extractor), rows in chosen.groupby(["metric", "extractor"], sort=False):
        name = metric.removesuffix("_chosen")
        anew = final[(final["metric"] == name) & (final["extractor"] == extractor)]
        fresh, chosen_by = anew["mean"].mean(), rows["mean"].mean()
        sign = 1 if (anew["direction"] == "lower").any() else -1
        flatters = sign * (fresh - chosen_by) > 0
        lines.append(
            f"{metric_label(name, extractor)}: {number(fresh, 4)} on average on samples that the best "
            f"generators were not chosen by, {number(chosen_by, 4)} on those that they were chosen by: "
            + (
                "the difference is how much the choice flatters."
                if flatters
                else "the choice did not flatter."
            )
        )
    return lines


def has_noise(table: pd.DataFrame) -> bool:
    """Tell whether any cell was scored on more than one sample set."""
    columns = [name for name in table.columns if name.startswith("noise")]
    return bool(table[columns].notna().any(axis=None))


def _view(table: pd.DataFrame, texts: Callable[[Row], dict[str, str]], most: int | None) -> TableView:
    same, context = shared(table)
    kept = table if most is None else table.head(most)
    return TableView(
        shared=same,
        context=context,
        noisy=has_noise(table),
        rows=[
            {**{name: str(row[name]) for name in context}, **texts(row)} for row in kept.to_dict("records")
        ],
        more=len(table) - len(kept),
        notes=footnotes(table),
    )


def _comparison_texts(row: Row) -> dict[str, str]:
    difference, interval = number(row["difference"]), (row["low_simultaneous"], row["high_simultaneous"])
    brackets = "" if pd.isna(interval[0]) else f"[{number(interval[0])}, {number(interval[1])}]"
    return {
        **_measured(row),
        "direction": row["direction"],
        "n": str(row["n"]),
        "difference": difference,
        "interval": ends(*interval),
        "brackets": brackets,
        "bracketed": f"{difference} {brackets}".rstrip(),
        "test": row["test"] or "-",
        "p": p_text(row["p"]),
        "p_adjusted": p_text(row["p_adjusted"]),
        "p_permutation": p_text(row["p_permutation"]),
        "probability_of_improvement": number(row["probability_of_improvement"]),
        "better": row["better"] or "-",
        **{
            f"{name}_{group}": shown
            for group in ("baseline", "value")
            for name, shown in {
                "mean": mean_and_sd(row[f"mean_{group}"], row[f"sd_{group}"]),
                "n": str(row[f"n_{group}"]),
                "noise": number(row[f"noise_{group}"]),
                "failures": str(row[f"failures_{group}"]),
            }.items()
        },
        "baseline": row["baseline"],
        "value": row["value"],
    }


def _final_texts(row: Row) -> dict[str, str]:
    return {
        **_measured(row),
        "direction": row["direction"] or "-",
        "n": str(row["n"]),
        # Four digits: the column stands alone, and is read as the score itself.
        "mean": "-" if pd.isna(row["mean"]) else number(row["mean"], 4),
        "mean_and_sd": mean_and_sd(row["mean"], row["sd"]),
        "sd": number(row["sd"]),
        "noise": number(row["noise"]),
        "failures": str(row["failures"]),
    }


def _measured(row: Row) -> dict[str, str]:
    return {
        "score": metric_label(row["metric"], row["extractor"]),
        "samples": text(row["samples"]) or "-",
        "repeats": text(row["repeats"]) or "-",
        "protocol": row["protocol"],
    }


def _sentence(note: str, samples: int) -> str:
    found = _BIASED.fullmatch(note)
    if found is None:
        return note
    return (
        f"{samples:,} samples are fewer than {int(found[1]):,}: biased by an amount that depends on the "
        "model (Chong & Forsyth, 2020); compare at equal numbers only"
    )
