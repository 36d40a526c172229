"""Exports for other programs and for papers: CSV, JSON, Markdown, LaTeX, figures, event files."""

from __future__ import annotations

import json
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from ganbench.analysis.context import Row, axes_of, metric_label
from ganbench.analysis.result_tables import ResultTables
from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import write_folder
from ganbench.report.ranking_view import (
    GROUPS_NOTE,
    RANKING_HEADS,
    RANKING_NUMBERS,
    RankingView,
    joint_words,
    mean_rank_lines,
    question,
    ranking_views,
)
from ganbench.report.standalone_figures import StandaloneFigure, standalone_figures
from ganbench.report.table_views import TableView, comparison_view, family_notes, sentences, titled
from ganbench.store import Store

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
_MINUS = re.compile(r"(?<![\w\]])-(?=\d)")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "²": r"$^2$",
    **{letter: f"\\{letter}" for letter in "{}$&#_%"},
}
_COLUMNS = (
    ("score", "{score}"),
    ("baseline", "{baseline}"),
    ("mean ± sd (n)", "{mean_baseline} ({n_baseline})"),
    ("value", "{value}"),
    ("mean ± sd (n)", "{mean_value} ({n_value})"),
    ("difference", "{difference}"),
    ("simultaneous 95% interval", "{interval}"),
    ("p (Holm)", "{p_adjusted}"),
    ("test", "{test}"),
    ("failed", "{failures_baseline} / {failures_value}"),
    ("better", "{better}"),
)
# Headings of numbers, which LaTeX sets to the right.
_NUMBERS = ("difference", "simultaneous 95% interval", "p (Holm)")
_DOTS_PER_INCH = 200
_MAX_STEM_LENGTH = 100
_NOT_IN_STEMS = re.compile(r"[^a-z0-9]+")
# TensorBoard shows this many points of a curve unless told otherwise.
_MAX_CURVE_POINTS = 1000
# Beyond this a step is no longer exact, nor plausible.
_MAX_STEP = 2**53

Series = tuple[str, np.ndarray, np.ndarray]


def as_csv(comparison: pd.DataFrame, ranking: pd.DataFrame | None = None) -> str:
    """Write every column, as in comparison.csv; without the ranking, which has other columns."""
    return str(comparison.to_csv(index=False, lineterminator="\n"))


def as_json(comparison: pd.DataFrame, ranking: pd.DataFrame | None = None) -> str:
    """Write an array of objects with every column; what is not defined is null; without the ranking."""
    rows = [{name: _plain(value) for name, value in row.items()} for row in comparison.to_dict("records")]
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def as_markdown(comparison: pd.DataFrame, ranking: pd.DataFrame | None = None) -> str:
    """Write the ranking, a table for reading, then its notes and the verdicts as a list."""
    view = comparison_view(comparison)
    head, rows = view.table(_COLUMNS)
    right = ["---:" if name in _NUMBERS else "---" for name in head]
    lines = [
        _markdown(_title(view)),
        "",
        *(_piped(cells) for cells in ([_markdown(name) for name in head], right)),
    ]
    lines += [_piped([_markdown(cell) for cell in row]) for row in rows]
    notes = [*view.notes, *family_notes(comparison), *sentences(comparison)]
    lines = [*_ranking_markdown(ranking), *lines, "", *(f"- {_markdown(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def _ranking_markdown(ranking: pd.DataFrame | None) -> list[str]:
    if ranking is None or ranking.empty:
        return []
    views = ranking_views(ranking)
    lines = [_markdown(question(ranking)), ""]
    lines += [f"- {_markdown(f'{view.title}: {view.words}')}" for view in views]
    lines += [f"- {_markdown(line)}" for line in (*joint_words(views), *mean_rank_lines(ranking))]
    head, rows = _ranking_table(views)
    right = ["---:" if name in RANKING_NUMBERS else "---" for name in head]
    lines += ["", *(_piped(cells) for cells in ([_markdown(name) for name in head], right))]
    lines += [_piped([_markdown(cell) for cell in row]) for row in rows]
    return [*lines, "", _markdown(GROUPS_NOTE), ""]


def _ranking_table(views: Sequence[RankingView]) -> tuple[list[str], list[list[str]]]:
    """Lay out all rankings as one table, a column for what each is of where there are several."""
    if len(views) == 1:
        return list(RANKING_HEADS), [list(row) for row in views[0].rows]
    return ["by", *RANKING_HEADS], [[view.title, *row] for view in views for row in view.rows]


def as_latex(comparison: pd.DataFrame, ranking: pd.DataFrame | None = None) -> str:
    """Write a `table` with the rules of booktabs; notes in its caption, verdicts as comments before it.

    A ranking has such a table of its own, before it.
    """
    view = comparison_view(comparison)
    head, rows = view.table(_COLUMNS)
    caption = " ".join([f"{_title(view)}.", *view.notes, *family_notes(comparison)])
    comments, before = sentences(comparison), []
    if ranking is not None and not ranking.empty:
        views = ranking_views(ranking)
        said = [f"{one.title}: {one.words}" for one in views]
        comments = [*said, *joint_words(views), *mean_rank_lines(ranking), *comments]
        before = _latex_table(*_ranking_table(views), RANKING_NUMBERS, f"{question(ranking)}. {GROUPS_NOTE}")
    lines = [*(f"% {line}" for line in comments), r"% needs \usepackage{booktabs}", *before]
    return "\n".join([*lines, *_latex_table(head, rows, _NUMBERS, caption)]) + "\n"


def _latex_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], caption: str
) -> list[str]:
    columns = "".join("r" if name in numbers else "l" for name in head)
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _ampersands(head),
        r"\midrule",
        *(_ampersands(row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


FORMATS: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], str]] = {
    "md": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "json": as_json,
}


def _title(view: TableView) -> str:
    return titled("Comparison of final scores", view.shared)


def _plain(value: Any) -> Any:
    """Turn a table's value into JSON's types."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _ampersands(cells: Sequence[str]) -> str:
    return rf"{' & '.join(map(_latex, cells))} \\"


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(letter, letter) for letter in text)
    return _MINUS.sub("$-$", escaped)


def write_figures(results: ResultTables, folder: Path) -> tuple[int, list[str]]:
    """Write each figure of the page as NAME.png (200 dots an inch) and NAME.svg.

    A figure's name is made of its context and title, so it stays when other cells are added.

    Args:
        results: tables of a results folder.
        folder: where; made, and with everything in it or not at all.

    Returns:
        The number of figures, and what is missing of them, one line each.

    Raises:
        StoreError: there is nothing to draw, something is in `folder`, or it cannot be written.
    """
    problems: list[str] = []
    stems: set[str] = set()

    def draw(place: Path) -> None:
        drawn = standalone_figures(Store(results.path), results, problems)
        for one in drawn:
            _save(one, place, file_stem(one.name, stems))
        if not stems:
            raise StoreError(f"{results.path}: nothing to draw: no cell has curves or scores")

    write_folder(folder, draw)
    return len(stems), problems


def file_stem(name: str, taken: set[str]) -> str:
    """Make a name that is valid on any file system and not among those taken, to which it is added.

    Args:
        name: what the file shows; may contain anything.
        taken: names that are in use.
    """
    ascii_ = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    stem = base = _NOT_IN_STEMS.sub("-", ascii_.replace("'", ""))[:_MAX_STEM_LENGTH].strip("-") or "figure"
    count = 1
    while stem in taken:
        count += 1
        stem = f"{base}-{count}"
    taken.add(stem)
    return stem


def _save(drawn: StandaloneFigure, place: Path, stem: str) -> None:
    about = {"Title": drawn.name, "Description": drawn.description}
    # The salt and the missing date keep the file the same from drawn time to the next.
    settings = mpl.rc_context({"svg.hashsalt": "ganbench"})
    with settings, warnings.catch_warnings():
        # A name may have glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        drawn.figure.savefig(place / f"{stem}.png", dpi=_DOTS_PER_INCH, metadata=about)
        drawn.figure.savefig(place / f"{stem}.svg", metadata={**about, "Date": None})


def writer_class() -> Any:
    """Import the writer of event files.

    Raises:
        GanbenchError: the optional package `tensorboard` is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise GanbenchError(
            '--tensorboard: needs the package tensorboard; pip install "ganbench[tensorboard]"'
        ) from error
    return SummaryWriter


def write_events(results: ResultTables, folder: Path) -> tuple[int, list[str]]:
    """Write the curves and scores of each cell as scalars over generator steps.

    A run is called by the cell's axes, seed and name. Curves are thinned to 1000 points; a score is the
    mean over its repeats, and its tag holds extractor and protocol, without which no two are comparable.

    Args:
        results: tables of a results folder.
        folder: where; made, and with everything in it or not at all.

    Returns:
        The number of runs, and what is missing of them, one line each.

    Raises:
        GanbenchError: `tensorboard` is not installed.
        StoreError: no cell has curves or scores, something is in `folder`, or it cannot be written.
    """
    writer = writer_class()
    store = Store(results.path)
    problems: list[str] = []
    runs: set[str] = set()
    scores = {str(cell): rows for cell, rows in results.scores.groupby("cell")}
    axes = axes_of(results.cells)

    def fill(place: Path) -> None:
        for row in results.cells[results.cells["seed"].notna()].to_dict("records"):
            series = [*_curves(store, row, problems), *_scores(scores.get(row["cell"]))]
            if not series:
                continue
            name = " ".join([*(str(row[axis]) for axis in axes), f"seed {row['seed']:.0f}"])
            with writer(place / f"{file_stem(name, runs)}-{row['cell']}") as events:
                for tag, steps, values in series:
                    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                        events.add_scalar(tag, value, int(step))
        if not runs:
            raise StoreError(f"{results.path}: nothing to write: no cell has curves or scores")

    write_folder(folder, fill)
    return len(runs), problems


def _curves(store: Store, row: Row, problems: list[str]) -> Iterator[Series]:
    """Yield each quantity of a cell that has a finite value; those that are not finite stay as they are."""
    try:
        table = store.curves(row["cell"])
    except StoreError as error:
        problems.append(str(error).replace(f"{store.path}/", ""))
        return
    if table is None or "step" not in table.columns:
        return
    kept = table.iloc[np.unique(np.linspace(0, len(table) - 1, _MAX_CURVE_POINTS).astype(int))]
    numbers = kept.apply(pd.to_numeric, errors="coerce").astype(float)
    numbers = numbers[numbers["step"].abs() < _MAX_STEP]
    for name in numbers.columns.drop("step"):
        if np.isfinite(numbers[name]).any():
            yield f"curves/{name}", numbers["step"].to_numpy(), numbers[name].to_numpy()


def _scores(rows: pd.DataFrame | None) -> Iterator[Series]:
    if rows is None:
        return
    for (metric, extractor, protocol), mine in rows.groupby(["metric", "extractor", "protocol"], sort=True):
        means = mine.groupby("step")["value"].mean()
        tag = f"scores/{metric_label(str(metric), str(extractor))}, protocol {protocol}"
        yield tag, means.index.to_numpy(dtype=float), means.to_numpy(dtype=float)
