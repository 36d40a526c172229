"""report.html: one file that answers at a glance, opens anywhere and asks the network for nothing."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ganbench.errors import StoreError
from ganbench.report.context import (
    Compared,
    Context,
    Row,
    arms_of,
    axes_of,
    compared,
    contexts,
    metric_label,
    telling,
    where,
)
from ganbench.report.environments import environments_mixed
from ganbench.report.finals import final_scores
from ganbench.report.objectives import objectives_sheet
from ganbench.report.panels import Panel, curve_panels, pair_panels, score_panels
from ganbench.report.pictures import MOST_SEEDS, Album, Picture
from ganbench.report.record import STATUSES, printable
from ganbench.report.results import Results
from ganbench.report.sheets import (
    MOST_ROWS,
    cells_sheet,
    comparison_sheet,
    duration,
    environments_sheet,
    final_sheet,
    scores_sheet,
    text,
)
from ganbench.report.significance import ALPHA
from ganbench.report.svg import ARM_COLOURS
from ganbench.store import REPORT, Store

MOST_CONTEXTS = 24
MOST_TRACEBACKS = 20
_LONGEST_TRACEBACK = 8000


@dataclass(frozen=True, kw_only=True)
class _Section:
    """What the page shows of one context."""

    title: str
    pairs: list[Panel]
    pictures: list[list[Picture]]
    curves: list[Panel]


def write_page(store: Store, results: Results) -> Path:
    """Write report.html from the tables, curves and pictures of a results folder.

    Whatever is missing or damaged is named on the page; whatever is left out to keep it small, too.

    Args:
        store: the folder.
        results: its tables.

    Returns:
        The page's path.

    Raises:
        StoreError: the grid is damaged, or the folder cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(_view(store, results))
    return store.write_text(REPORT, page)


def _view(store: Store, results: Results) -> dict[str, Any]:
    grid, cells = store.grid(), results.cells
    what = compared(grid)
    arms = arms_of(cells, what)
    everywhere = contexts(cells, what.axis)
    album, problems = Album(store), _damaged(cells)
    sections = _sections(store, results, everywhere[:MOST_CONTEXTS], what, arms, album, problems)
    hidden = everywhere[MOST_CONTEXTS:]
    album.skip(row for context in hidden for rows in context.arms.values() for row in rows)
    problems += album.problems
    left_out = []
    if album.left_out:
        left_out.append(
            f"{album.left_out} pictures of samples (at most {MOST_SEEDS} seeds of a context are shown); "
            "they are in the cells' folders"
        )
    if len(everywhere) > MOST_CONTEXTS:
        left_out.append(f"pictures and curves of {len(everywhere) - MOST_CONTEXTS} further contexts")
    if len(arms) > len(ARM_COLOURS):
        left_out.append(f"distinct colours: they come round again after {len(ARM_COLOURS)} arms")
    name = printable(grid.get("name", store.path.name))
    comparison, final = comparison_sheet(results.comparison), final_sheet(results.final)
    return {
        "name": name,
        "facts": _facts(cells, what, arms),
        "answers": _answers(results.comparison),
        "arms": [(label, index % len(ARM_COLOURS)) for index, label in enumerate(arms)],
        "axis": what.axis,
        "comparison": comparison,
        # Said once, under the first table that it is about.
        "final": replace(final, notes=[note for note in final.notes if note not in comparison.notes]),
        "objectives": objectives_sheet(store, cells),
        "sections": sections,
        "failures": _failures(store, cells),
        "cells": cells_sheet(cells),
        "scores": scores_sheet(results),
        "environments": environments_sheet(cells),
        "grid": store.grid_text(),
        "commands": _commands(name, cells),
        "problems": problems[:50] + ([f"and {len(problems) - 50} more"] if len(problems) > 50 else []),
        "left_out": left_out,
    }


def _sections(
    store: Store,
    results: Results,
    shown: Sequence[Context],
    what: Compared,
    arms: Sequence[str],
    album: Album,
    problems: list[str],
) -> list[_Section]:
    names = telling(results.cells[results.cells["seed"].notna()])
    finals = final_scores(results.cells, results.scores, by_engine=False)
    sections = []
    for context in shown:
        present = [arm for arm in arms if arm in context.arms] or list(context.arms)
        order = list(arms) or present
        mine = [
            row
            for row in results.comparison.to_dict("records")
            if all(str(row[name]) == str(value) for name, value in context.where.items())
        ]
        # One picture of scores that different engines made would compare what the table refuses to.
        engines = {row["engine"] for rows in context.arms.values() for row in rows if row["status"] == "ok"}
        paired = pair_panels(context, order, mine, finals) if _one(engines, what) else []
        sections.append(
            _Section(
                title=where(dict(context.where), [name for name in names if name in context.where]),
                pairs=paired,
                pictures=album.rows(context, present),
                curves=[
                    *score_panels(context, order, results.scores),
                    *curve_panels(store, context, order, len(results.cells), problems),
                ],
            )
        )
    return sections


def _one(engines: set[str], what: Compared) -> bool:
    return len(engines) < 2 or what.axis == "train.engine"


def _damaged(cells: pd.DataFrame) -> list[str]:
    """Cells that are in no context because their record cannot be read."""
    lost = cells[cells["seed"].isna()]
    return [f"{row['cell']}: {row['reason']}" for row in lost.to_dict("records")]


def _facts(cells: pd.DataFrame, what: Compared, arms: Sequence[str]) -> list[tuple[str, str]]:
    counts = cells["status"].value_counts()
    by_status = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0))
    seeds = cells["seed"].dropna().nunique()
    facts = [
        ("Compared", f"{what.axis}: {', '.join(arms)}" if arms else f"{what.axis}: no finished cell has it"),
        ("Baseline", arms[0] if arms else "-"),
        ("Cells", f"{len(cells)}: {by_status}"),
        ("Seeds", str(seeds)),
        ("Training time", f"{duration(cells['seconds'].sum())}, all cells together"),
        ("Device", _distinct(cells["device"])),
        ("Engine", _distinct(cells["engine"])),
        ("Data", _distinct(cells["dataset"])),
    ]
    if environments_mixed(cells.to_dict("records")):
        hashes = [value for value in cells["environment"].unique() if value]
        facts.append(("Environments", f"mixed: {', '.join(hashes)}; scores may differ for that reason"))
    return facts


def _answers(comparison: pd.DataFrame) -> list[dict[str, str]]:
    """A verdict a row, with the kind that its mark shows."""
    context = telling(comparison)
    answers = []
    for row in comparison.to_dict("records"):
        kind, mark = "open", "Cannot tell"
        if row["verdict"].startswith("not compared"):
            kind, mark = "refused", "Not compared"
        elif row["p_adjusted"] < ALPHA:
            kind, mark = "better", "Difference"
        elif row["n"] > 1 and not math.isnan(row["p_adjusted"]):
            kind, mark = "none", "No difference shown"
        if row["failures_baseline"] or row["failures_value"]:
            mark += ", with failures"
        answers.append(
            {
                "kind": kind,
                "mark": mark,
                "where": where(row, context),
                "metric": metric_label(row["metric"], row["extractor"]),
                "words": row["verdict"],
            }
        )
    return answers


def _failures(store: Store, cells: pd.DataFrame) -> list[dict[str, str]]:
    """Cells that are not `ok`, or carry a warning; with the traceback where there is one."""
    wrong = cells[(cells["status"] != "ok") | (cells["warnings"] != "")]
    failures: list[dict[str, str]] = []
    for row in wrong.head(MOST_ROWS).to_dict("records"):
        traceback = ""
        if row["status"] == "error" and sum(bool(found["traceback"]) for found in failures) < MOST_TRACEBACKS:
            traceback = _traceback(store, row)
        seed = f"seed {text(row['seed'])}"
        names = [text(row[name]) for name in axes_of(cells) if text(row[name])]
        failures.append(
            {
                "cell": row["cell"],
                "where": ", ".join([*names, seed]) if names else "",
                "status": row["status"] if row["status"] != "ok" else "warning",
                "reason": row["reason"],
                "warnings": row["warnings"].replace(";", ", "),
                "traceback": traceback,
            }
        )
    return failures


def _traceback(store: Store, row: Row) -> str:
    try:
        return (store.traceback(row["cell"]) or "")[-_LONGEST_TRACEBACK:]
    except StoreError:
        return ""


def _commands(name: str, cells: pd.DataFrame) -> list[str]:
    """What makes these results again, from the grid on the page and the versions in the tables."""
    packages: dict[str, str] = {}
    for row in cells.to_dict("records"):
        for distribution in ("ganbench", "torch", "torch-fidelity"):
            packages.setdefault(distribution, row[distribution])
            packages[distribution] = packages[distribution] or row[distribution]
        for plugin in filter(None, row["plugins"].split("; ")):
            distribution, _, version = plugin.partition(" ")
            packages.setdefault(distribution, version)
    wanted = [shlex.quote(f"{key}=={version}") for key, version in packages.items() if version]
    folder = shlex.quote(f"results/{name}")
    install = [f"pip install {' '.join(wanted)}"] if wanted else []
    return [*install, "ganbench run grid.toml", f"ganbench verify {folder}", f"ganbench report {folder}"]


def _distinct(column: pd.Series) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in column if value)) or "-"
