"""What a report draws of each context: final scores seed by seed, and everything over training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ganbench.analysis.context import Compared, Context, Row, arms_of, shared, telling, where
from ganbench.analysis.final_scores import ignoring_engines
from ganbench.analysis.result_tables import ResultTables
from ganbench.report.panels import Panel, curve_panels, final_panels, score_panels
from ganbench.store import Store


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """The figures of one context.

    Attributes:
        context: whose.
        title: the context in words; of several, what tells it from the others.
        place: the context in words, whatever the others are.
        arms: labels of all arms of the report in the order of their colours, the baseline first.
        present: those of them that the context has.
        finals: final scores.
        curves: scores and diagnostics over steps.
    """

    context: Context
    title: str
    place: str
    arms: Sequence[str]
    present: Sequence[str]
    finals: Sequence[Panel]
    curves: Sequence[Panel]


def chapters(
    store: Store,
    results: ResultTables,
    drawn: Sequence[Context],
    problems: list[str],
    *,
    sharing: int | None = None,
) -> Iterator[Chapter]:
    """A chapter for each context to be drawn, one after another.

    Args:
        store: where the curves are.
        results: the folder's tables.
        drawn: the contexts.
        problems: what is missing or damaged is appended, a line each.
        sharing: number of cells that share the points of a page's curves; each context's own unless given.
    """
    what = results.compared
    readable = results.cells[results.cells["seed"].notna()]
    arms = arms_of(results.cells, what)
    _, differing = shared(readable)
    finals = ignoring_engines(results.finals)
    rows = results.comparison.to_dict("records")
    for context in drawn:
        order = arms or list(context.arms)
        place = _words(context, telling(readable))
        among = sum(map(len, context.arms.values())) if sharing is None else sharing
        yield Chapter(
            context=context,
            title=_words(context, differing) or place,
            place=place,
            arms=order,
            present=[arm for arm in order if arm in context.arms],
            finals=final_panels(context, order, [row for row in rows if _of(row, context)], finals)
            if _comparable(context, what)
            else [],
            curves=[
                *score_panels(context, order, results.scores),
                *curve_panels(store, context, order, among, problems),
            ],
        )


def _words(context: Context, names: Sequence[str]) -> str:
    return where(dict(context.where), [name for name in names if name in context.where])


def _of(row: Row, context: Context) -> bool:
    return all(str(row[name]) == str(value) for name, value in context.where.items())


def _comparable(context: Context, what: Compared) -> bool:
    """One picture of scores that different engines made would compare what the table refuses to."""
    engines = {row["engine"] for rows in context.arms.values() for row in rows if row["status"] == "ok"}
    return len(engines) < 2 or what.axis == "train.engine"
