"""The names of the files in a results folder; nothing else is written, replaced or removed there."""

from __future__ import annotations

import re

from ganbench.files.atomic import TEMPORARY_SUFFIX, temporary_of
from ganbench.store.lock import HOLDER

GRID = "grid.toml"
CELLS = "cells.csv"
SCORES = "scores.csv"
COMPARISON = "comparison.csv"
RANKING = "ranking.csv"
BUDGET = "budget.csv"
REPORT = "report.html"
# Older results folders have none; they are known by their tables and cells.
MARK = ".ganbench-results"
# While workers on other machines run cells: by it they know that they see the folder, and when to stop.
WORKERS = ".workers.json"
# A folder of jobs of a scheduler: while they run, and until what they have done is collected.
JOBS = ".jobs"

FOLDER = "cells"
CELL_ID = re.compile(r"c[0-9a-f]{11}")
CELL = "cell.json"
CURVES = "curves.parquet"
PICTURE = "samples.png"
# Nine digits, so that names sort as steps do.
STEP_PICTURE = re.compile(r"samples-(\d{9,})\.png")
NEIGHBOURS = "neighbours.png"
BETWEEN = "between.png"
GENERATOR = "generator.safetensors"
# At the best of the scorings, where `score.keep_best` asks for it.
BEST_GENERATOR = "generator-best.safetensors"
CHECKPOINT = "checkpoint.safetensors"
INCOMING_CHECKPOINT = f".{CHECKPOINT}.incoming{TEMPORARY_SUFFIX}"
EARLIER_CHECKPOINT = "checkpoint.earlier.safetensors"
TRACEBACK = "traceback.txt"

REFERENCES = "references"

_TOP_FILES = {GRID, CELLS, SCORES, COMPARISON, RANKING, BUDGET, REPORT, MARK, WORKERS, HOLDER}
_CELL_FILES = {
    *(CELL, SCORES, CURVES, PICTURE, NEIGHBOURS, BETWEEN, GENERATOR, BEST_GENERATOR, TRACEBACK),
    *(CHECKPOINT, INCOMING_CHECKPOINT, EARLIER_CHECKPOINT),
}
_REFERENCE = re.compile(r"[0-9a-f]{16}\.png")


def is_top_file(name: str) -> bool:
    """Tell whether ganbench writes such a file at the top of a results folder, temporary ones included."""
    return (temporary_of(name) or name) in _TOP_FILES


def is_cell_file(name: str) -> bool:
    """Tell whether ganbench writes such a file into a cell's folder, temporary ones included."""
    of = temporary_of(name) or name
    return of in _CELL_FILES or STEP_PICTURE.fullmatch(of) is not None


def is_reference_file(name: str) -> bool:
    """Tell whether ganbench writes such a file into the folder of references, temporary ones included."""
    return _REFERENCE.fullmatch(temporary_of(name) or name) is not None
