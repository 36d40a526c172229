"""The tidy tables of a results folder: one row per cell, one row per score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.identities import AUGMENTATION, is_varied
from ganbench.analysis.records import AXES, COSTS, NOT_AUGMENTED, WHOLE_COSTS, Record, varied_keys

# The documented order; `direction` and what follows stand last because columns are only ever added.
CELL_COLUMNS = (
    "seed",
    "status",
    "reason",
    "warnings",
    "step",
    "seconds",
    "device",
    "engine",
    "environment",
    "weights",
    "ganbench",
    "torch",
    "torch-fidelity",
    "plugins",
    "provenance",
    "environment_id",
    *COSTS,
)
SCORE_COLUMNS = (
    "seed",
    "step",
    "metric",
    "value",
    "extractor",
    "samples",
    "protocol",
    "direction",
    "repeat",
    "note",
    "current",
    "protocol_id",
)
_INTEGERS = ("seed", "step", "samples", "repeat", *WHOLE_COSTS)


def cells_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Make the table of cells, in the grid's order: identity, how each ended, what it ran on."""
    varied = varied_keys(records)
    rows = [
        {
            **_identity(record, varied),
            "seed": record.seed,
            "status": record.status,
            "reason": record.reason,
            "warnings": ";".join(record.warnings),
            "step": record.step,
            "seconds": record.seconds,
            "device": record.device,
            "engine": record.engine,
            "environment": record.environment,
            "weights": record.weights,
            "ganbench": record.versions.get("ganbench", ""),
            "torch": record.versions.get("torch", ""),
            "torch-fidelity": record.versions.get("torch-fidelity", ""),
            "plugins": "; ".join(f"{name} {version}".strip() for name, version in record.plugins.items()),
            "provenance": record.provenance,
            "environment_id": lettered("e", record.environment),
            **{name: record.cost.get(name, None if name in WHOLE_COSTS else math.nan) for name in COSTS},
        }
        for record in records
    ]
    return frame(rows, ("cell", *AXES, *varied, *CELL_COLUMNS))


def scores_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Make the table of scores, by the grid's order of cells, then step, then metric."""
    varied = varied_keys(records)
    rows = [
        {
            **_identity(record, varied),
            "seed": record.seed,
            "step": score.step,
            "metric": score.metric,
            "value": score.value,
            "extractor": score.extractor,
            "samples": score.samples,
            "protocol": score.protocol,
            "direction": score.direction,
            "repeat": score.repeat,
            "note": score.note,
            "current": score.current,
            "protocol_id": lettered("p", score.protocol),
        }
        for record in records
        for score in record.scores
    ]
    return frame(rows, ("cell", *AXES, *varied, *SCORE_COLUMNS))


def current_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Select the scores that the grid's settings measure: only these are compared and averaged.

    In a table without the mark every row counts as current.
    """
    return scores[scores["current"].astype(bool)] if "current" in scores else scores


def frame(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], integers: Sequence[str] = _INTEGERS
) -> pd.DataFrame:
    """Make a frame with exactly these columns, whole numbers kept whole where some are missing."""
    table = pd.DataFrame(list(rows), columns=pd.Index(columns), dtype=object)
    for name in table.columns:
        if name in integers:
            table[name] = table[name].astype("Int64")
        elif not is_varied(name) or not table[name].isna().any():
            # A varied setting that one damaged cell lacks keeps its values: 64 must not become 64.0.
            table[name] = table[name].infer_objects()
    return table


def lettered(letter: str, digest: str) -> str:
    """Put a letter before a hexadecimal digest: a spreadsheet would read `12345e678901` as a number."""
    return f"{letter}{digest}" if digest else ""


def _identity(record: Record, varied: Sequence[str]) -> dict[str, Any]:
    # A cell that was trained before its grid had augmentations does not say that it has none.
    otherwise = {AUGMENTATION: NOT_AUGMENTED} if record.axes else {}
    return {
        "cell": record.cell,
        **{axis: record.axes.get(axis, "") for axis in AXES},
        **{key: record.varied.get(key, otherwise.get(key)) for key in varied},
    }
