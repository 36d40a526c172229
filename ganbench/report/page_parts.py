"""The parts of a page besides tables and figures: progress, failures, objectives, classes, files to save."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench.analysis.context import Row, arm_of, axes_of, compared_axes, label, shared
from ganbench.analysis.records import FAILURES, printable
from ganbench.errors import StoreError
from ganbench.report.text_tables import MAX_ROWS, TextTable
from ganbench.store import Store

MAX_COMING = 12
MAX_CELLS = 1000
MAX_TRACEBACKS = 20
_MAX_TRACEBACK_CHARACTERS = 8000
_WARNING = "warning"
_MAX_FORMULA_CHARACTERS = 500
# A larger table is compressed; one that is larger even then stays beside the page.
MAX_PLAIN_BYTES = 128 * 2**10
MAX_PACKED_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A run that has not finished.

    Attributes:
        done: cells that ended, however they did.
        cells: all of them.
        groups: done and all cells of each value of the compared axis.
        coming: the next cells, with the step that each has reached.
        more: further ones.
    """

    done: int
    cells: int
    groups: Mapping[str, tuple[int, int]]
    coming: list[str]
    more: int


def progress(cells: pd.DataFrame, axis: str, grid: Mapping[str, Any]) -> Progress | None:
    """Tell how far a run is, or None where every cell has ended.

    Args:
        cells: the table of cells.
        axis: the compared one, or several with commas between them.
        grid: the resolved grid; its `train.steps` say how far each cell goes.
    """
    waiting = cells[cells["status"] == "unfinished"]
    if waiting.empty:
        return None
    everywhere = _steps(grid)
    axes = axes_of(cells)
    ended = cells["status"] != "unfinished"
    groups = {}
    together = compared_axes(axis)
    if set(together) <= set(axes):
        known = pd.Series(
            [
                ""
                if any(row[name] is None or row[name] == "" for name in together)
                else arm_of(row, together)
                for row in cells[list(together)].to_dict("records")
            ],
            index=cells.index,
        )
        groups = {
            group: (int((ended & (known == group)).sum()), int((known == group).sum()))
            for group in dict.fromkeys(known)
            if group
        }
    coming = []
    for row in (
        waiting.sort_values("step", ascending=False, kind="stable").head(MAX_COMING).to_dict("records")
    ):
        names = [
            label(row[name]) for name in axes if not pd.isna(row[name]) and row[name] not in ("", "none")
        ]
        seed = [] if pd.isna(row["seed"]) else [f"seed {row['seed']}"]
        steps = row.get("train.steps", everywhere)
        reached = 0 if pd.isna(row["step"]) else row["step"]
        far = (
            f"at step {reached}{f' of {steps}' if isinstance(steps, int) else ''}" if reached else "to start"
        )
        coming.append(f"{', '.join([*names, *seed]) or row['cell']}: {far}")
    return Progress(
        done=int(ended.sum()),
        cells=len(cells),
        groups=groups,
        coming=coming,
        more=max(0, len(waiting) - MAX_COMING),
    )


def _steps(grid: Mapping[str, Any]) -> object:
    """Find how far cells go; None where an override says it of some of them."""
    overrides = grid.get("override")
    tables = [grid, *(overrides if isinstance(overrides, list) else [])]
    trains = [table.get("train") for table in tables if isinstance(table, Mapping)]
    steps = [train["steps"] for train in trains if isinstance(train, Mapping) and "steps" in train]
    return steps[0] if len(steps) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One thing that went wrong, in one or more cells.

    Attributes:
        status: `diverged`, `error`, `oom`, `skipped`, or `warning` for cells that went on nevertheless.
        reason: why; of a warning, its name.
        cells: id and words (where, at what step) of each.
        traceback: of the first cell that has one; empty where there is none, or too many have one.
    """

    status: str
    reason: str
    cells: Sequence[tuple[str, str]]
    traceback: str


def failures(store: Store, cells: pd.DataFrame) -> tuple[list[Failure], int]:
    """Group what went wrong in the cells: what ended them first, then skipped ones, then warnings.

    Args:
        store: where the tracebacks are.
        cells: the table.

    Returns:
        Each thing with its cells, and in how many further cells something went wrong.
    """
    _, differing = shared(cells[cells["seed"].notna()])
    wrong = cells[~cells["status"].isin(("ok", "unfinished")) | (cells["warnings"] != "")]
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in wrong.head(MAX_CELLS).to_dict("records"):
        place = _place(row, differing)
        if row["status"] not in ("ok", "unfinished"):
            groups.setdefault((row["status"], row["reason"]), []).append((row["cell"], place))
        for warning in filter(None, row["warnings"].split(";")):
            name, _, step = warning.partition("@")
            words = ", ".join(filter(None, (place, f"step {step}" if step else "")))
            groups.setdefault((_WARNING, name), []).append((row["cell"], words))
    found: list[Failure] = []
    tracebacks = 0
    for (status, reason), mine in sorted(groups.items(), key=lambda item: _rank(item[0][0])):
        traceback = ""
        if status == "error" and tracebacks < MAX_TRACEBACKS:
            traceback = next(filter(None, (_traceback(store, cell) for cell, _ in mine)), "")
            tracebacks += bool(traceback)
        found.append(Failure(status=status, reason=reason, cells=mine, traceback=traceback))
    return found, max(0, len(wrong) - MAX_CELLS)


def _rank(status: str) -> int:
    return 0 if status in FAILURES else 2 if status == _WARNING else 1


def _place(row: Row, differing: Sequence[str]) -> str:
    names = [label(row[name]) for name in differing if not pd.isna(row[name]) and row[name] != ""]
    seed = [] if pd.isna(row["seed"]) else [f"seed {row['seed']}"]
    return ", ".join([*names, *seed])


def _traceback(store: Store, cell: str) -> str:
    try:
        return (store.traceback(cell) or "")[-_MAX_TRACEBACK_CHARACTERS:]
    except StoreError:
        return ""


def objectives_text_table(store: Store, cells: pd.DataFrame) -> TextTable:
    """List each loss, penalty and augmentation: its name, what D and G minimise, and where it is from.

    Args:
        store: the folder.
        cells: the table of cells.

    Returns:
        An empty table where no cell states a formula: folders older than formulas, or plugins without any.
    """
    rows = []
    for part in ("loss", "penalty", *(["augmentation"] if "augmentation" in cells else [])):
        for choice in dict.fromkeys(cells[part]):
            said = _said(store, part, cells[cells[part] == choice]["cell"])
            if said:
                formulas = [said.get(player, "") for player in ("discriminator", "generator")]
                if part == "penalty":
                    shown = [
                        f"{player}'s loss + {formula}" if formula else "unchanged"
                        for player, formula in zip("DG", formulas, strict=True)
                    ]
                elif part == "augmentation":
                    shown = [f"the same, where D sees {formulas[0] or choice}", "the same"]
                else:
                    shown = [formula or "-" for formula in formulas]
                rows.append((choice, *shown, said.get("reference", "-")))
    return TextTable(head=("objective", "D minimises", "G minimises", "source"), rows=rows)


def _said(store: Store, part: str, cells: pd.Series) -> dict[str, str]:
    """Read the formulas of the first of these cells that states any."""
    for cell in cells:
        try:
            formulas = store.cell(cell).get("formulas") if store.has_cell(cell) else None
        except StoreError:
            continue
        mine: Any = formulas.get(part) if isinstance(formulas, Mapping) else None
        if isinstance(mine, Mapping) and mine:
            return {printable(name): printable(text)[:_MAX_FORMULA_CHARACTERS] for name, text in mine.items()}
    return {}


def classes_text_table(store: Store, cells: pd.DataFrame) -> TextTable:
    """Give a row for each class of each data set that names its classes.

    Args:
        store: the folder.
        cells: the table of cells.

    Returns:
        An empty table where no record has names, as those of earlier versions.
    """
    rows = []
    for dataset in dict.fromkeys(cells["dataset"]):
        names = _recorded(store, cells[cells["dataset"] == dataset]["cell"], "class_names")
        rows += [(dataset, str(number), name) for number, name in enumerate(names)]
    return TextTable(head=("dataset", "class", "name"), rows=rows[:MAX_ROWS], more=len(rows[MAX_ROWS:]))


def data_text_table(store: Store, cells: pd.DataFrame) -> TextTable:
    """Give a row for each data set and each thing that it says of how it was read; arguments as above."""
    rows = [
        (dataset, note)
        for dataset in dict.fromkeys(cells["dataset"])
        for note in _recorded(store, cells[cells["dataset"] == dataset]["cell"], "data_notes")
    ]
    return TextTable(head=("dataset", "as it was read"), rows=rows[:MAX_ROWS], more=len(rows[MAX_ROWS:]))


def _recorded(store: Store, cells: pd.Series, key: str) -> list[str]:
    """List the texts that the first of these cells whose record has any has under a key."""
    for cell in cells:
        try:
            texts = store.cell(cell).get(key) if store.has_cell(cell) else None
        except StoreError:
            continue
        if isinstance(texts, list) and texts:
            return [printable(text) for text in texts]
    return []


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to save.

    Attributes:
        name: of the file.
        rows: lines of its table.
        uri: its content as a data URI; empty where it is too large for a page.
    """

    name: str
    rows: int
    uri: str = ""


def download(name: str, table: pd.DataFrame) -> Download:
    """Pack a table as CSV, every column in full precision; gzipped where it is large.

    Args:
        name: of the file, `.csv` included.
        table: what it holds.
    """
    content, kind = table.to_csv(index=False, lineterminator="\n").encode(), "text/csv"
    if len(content) > MAX_PLAIN_BYTES:
        # No time in the file: equal tables make equal pages.
        content, kind, name = gzip.compress(content, mtime=0), "application/gzip", f"{name}.gz"
    if len(content) > MAX_PACKED_BYTES:
        return Download(name=name, rows=len(table))
    uri = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return Download(name=name, rows=len(table), uri=uri)
