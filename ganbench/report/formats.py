"""A comparison for other programs and for papers: CSV, JSON, Markdown, LaTeX."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.report.table_views import TableView, comparison_view, family_notes, sentences, titled

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
    ("95% interval", "{interval}"),
    ("p (Holm)", "{p_adjusted}"),
    ("test", "{test}"),
    ("failed", "{failures_baseline} / {failures_value}"),
    ("better", "{better}"),
)
# Headings of numbers, which LaTeX sets to the right.
_NUMBERS = ("difference", "95% interval", "p (Holm)")


def as_csv(comparison: pd.DataFrame) -> str:
    """Every column, as in comparison.csv."""
    return str(comparison.to_csv(index=False, lineterminator="\n"))


def as_json(comparison: pd.DataFrame) -> str:
    """An array of objects with every column; what is not defined is null."""
    rows = [{name: _plain(value) for name, value in row.items()} for row in comparison.to_dict("records")]
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def as_markdown(comparison: pd.DataFrame) -> str:
    """A table for reading, then its notes and the verdicts as a list."""
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
    return "\n".join([*lines, "", *(f"- {_markdown(note)}" for note in notes)]) + "\n"


def as_latex(comparison: pd.DataFrame) -> str:
    """A `table` with the rules of booktabs; notes in its caption, verdicts as comments before it."""
    view = comparison_view(comparison)
    head, rows = view.table(_COLUMNS)
    columns = "".join("r" if name in _NUMBERS else "l" for name in head)
    caption = " ".join([f"{_title(view)}.", *view.notes, *family_notes(comparison)])
    lines = [
        *(f"% {line}" for line in sentences(comparison)),
        r"% needs \usepackage{booktabs}",
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
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[pd.DataFrame], str]] = {
    "md": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "json": as_json,
}


def _title(view: TableView) -> str:
    return titled("Comparison of final scores", view.shared)


def _plain(value: Any) -> Any:
    """A table's value in JSON's types."""
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
