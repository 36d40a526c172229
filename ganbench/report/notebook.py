"""Results in a notebook: the verdicts and the comparison as a piece of HTML, every text escaped."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from ganbench.analysis.records import STATUSES
from ganbench.report.ranking_view import ranking_views
from ganbench.report.summary import summary_sentences
from ganbench.report.table_views import comparison_view, final_view

# Of verdicts and of rows: a notebook is no place for thousands.
MAX_ITEMS = 40

_COMPARISON = (
    ("score", "{score}"),
    ("baseline", "{baseline}"),
    ("mean ± sd (n)", "{mean_baseline} ({n_baseline})"),
    ("value", "{value}"),
    ("mean ± sd (n)", "{mean_value} ({n_value})"),
    ("difference [95%]", "{bracketed}"),
    ("p (Holm)", "{p_adjusted}"),
    ("better", "{better}"),
)
_FINAL = (("score", "{score}"), ("mean ± sd (n)", "{mean_and_sd} ({n})"), ("failed", "{failures}"))


def as_html(
    name: str,
    cells: pd.DataFrame,
    comparison: pd.DataFrame,
    ranking: pd.DataFrame,
    final: pd.DataFrame,
    part: str = "",
) -> Markup:
    """Write the ranking's words, the verdicts, then the comparison, or the final scores without one.

    Args:
        name: what to call the results.
        cells: table of cells.
        comparison: table of differences.
        ranking: table of the ranking.
        final: table of final scores.
        part: says that this is a part of a grid; empty where it is all of it.
    """
    counts = cells["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0))
    if comparison.empty:
        view = final_view(final)
        head, rows = view.table(_FINAL)
        said = [Markup("<li>Nothing to compare.</li>")]
    else:
        view = comparison_view(comparison)
        head, rows = view.table(_COMPARISON)
        said = [
            Markup("<li><b>{}</b>: {}</li>").format(found.title, found.words)
            for found in ranking_views(ranking)
        ]
        said += [
            Markup("<li><b>{}</b> {}{}</li>").format(
                found.mark, f"{found.where}: " if found.where else "", found.words
            )
            for found in summary_sentences(comparison)
        ]
    parts = [
        Markup("<p><b>{}</b>: {} {}: {}</p>").format(
            name, len(cells), "cell" if len(cells) == 1 else "cells", told
        ),
        *([Markup("<p>{}</p>").format(part)] if part else []),
        Markup("<ul>{}</ul>").format(_first(said, "<li>and {} more</li>")),
    ]
    if rows:
        parts.append(_table(head, rows))
        notes = [*([f"All rows: {view.shared}."] if view.shared else []), *view.notes]
        parts += [Markup("<p><small>{}</small></p>").format(note) for note in notes]
    return Markup("<div>{}</div>").format(Markup("\n").join(parts))


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
    """Join the first MAX_ITEMS items, and a count of the others."""
    kept = items[:MAX_ITEMS]
    if len(items) > MAX_ITEMS:
        kept.append(Markup(more).format(len(items) - MAX_ITEMS))
    return Markup("\n").join(kept)
