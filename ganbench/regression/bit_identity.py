"""Whether cells are the very ones of the baseline, and if not, why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ganbench.regression.recorded import Row

Reason = Literal["alike", "absent", "environment", "status", "weights", "scores"]

# What of the environment stands in a table by itself; its hash covers more.
_NAMED = ("device", "engine", "ganbench", "torch", "torch-fidelity", "plugins")
_UNNAMED = "the number of threads, or a plugin's source"


@dataclass(frozen=True, kw_only=True)
class Bits:
    """What became of the cells of one context.

    Attributes:
        reasons: for each cell that is checked, `alike`, or why it is not.
        changes: what differs between environments, as `torch 2.14.1 -> 2.15.0`.
    """

    reasons: tuple[Reason, ...]
    changes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every cell that is checked is one of the baseline's, bit by bit."""
        return set(self.reasons) == {"alike"}


Scored = Mapping[str, Mapping[tuple[str, ...], str]]


def final_values(cells: pd.DataFrame, scores: pd.DataFrame) -> dict[str, dict[tuple[str, ...], str]]:
    """The scores of each cell at its last step, by how they were measured; exact, as text."""
    steps = dict(zip(cells["cell"], cells["step"], strict=True))
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for row in scores.to_dict("records"):
        if row["step"] == steps.get(row["cell"]):
            key = tuple(str(row[name]) for name in ("metric", "extractor", "samples", "protocol", "repeat"))
            found.setdefault(row["cell"], {})[key] = repr(float(row["value"]))
    return found


def compare_bits(
    baseline: Sequence[Row], value: Sequence[Row], baseline_scores: Scored, value_scores: Scored
) -> Bits:
    """Compare the cells of one context, seed by seed.

    Equal digests of weights are proof wherever the weights were made, so an environment that differs is only
    named where they are not equal. The baseline may have more seeds.

    Args:
        baseline: its cells, a row each.
        value: those that are checked.
        baseline_scores: `final_values` of the baseline.
        value_scores: of what is checked.
    """
    by_seed = {row["seed"]: row for row in baseline}
    reasons: list[Reason] = []
    changes: dict[str, None] = {}
    for row in value:
        twin = by_seed.get(row["seed"])
        reason = (
            "absent"
            if twin is None
            else _reason(twin, row, baseline_scores.get(twin["cell"], {}), value_scores.get(row["cell"], {}))
        )
        reasons.append(reason)
        if twin is not None and twin["environment"] != row["environment"]:
            changes.update(dict.fromkeys(_changes(twin, row)))
    return Bits(reasons=tuple(reasons), changes=tuple(changes))


def bits_sentences(contexts: Iterable[Bits]) -> list[str]:
    """What is identical, and why the rest is not, one sentence each."""
    every = list(contexts)
    counts = Counter(reason for bits in every for reason in bits.reasons)
    total = sum(counts.values())
    changes = dict.fromkeys(change for bits in every for change in bits.changes)
    elsewhere = f"were made in another environment ({'; '.join(changes)})"
    if counts["alike"] == total:
        which = "the one cell is" if total == 1 else f"all {total} cells are"
        return [f"{which} bit-identical to the baseline's{f', though they {elsewhere}' if changes else ''}"]
    said: dict[Reason, str] = {
        "alike": "are bit-identical to the baseline's",
        "environment": elsewhere,
        "weights": "have other weights in the same environment: what is trained has changed",
        "scores": "have the same weights and other scores: what is measured has changed",
        "status": "ended otherwise in the same environment",
        "absent": "are of seeds that the baseline lacks",
    }
    return [f"{counts[reason]} of {total} cells {words}" for reason, words in said.items() if counts[reason]]


def _reason(
    baseline: Row, value: Row, before: Mapping[tuple[str, ...], str], now: Mapping[tuple[str, ...], str]
) -> Reason:
    alike = baseline["status"] == value["status"]
    if alike and value["status"] == "skipped":
        return "alike"
    if alike and value["status"] == "ok" and value["weights"] and baseline["weights"] == value["weights"]:
        changed = any(before[key] != now[key] for key in before.keys() & now.keys())
        return "scores" if changed else "alike"
    if baseline["environment"] != value["environment"]:
        return "environment"
    if alike and value["status"] == "ok":
        return "weights"
    return (
        "alike" if alike and all(baseline[name] == value[name] for name in ("step", "reason")) else "status"
    )


def _changes(baseline: Row, value: Row) -> list[str]:
    changes = [
        f"{name} {baseline[name] or 'none'} -> {value[name] or 'none'}"
        for name in _NAMED
        if baseline[name] != value[name]
    ]
    return changes or [_UNNAMED]
