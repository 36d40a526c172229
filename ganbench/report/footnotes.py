"""What must be known of some numbers before they are believed: said once under a table, not in each row."""

from __future__ import annotations

import re

import pandas as pd

from ganbench.analysis.context import metric_label

_BIASED = re.compile(r"biased: fewer than (\d+) samples")


def footnotes(table: pd.DataFrame) -> list[str]:
    """The notes of a table, a sentence each, with the scores that each is about.

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


def has_noise(table: pd.DataFrame) -> bool:
    """Whether any cell was scored on more than one sample set."""
    columns = [name for name in table.columns if name.startswith("noise")]
    return bool(table[columns].notna().any(axis=None))


def _sentence(note: str, samples: int) -> str:
    found = _BIASED.fullmatch(note)
    if found is None:
        return note
    return (
        f"{samples:,} samples are fewer than {int(found[1]):,}: biased by an amount that depends on the "
        "model (Chong & Forsyth, 2020); compare at equal numbers only"
    )
