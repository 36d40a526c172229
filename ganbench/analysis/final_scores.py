"""The final scores: of each cell over its repeats, of each combination over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ganbench.analysis.context import Row, axes_of, contexts
from ganbench.analysis.group import NOT_FINITE, Group
from ganbench.analysis.records import FAILURES
from ganbench.analysis.tables import current_rows, frame

COLUMNS = (
    "metric",
    "direction",
    "extractor",
    "samples",
    "protocol",
    "engine",
    "n",
    "failures",
    "mean",
    "sd",
    "repeats",
    "noise",
    "note",
    "low",
    "high",
)
_INTEGERS = ("samples", "n", "failures", "repeats")


class Measure(NamedTuple):
    """How a score came about; only scores of one measure are compared."""

    extractor: str
    samples: int
    protocol: str
    engine: str

    @property
    def words(self) -> str:
        """Extractor, samples and protocol in words."""
        return f"{self.extractor or 'no extractor'}, {self.samples} samples, protocol {self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Final:
    """One final score of one cell.

    Attributes:
        mean: over its repeats; not finite where one of them is not.
        repeats: how many sample sets of the same generator were scored.
        squares: sum of the repeats' squared deviations from their mean.
        note: what a reader of the number must know.
    """

    mean: float
    repeats: int = 1
    squares: float = 0.0
    note: str = ""


# metric -> measure -> final score; of one cell
Finals = Mapping[str, Mapping[Measure, Final]]


def final_scores(cells: pd.DataFrame, scores: pd.DataFrame) -> dict[str, Finals]:
    """Find the final scores of each finished cell.

    Args:
        cells: the table of cells.
        scores: the table of scores; rows that are not current are passed over.
    """
    finished = {row["cell"]: row for row in cells[cells["status"] == "ok"].to_dict("records") if row["cell"]}
    found: dict[str, dict[str, dict[Measure, list[Row]]]] = {}
    for row in current_rows(scores).to_dict("records"):
        cell = finished.get(row["cell"])
        if cell is None or row["step"] != cell["step"]:
            continue
        measure = Measure(row["extractor"], row["samples"], row["protocol"], str(cell["engine"]))
        metric = found.setdefault(row["cell"], {}).setdefault(row["metric"], {})
        metric.setdefault(measure, []).append(row)
    return {
        cell: {
            metric: {measure: _final(rows) for measure, rows in measures.items()}
            for metric, measures in metrics.items()
        }
        for cell, metrics in found.items()
    }


def ignoring_engines(finals: Mapping[str, Finals]) -> dict[str, Finals]:
    """Leave the engine out of each measure: a cell has one only, so no two scores meet.

    Args:
        finals: final scores by cell.
    """
    return {
        cell: {
            metric: {measure._replace(engine=""): final for measure, final in measures.items()}
            for metric, measures in metrics.items()
        }
        for cell, metrics in finals.items()
    }


def group_of(
    name: str, rows: Sequence[Row], metric: str, measure: Measure | None, finals: Mapping[str, Finals]
) -> Group:
    """Collect the cells of one value of the compared axis, with their scores of one metric and measure.

    Args:
        name: the value's label.
        rows: the cells, one per seed.
        metric: the score's name; empty where nothing was scored.
        measure: how it came about; None where there is no score to take.
        finals: by cell.
    """
    usable: dict[int, Final] = {}
    failures: dict[int, str] = {}
    warnings: dict[str, int] = {}
    for row in rows:
        final = finals.get(row["cell"], {}).get(metric, {}).get(measure) if measure is not None else None
        if row["status"] in FAILURES:
            failures[row["seed"]] = row["status"]
        elif final is not None and math.isfinite(final.mean):
            usable[row["seed"]] = final
        elif final is not None:
            failures[row["seed"]] = NOT_FINITE
        for warning in sorted({at.partition("@")[0] for at in row["warnings"].split(";") if at}):
            warnings[warning] = warnings.get(warning, 0) + 1
    statuses = [row["status"] for row in rows]
    return Group(
        label=name,
        scores={seed: final.mean for seed, final in usable.items()},
        failures=failures,
        repeats=tuple(final.repeats for final in usable.values()),
        noise=_noise(usable.values()),
        notes=tuple(dict.fromkeys(final.note for final in usable.values() if final.note)),
        warnings=warnings,
        ok=statuses.count("ok"),
        skipped=statuses.count("skipped"),
        unfinished=statuses.count("unfinished"),
    )


def reader_notes(*groups: Group) -> str:
    """Say what a reader of some groups' scores must know, each thing once; empty where there is nothing."""
    said = dict.fromkeys(note for group in groups for note in group.notes)
    repeats = [number for group in groups for number in group.repeats]
    if repeats and min(repeats) < max(repeats):
        said[f"unequal repeats: {min(repeats)} to {max(repeats)} a cell"] = None
    return "; ".join(said)


def summarise(cells: pd.DataFrame, scores: pd.DataFrame, finals: Mapping[str, Finals]) -> pd.DataFrame:
    """Summarise every final value of every combination over its seeds, those without a direction too.

    Args:
        cells: the table of cells.
        scores: the table of scores.
        finals: final scores by cell.

    Returns:
        A frame with the axes and COLUMNS. `n`: cells with a finite value. `mean`, `sd`: over these, of each
        cell's mean over its repeats. `repeats`: the fewest of any cell. `noise`: the standard deviation of
        the metric itself, between the sample sets of one generator, pooled over cells; NaN for one repeat.
        sd² still holds noise² / repeats. `low`, `high`: the 95% t interval of the mean, of this combination
        by itself; NaN for fewer than two values. A combination of which nothing was scored has a row if it
        failed.
    """
    directions = dict(zip(scores["metric"].tolist(), scores["direction"].tolist(), strict=True))
    rows = []
    for context in contexts(cells, ""):
        own = context.groups[""]
        found = {
            (metric, measure)
            for row in own
            for metric, measures in finals.get(row["cell"], {}).items()
            for measure in measures
        }
        measured: Sequence[tuple[str, Measure | None]] = sorted(found) or [("", None)]
        for metric, measure in measured:
            group = group_of("", own, metric, measure, finals)
            if not metric and not group.failed:
                continue
            low, high = group.interval
            rows.append(
                {
                    **context.where,
                    "metric": metric,
                    "direction": directions.get(metric, ""),
                    "extractor": measure.extractor if measure else "",
                    "samples": measure.samples if measure else None,
                    "protocol": measure.protocol if measure else "",
                    "engine": measure.engine if measure else "",
                    "n": len(group.scores),
                    "failures": group.failed,
                    "mean": group.mean,
                    "sd": group.sd,
                    "repeats": min(group.repeats, default=None),
                    "noise": group.noise,
                    "note": reader_notes(group),
                    "low": low,
                    "high": high,
                }
            )
    return frame(rows, (*axes_of(cells), *COLUMNS), _INTEGERS)


def _final(rows: Sequence[Row]) -> Final:
    values = np.array([row["value"] for row in rows])
    # A sum near the largest float overflows to infinity, which counts as not finite.
    with np.errstate(all="ignore"):
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
    note = "; ".join(dict.fromkeys(row["note"] for row in rows if row["note"]))
    return Final(mean=mean, repeats=len(rows), squares=squares, note=note)


def _noise(finals: Iterable[Final]) -> float:
    """Pool the standard deviation within cells: each cell costs one degree of freedom."""
    repeated = [final for final in finals if final.repeats > 1]
    freedom = sum(final.repeats - 1 for final in repeated)
    if not freedom:
        return math.nan
    pooled = math.sqrt(sum(final.squares for final in repeated) / freedom)
    return pooled if math.isfinite(pooled) else math.nan
