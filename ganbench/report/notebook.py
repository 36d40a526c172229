"""Results in a notebook: the verdicts and the comparison as a piece of HTML, every text escaped."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from ganbench.analysis.context import Row, metric_label, shared
from ganbench.analysis.records import STATUSES
from ganbench.analysis.verdict import bracketed, mean_and_sd, p_value
from ganbench.report.answers import answers
from ganbench.report.footnotes import footnotes

# Of verdicts and of rows: a notebook is no place for thousands.
MOST = 40

_COMPARED = (
    "score",
    "baseline",
    "mean ± sd (n)",
    "value",
    "mean ± sd (n)",
    "difference [95%]",
    "p (Holm)",
    "better",
)
_FINAL = ("score", "mean ± sd (n)", "failed")


def as_html(name: str, cells: pd.DataFrame, comparison: pd.DataFrame, final: pd.DataFrame) -> Markup:
    """The verdicts, then one table: the comparison, or the final scores where nothing is compared.

    Args:
        name: what to call the results.
        cells: table of cells.
        comparison: table of differences.
        final: table of final scores.
    """
    counts = cells["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0))
    table = final if comparison.empty else comparison
    same, context = shared(table)
    if comparison.empty:
        head, rows = [*context, *_FINAL], [_final(row, context) for row in final.to_dict("records")]
        said = [Markup("<li>Nothing to compare.</li>")]
    else:
        head, rows = (
            [*context, *_COMPARED],
            [_compared(row, context) for row in comparison.to_dict("records")],
        )
        said = [
            Markup("<li><b>{}</b> {}{}</li>").format(
                found.mark, f"{found.where}: " if found.where else "", found.words
            )
            for found in answers(comparison)
        ]
    parts = [
        Markup("<p><b>{}</b>: {} {}: {}</p>").format(
            name, len(cells), "cell" if len(cells) == 1 else "cells", told
        ),
        Markup("<ul>{}</ul>").format(_first(said, "<li>and {} more</li>")),
    ]
    if rows:
        parts.append(_table(head, rows))
        notes = [*([f"All rows: {same}."] if same else []), *footnotes(table)]
        parts += [Markup("<p><small>{}</small></p>").format(note) for note in notes]
    return Markup("<div>{}</div>").format(Markup("\n").join(parts))


def _compared(row: Row, context: list[str]) -> list[str]:
    return [
        *(str(row[name]) for name in context),
        metric_label(row["metric"], row["extractor"]),
        *(text for arm in ("baseline", "value") for text in (row[arm], _mean(row, f"_{arm}"))),
        bracketed(row["difference"], row["low"], row["high"]),
        "-" if pd.isna(row["p_adjusted"]) else p_value(row["p_adjusted"], "").lstrip("="),
        row["better"] or "-",
    ]


def _final(row: Row, context: list[str]) -> list[str]:
    return [
        *(str(row[name]) for name in context),
        metric_label(row["metric"], row["extractor"]),
        _mean(row, ""),
        str(row["failures"]),
    ]


def _mean(row: Row, arm: str) -> str:
    return f"{mean_and_sd(row[f'mean{arm}'], row[f'sd{arm}'])} ({row[f'n{arm}']})"


def _table(head: list[str], rows: list[list[str]]) -> Markup:
    lines = [
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    ]
    more = f'<tr><td colspan="{len(head)}">and {{}} more</td></tr>'
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
        Markup("").join(Markup("<th>{}</th>").format(name) for name in head), _first(lines, more)
    )


def _first(items: list[Markup], more: str) -> Markup:
    """As many as a notebook bears, and a word about the others."""
    kept = items[:MOST]
    if len(items) > MOST:
        kept.append(Markup(more).format(len(items) - MOST))
    return Markup("\n").join(kept)
