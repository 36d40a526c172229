"""report.html: one file that answers at a glance, opens anywhere and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from ganbench.analysis.context import Compared, contexts, groups_of, shared
from ganbench.analysis.environments import environments_mixed
from ganbench.analysis.records import STATUSES, printable
from ganbench.analysis.result_tables import ResultTables
from ganbench.analysis.tables import current_rows
from ganbench.report.budget_figures import SEARCH_TITLE, budget_panels
from ganbench.report.context_figures import ContextFigures, Panel, context_figures
from ganbench.report.cost import cost_text_table
from ganbench.report.embedded_images import DEFAULT_MIB, EmbeddedImages, Frame, Picture
from ganbench.report.formulas import typeset
from ganbench.report.overview import MAX_DIFFERENCES, overview_panels
from ganbench.report.page_parts import (
    classes_text_table,
    data_text_table,
    download,
    failures,
    objectives_text_table,
    progress,
)
from ganbench.report.ranking_view import (
    GROUPS_NOTE,
    RANKING_HEADS,
    RANKING_NUMBERS,
    joint_words,
    mean_rank_lines,
    question,
    ranking_views,
)
from ganbench.report.summary import by_context, summary_sentences
from ganbench.report.svg import GROUP_COLOURS
from ganbench.report.text_tables import (
    budget_text_table,
    cells_text_table,
    comparison_text_table,
    duration,
    environments_text_table,
    final_text_table,
    scores_text_table,
)
from ganbench.store import BUDGET, CELLS, COMPARISON, RANKING, REPORT, SCORES, Store

MAX_CONTEXTS = 24
# Pictures that fit beside the verdicts; more of them stand below.
_BESIDE = 2
# Of all combinations in a sentence; the legend has them too.
_MAX_NAMES_CHARACTERS = 160
_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPT = (_TEMPLATES / "report.js").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class _Section:
    """What the page shows of one context."""

    title: str
    finals: Sequence[Panel]
    pictures: list[list[Picture]]
    colours: list[int]
    real: Frame | None
    curves: Sequence[Panel]

    @property
    def neighbours(self) -> bool:
        """Whether any cell shows nearest training images."""
        return any(picture.neighbours for row in self.pictures for picture in row)

    @property
    def between(self) -> bool:
        """Whether any cell shows samples between conditions."""
        return any(picture.between for row in self.pictures for picture in row)

    @property
    def conditions(self) -> str:
        """Say where the pictures' conditions are from; empty where they are labels, or nothing is known."""
        heads = {head for row in self.pictures for picture in row for head in picture.words.heads}
        return "Inputs and targets are of the data, the same for all." if heads else ""

    @property
    def captions(self) -> list[tuple[str, Sequence[tuple[str, str]]]]:
        """Captions of rows of samples, and the groups that they are of where groups differ in them."""
        groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for picture in (picture for row in self.pictures for picture in row):
            if picture.words.rows:
                mine = groups.setdefault(tuple(picture.words.rows), [])
                if picture.group not in mine:
                    mine.append(picture.group)
        return [("" if len(groups) == 1 else ", ".join(names), rows) for rows, names in groups.items()]


def write_page(store: Store, results: ResultTables, *, pictures_mib: float = DEFAULT_MIB) -> Path:
    """Write report.html from the tables, curves and pictures of a results folder.

    The page names what is missing or damaged, and what is left out to keep it small.

    Args:
        store: the folder.
        results: its tables.
        pictures_mib: how much of the samples' pictures to embed, in MiB; the last steps come first.

    Returns:
        The page's path.

    Raises:
        StoreError: the grid is damaged, or the folder cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(_view(store, results, pictures_mib))
    return store.write_text(REPORT, page)


def _view(store: Store, results: ResultTables, pictures_mib: float) -> dict[str, Any]:
    grid, cells, what = results.grid, results.cells, results.compared
    groups = groups_of(cells, what)
    everywhere = contexts(cells, what.axis)
    shown, hidden = everywhere[:MAX_CONTEXTS], everywhere[MAX_CONTEXTS:]
    images, problems = EmbeddedImages(store, shown, pictures_mib), _damaged(cells, results.scores)
    drawn = context_figures(store, results, shown, problems, sharing=len(cells))
    sections = [_section(figures, images) for figures in drawn]
    images.skip(row for context in hidden for rows in context.groups.values() for row in rows)
    problems += images.problems
    left_out = []
    if images.left_out:
        left_out.append(
            f"{images.left_out} pictures of samples, to keep it small; they are in the cells' folders, "
            "and `ganbench report --pictures MIB` takes more of them"
        )
    if hidden:
        left_out.append(f"pictures and curves of {len(hidden)} further contexts")
    if len(results.comparison) > MAX_DIFFERENCES:
        left_out.append(f"{len(results.comparison) - MAX_DIFFERENCES} differences in the picture on top")
    if len(groups) > len(GROUP_COLOURS):
        left_out.append(f"distinct colours: they come round again after {len(GROUP_COLOURS)} groups")
    wrong, further = failures(store, cells)
    if further:
        left_out.append(f"failures and warnings of {further} cells; cells.csv has them")
    name = printable(grid.get("name", store.path.name))
    same, rankings = shared(cells[cells["seed"].notna()])[0], ranking_views(results.ranking)
    if len(rankings) > MAX_CONTEXTS:
        left_out.append(f"{len(rankings) - MAX_CONTEXTS} rankings; ranking.csv has them")
    overview, budget = overview_panels(results.comparison, groups), results.budget
    searched = budget_panels(budget, groups)
    if len(searched) > MAX_CONTEXTS:
        left_out.append(f"{len(searched) - MAX_CONTEXTS} pictures of a random search; budget.csv has them")
    comparison, final = comparison_text_table(results.comparison), final_text_table(results.final)
    return {
        "name": name,
        "facts": [*_facts(cells, what, groups), *_best_facts(results.final)],
        "part": results.part,
        "progress": progress(cells, what.axis, grid),
        "shared": same,
        "answers": by_context(summary_sentences(results.comparison)),
        "anchors": {section.title: f"context-{index}" for index, section in enumerate(sections)},
        "question": question(results.ranking, same) if rankings else "",
        "rankings": rankings[:MAX_CONTEXTS],
        "ranking_lines": [*joint_words(rankings), *mean_rank_lines(results.ranking)] if rankings else [],
        "ranking_heads": RANKING_HEADS,
        "ranking_numbers": RANKING_NUMBERS,
        "groups_note": GROUPS_NOTE,
        "overview": overview,
        "overview_title": f"Differences from {groups[0]}"
        if what.pairs != "all" and groups
        else "Differences",
        "beside": 0 < len(overview) <= _BESIDE,
        "groups": [(label, index % len(GROUP_COLOURS)) for index, label in enumerate(groups)],
        "axis": what.words,
        "uncompared": results.uncompared,
        "comparison": comparison,
        # Said once, under the first table that it is about.
        "final": replace(final, notes=[note for note in final.notes if note not in comparison.notes]),
        "objectives": [
            (name, typeset(formula_d), typeset(formula_g), source)
            for name, formula_d, formula_g, source in objectives_text_table(store, cells).rows
        ],
        "sections": sections,
        "failures": wrong,
        "classes": classes_text_table(store, cells),
        "data": data_text_table(store, cells),
        "search_title": SEARCH_TITLE,
        "search": searched[:MAX_CONTEXTS],
        "budget": budget_text_table(budget),
        "cost": cost_text_table(results),
        "cells": cells_text_table(cells),
        "scores": scores_text_table(results),
        "environments": environments_text_table(cells),
        "grid": store.grid_text(),
        "commands": _commands(name, cells),
        "one_cell": f"ganbench verify {shlex.quote(f'results/{name}')} {cells['cell'].iloc[0]}",
        "downloads": [
            download(CELLS, cells),
            download(SCORES, results.scores),
            download(COMPARISON, results.comparison),
            *([download(RANKING, results.ranking)] if rankings else []),
            *([] if budget.empty else [download(BUDGET, budget)]),
        ],
        "script": Markup(_SCRIPT),
        "script_digest": _digest(_SCRIPT),
        "problems": problems[:50] + ([f"and {len(problems) - 50} more"] if len(problems) > 50 else []),
        "left_out": left_out,
    }


def _section(figures: ContextFigures, images: EmbeddedImages) -> _Section:
    return _Section(
        title=figures.title,
        finals=figures.finals,
        pictures=images.rows(figures.context, figures.present),
        colours=[figures.groups.index(group) % len(GROUP_COLOURS) for group in figures.present],
        real=images.real(figures.context),
        curves=figures.curves,
    )


def _damaged(cells: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """List cells whose record cannot be read, and finished ones without scores."""
    lost = [f"{row['cell']}: {row['reason']}" for row in cells[cells["seed"].isna()].to_dict("records")]
    scored = set(current_rows(scores)["cell"])
    finished = cells.loc[cells["status"] == "ok", "cell"].tolist()
    # Where nothing was scored at all, nothing was asked for.
    return lost + [f"{cell}: no scores" for cell in finished if scored and cell not in scored]


def _facts(cells: pd.DataFrame, what: Compared, groups: Sequence[str]) -> list[tuple[str, str]]:
    counts = cells["status"].value_counts()
    by_status = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0))
    seeds = cells["seed"].dropna().nunique()
    names = ", ".join(groups) or "no finished cell has it"
    if len(what.axes) > 1 and len(names) > _MAX_NAMES_CHARACTERS:
        names = f"{len(groups)} combinations"
    facts = [
        ("Compared", f"{what.words}: {names}"),
        ("Baseline", groups[0] if groups else "-"),
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


def _best_facts(final: pd.DataFrame) -> list[tuple[str, str]]:
    """Say what the scores of kept best generators are, where there are any."""
    chosen = sorted(name for name in set(final["metric"].astype(str)) if name.endswith("_best_chosen"))
    names = [name.removesuffix("_chosen") for name in chosen]
    said = [
        f"{name}: of the generator at the best of its scorings by {name.removesuffix('_best')}, on samples "
        "that it was not chosen by; ganbench sample --best makes them"
        for name in names
    ]
    return [("Best weights", "; ".join(said))] if said else []


def _commands(name: str, cells: pd.DataFrame) -> list[str]:
    """List the commands that make these results again, from the page's grid and the tables' versions."""
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


def _digest(script: str) -> str:
    """Compute the digest by which the page's policy allows this script and nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _distinct(column: pd.Series) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in column if value)) or "-"
