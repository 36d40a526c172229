"""Bit identity of cells with those of the baseline, and the reasons where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ganbench.analysis.read_tables import Row
from ganbench.grid.history import History

Reason = Literal["alike", "absent", "mixed", "environment", "status", "weights", "scores"]


@dataclass(frozen=True, kw_only=True)
class Bits:
    """What became of the cells of one context.

    Attributes:
        reasons: for each cell that is checked, `alike`, or why it is not.
        changes: what differs between environments, as `torch 2.14.1 -> 2.15.0`; of a seed that the baseline
            lacks, from that of its first seed.
        seeds: how many the baseline has.
        machine: those of the changes that are the machine's: its model, its threads, the variables that its
            libraries read.
    """

    reasons: tuple[Reason, ...]
    changes: tuple[str, ...] = ()
    seeds: int = 0
    machine: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every cell that is checked is one of the baseline's, bit by bit."""
        return set(self.reasons) == {"alike"}

    @property
    def share(self) -> str:
        """How many of the baseline's seeds were run again; empty where all were."""
        if len(self.reasons) >= self.seeds:
            return ""
        return f"{len(self.reasons)} of the baseline's {self.seeds} seeds"


Scored = Mapping[str, Mapping[tuple[str, ...], str]]


def final_values(cells: pd.DataFrame, scores: pd.DataFrame) -> dict[str, dict[tuple[str, ...], str]]:
    """Find the scores of each cell at its last step, by how they were measured; exact, as text."""
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
        baseline: its cells, one row each.
        value: those that are checked.
        baseline_scores: `final_values` of the baseline.
        value_scores: of what is checked.
    """
    by_seed = {row["seed"]: row for row in baseline}
    reasons: list[Reason] = []
    changes: dict[str, None] = {}
    others: set[str] = set()
    for row in value:
        twin = by_seed.get(row["seed"])
        before, now = History.from_row(twin or baseline[0]), History.from_row(row)
        changed = before.differences(now.last)
        changes.update(dict.fromkeys(changed))
        others.update(before.on_machine_of(now.last).differences(now.last))
        if twin is None:
            reasons.append("absent")
            continue
        if before.mixed or now.mixed:
            reasons.append("mixed")
            continue
        scores = baseline_scores.get(twin["cell"], {}), value_scores.get(row["cell"], {})
        reasons.append(_reason(twin, row, *scores, elsewhere=bool(changed)))
    return Bits(
        reasons=tuple(reasons),
        changes=tuple(changes),
        seeds=len(baseline),
        machine=tuple(change for change in changes if change not in others),
    )


def bits_sentences(contexts: Iterable[Bits]) -> list[str]:
    """Say what is identical, and why the rest is not, one sentence each."""
    every = list(contexts)
    counts = Counter(reason for bits in every for reason in bits.reasons)
    total = sum(counts.values())
    changes = dict.fromkeys(change for bits in every for change in bits.changes)
    elsewhere = f"were made in another environment ({'; '.join(changes)})"
    if counts["alike"] == total:
        which = "the one cell is" if total == 1 else f"all {total} cells are"
        left = max(0, sum(bits.seeds for bits in every) - total)
        said_of_rest = f"; {left} more of the baseline's cells were not run" if left else ""
        though = f", though they {elsewhere}" if changes else ""
        return [f"{which} bit-identical to the baseline's{though}{said_of_rest}"]
    said: dict[Reason, str] = {
        "alike": "are bit-identical to the baseline's",
        "mixed": "were trained in more than one environment, which no run can repeat",
        "environment": elsewhere,
        "weights": "have other weights in the same environment: what is trained has changed",
        "scores": "have the same weights and other scores: what is measured has changed",
        "status": "ended otherwise in the same environment",
        "absent": "are of seeds that the baseline lacks",
    }
    return [f"{counts[reason]} of {total} cells {words}" for reason, words in said.items() if counts[reason]]


def _reason(
    baseline: Row,
    value: Row,
    before: Mapping[tuple[str, ...], str],
    now: Mapping[tuple[str, ...], str],
    *,
    elsewhere: bool,
) -> Reason:
    alike = baseline["status"] == value["status"]
    if alike and value["status"] == "skipped":
        return "alike"
    if alike and value["status"] == "ok" and value["weights"] and baseline["weights"] == value["weights"]:
        changed = any(before[key] != now[key] for key in before.keys() & now.keys())
        return "scores" if changed else "alike"
    if elsewhere:
        return "environment"
    if alike and value["status"] == "ok":
        return "weights"
    return (
        "alike"
        if alike and all(str(baseline[name]) == str(value[name]) for name in ("step", "reason"))
        else "status"
    )
