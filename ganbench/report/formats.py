"""A comparison for other programs and for papers: CSV, JSON, Markdown, LaTeX."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.context import metric_label, shared
from ganbench.analysis.verdict import ends, mean_and_sd, number, p_value
from ganbench.report.footnotes import footnotes
from ganbench.report.sheets import titled
from ganbench.report.terminal import family_notes, sentences

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
    title, head, rows = _reading(comparison)
    right = ["---:" if name in _NUMBERS else "---" for name in head]
    lines = [_markdown(title), "", *(_piped(cells) for cells in ([_markdown(name) for name in head], right))]
    lines += [_piped([_markdown(cell) for cell in row]) for row in rows]
    notes = [*footnotes(comparison), *family_notes(comparison), *sentences(comparison)]
    return "\n".join([*lines, "", *(f"- {_markdown(note)}" for note in notes)]) + "\n"


def as_latex(comparison: pd.DataFrame) -> str:
    """A `table` with the rules of booktabs; notes in its caption, verdicts as comments before it."""
    title, head, rows = _reading(comparison)
    columns = "".join("r" if name in _NUMBERS else "l" for name in head)
    caption = " ".join([f"{title}.", *footnotes(comparison), *family_notes(comparison)])
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


def _reading(comparison: pd.DataFrame) -> tuple[str, list[str], list[list[str]]]:
    """Title, headings and rows, rounded for reading; what all rows share stands in the title."""
    same, context = shared(comparison)
    arms = ("baseline", "value")
    head = [*context, "score", "baseline", "mean ± sd (n)", "value", "mean ± sd (n)", "difference"]
    head += ["95% interval", "p (Holm)", "test", "failed", "better"]
    rows = [
        [
            *(str(row[name]) for name in context),
            metric_label(row["metric"], row["extractor"]),
            *(text for arm in arms for text in (row[arm], _mean(row, arm))),
            number(row["difference"]),
            ends(row["low"], row["high"]),
            "-" if pd.isna(row["p_adjusted"]) else p_value(row["p_adjusted"], "").lstrip("="),
            row["test"] or "-",
            f"{row['failures_baseline']} / {row['failures_value']}",
            row["better"] or "-",
        ]
        for row in comparison.to_dict("records")
    ]
    return titled("Comparison of final scores", same), head, rows


def _mean(row: Mapping[str, Any], arm: str) -> str:
    return f"{mean_and_sd(row[f'mean_{arm}'], row[f'sd_{arm}'])} ({row[f'n_{arm}']})"


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
