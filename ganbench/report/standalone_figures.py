"""The figures of a report to be used elsewhere: each says by itself what it shows, and of which cells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ganbench.analysis.context import contexts, groups_of
from ganbench.analysis.result_tables import ResultTables
from ganbench.report.budget_figures import SEARCH_TITLE, budget_panels
from ganbench.report.context_figures import Panel, context_figures
from ganbench.report.figures import fitted
from ganbench.report.overview import overview_panels
from ganbench.report.svg import INK, colour
from ganbench.store import Store

_TITLE_WIDTH = 46
_LEGEND_WIDTH = 44
_NOTE_WIDTH = 52
# Of text, in inches.
_LINE = 0.16


@dataclass(frozen=True, kw_only=True)
class StandaloneFigure:
    """One figure that stands alone.

    Attributes:
        name: context and title; no two figures of a report share one.
        figure: of matplotlib, with title, legend and a white background.
        description: what it shows, for those who cannot see it.
    """

    name: str
    figure: Figure
    description: str


def standalone_figures(
    store: Store, results: ResultTables, problems: list[str]
) -> Iterator[StandaloneFigure]:
    """Draw the figures of report.html, of every context, one after another.

    Args:
        store: where the curves are.
        results: the folder's tables.
        problems: what is missing or damaged is appended, one line each.
    """
    taken: set[str] = set()
    groups = groups_of(results.cells, results.compared)
    title = "Differences" if results.compared.pairs == "all" else "Differences from the baseline"
    for panel in overview_panels(results.comparison, groups):
        yield _standalone(panel, title, (), groups, taken)
    searched = [group for group in groups if group in set(results.budget["value"])]
    for panel in budget_panels(results.budget, groups):
        yield _standalone(panel, SEARCH_TITLE, searched, groups, taken)
    # A file takes more points than a page: its curves share them with those of their context only.
    everywhere = contexts(results.cells, results.compared.axis)
    for figures in context_figures(store, results, everywhere, problems):
        for panel in figures.finals:
            yield _standalone(panel, figures.place, (), figures.groups, taken)
        for panel in figures.curves:
            yield _standalone(panel, figures.place, figures.present, figures.groups, taken)


def _standalone(
    panel: Panel, place: str, legend: Sequence[str], order: Sequence[str], taken: set[str]
) -> StandaloneFigure:
    """Complete a panel with the text around it on the page; the legend has the order of the colours."""
    name, count = f"{place}: {panel.title}", 1
    while name in taken:  # the same score under another protocol
        count += 1
        name = f"{place}: {panel.title} ({count})"
    taken.add(name)
    figure, axes = panel.figure, panel.figure.axes[0]
    figure.patch.set(alpha=1, facecolor="white")
    title = [line for text in (panel.title, place) for line in textwrap.wrap(text, _TITLE_WIDTH)]
    axes.set_title("\n".join(title), fontsize=9, color=INK, loc="left", parse_math=False)
    below = [axes.get_xlabel(), *textwrap.wrap(panel.note, _NOTE_WIDTH)]
    axes.set_xlabel("\n".join(filter(None, below)), parse_math=False)
    if legend:
        marks = [Line2D([], [], color=colour(order.index(group)), linewidth=1.8) for group in legend]
        labels = [fitted(group, order[0], _LEGEND_WIDTH) for group in legend]
        box = figure.legend(marks, labels, loc="outside lower left", fontsize=8, frameon=False)
        for text in box.get_texts():
            text.set(parse_math=False, color=INK)  # a name from disk is never a formula
    figure.set_figheight(figure.get_figheight() + _LINE * (len(title) + len(below) + len(legend)))
    for mark in figure.findobj():
        mark.set_gid(None)  # what the page's script reads
    return StandaloneFigure(
        name=name, figure=figure, description=f"{place}: {panel.description}. {panel.note}".strip()
    )
