"""`ganbench compare DIR`: another question of the same results, without training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ganbench.analysis.context import compared
from ganbench.analysis.recompare import recompare
from ganbench.cli.console import output
from ganbench.errors import GanbenchError, did_you_mean
from ganbench.report import load
from ganbench.report.exports import FORMATS
from ganbench.report.terminal import print_answer
from ganbench.store import Store


def compare_command(
    folder: Path,
    *,
    axis: str | None,
    baseline: str | None,
    where: Sequence[str],
    metrics: Sequence[str],
    format_: str,
) -> int:
    """Print the comparison that is asked for; nothing is trained and nothing is written.

    Args:
        folder: made by `ganbench run`.
        axis: what to compare; the grid's own unless given.
        baseline: one of its values; its first unless given.
        where: `AXIS=VALUE`, which cells to take.
        metrics: scores to compare; all unless given.
        format_: `table`, or one of FORMATS.

    Raises:
        GanbenchError: the folder holds no results, or not what is asked for.
    """
    if format_ != "table" and format_ not in FORMATS:
        raise GanbenchError(
            f"--format: no such format {format_!r}{did_you_mean(format_, ('table', *FORMATS))}"
        )
    results = load(folder)
    asked = compared(Store(folder).grid())
    comparison = recompare(
        results.path,
        results.cells,
        results.scores,
        asked,
        axis=axis,
        baseline=baseline,
        where=where,
        metrics=metrics,
    )
    if format_ == "table":
        print_answer(comparison, output())
    else:
        sys.stdout.write(FORMATS[format_](comparison))
    return 0
