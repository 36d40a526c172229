"""The comparison on a terminal: one table, then one sentence per row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ganbench.analysis.context import axes_of, telling, where
from ganbench.analysis.metric_conflicts import disagreeing
from ganbench.analysis.result_tables import ResultTables
from ganbench.files.trimmed import Trimmed
from ganbench.report.ranking_view import (
    GROUPS_NOTE,
    RankingView,
    joint_words,
    mean_rank_lines,
    question,
    ranking_views,
)
from ganbench.report.table_views import (
    METRIC_SD,
    comparison_view,
    family_notes,
    footnotes,
    optimism_notes,
    sentences,
    titled,
)
from ganbench.report.text_tables import final_text_table

# Wide enough that nothing is cut where the output is a file or a pipe.
_UNBOUNDED = 400
# Names in a narrower column are folded too often to be read.
_NAME = 10
_MAX_NUMBER_CHARACTERS = 12
# Rankings whose tables are printed; of more, the page and ranking.csv have them.
_MAX_RANKINGS = 4


class _FoldingTables:
    """Tables in columns that line up, or a list of their rows where a terminal is too narrow for them.

    Numbers are never cut: one that lacks its last digits is another number.
    """

    def __init__(
        self, title: str, heads: Sequence[str], groups: Mapping[str, Sequence[Sequence[str]]]
    ) -> None:
        """Take what is to be shown.

        Args:
            title: over all of it.
            heads: the columns' headings.
            groups: rows by heading; a row has one text per column, of one line or two.
        """
        self._title = title
        self._heads = heads
        self._groups = groups
        rows = [heads, *(row for group in groups.values() for row in group)]
        # One width per column, so that the tables under their headings line up.
        self._widths = [
            max(cell_len(line) for text in column for line in text.split("\n"))
            for column in zip(*rows, strict=True)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._title)
        first, *others = self._widths
        left = options.max_width - sum(1 + width for width in others) - 1
        if left < min(first, _NAME):
            yield from map(Trimmed, self._list())
            return
        widths = [min(first, left), *others]
        yield Trimmed(_aligned([self._heads], widths))
        for title, group in self._groups.items():
            yield from (Text(title), Trimmed(_aligned(group, widths)), Text(""))

    def _list(self) -> Iterator[Text]:
        for title, group in self._groups.items():
            yield Text(title)
            for names, *others in group:
                yield Text("  " + " / ".join(name.strip() for name in names.split("\n")))
                for head, text in zip(self._heads[1:], others, strict=True):
                    yield Text(f"    {' '.join(head.split())}: {' / '.join(text.splitlines())}")
            yield Text("")


def comparison_table(comparison: pd.DataFrame) -> RenderableType:
    """Lay out the comparison for 80 columns: a heading per score, two lines per pair of groups.

    Names are shown as they are, never as markup, and are folded only where they alone are too long. On a
    terminal that is too narrow for the numbers beside each other, they stand below each other.
    """
    view = comparison_view(comparison)
    heads = [
        "",
        "mean ± sd\nover seeds",
        *([METRIC_SD.replace(" the ", " the\n")] if view.noisy else []),
        "seeds",
        "difference\n[95%]",
        "p\n(Holm)",
    ]
    groups: dict[str, list[list[str]]] = {}
    for row in view.rows:
        title = f"{where(row, view.context)}: {row['score']}" if view.context else row["score"]
        better = f", {row['direction']} is better" if row["direction"] else ""
        groups.setdefault(f"{title}{better}", []).append(
            [
                f"  {row['baseline']}\n  {row['value']}",
                f"{row['mean_baseline']}\n{row['mean_value']}",
                *([f"{row['noise_baseline']}\n{row['noise_value']}"] if view.noisy else []),
                "\n".join(_seeds(row, group) for group in ("baseline", "value")),
                "\n".join(filter(None, (row["difference"], row["brackets"]))),
                row["p_adjusted"],
            ]
        )
    return _FoldingTables(titled("Comparison of final scores", view.shared), heads, groups)


def final_table(final: pd.DataFrame) -> Table:
    """Lay out every final value over its seeds as a rich table."""
    table = final_text_table(final)
    return _table(titled("Final scores", table.shared), table.head, table.rows, leading=0)


def print_comparison(results: ResultTables, console: Console | None = None) -> None:
    """Print the comparison and its verdicts; to stdout unless another console is given.

    Where there is nothing to compare, the final scores are printed by themselves. Of a shard, the first line
    says that it is one.
    """
    if console is None:
        console = Console()
        console = console if console.is_terminal else Console(width=_UNBOUNDED)
    comparison, final = results.comparison, results.final
    if results.part:
        _print_lines(console, [f"{results.part}; what follows is about this part alone"])
    if not comparison.empty:
        print_answer(comparison, results.ranking, console)
        _print_lines(console, [*results.uncompared, *optimism_notes(final)])
        return
    _print_lines(console, results.uncompared)
    console.print("Nothing to compare: the compared axis has fewer than two values with scores.")
    if not final.empty:
        if _final_width(final) <= console.width:
            console.print(Trimmed(final_table(final)))
        else:
            _print_lines(console, _final_lines(final))
        _print_lines(console, [*footnotes(final), *optimism_notes(final)])


def ranking_table(views: Sequence[RankingView]) -> RenderableType:
    """Lay out rankings for 80 columns: a heading per score, a line per value."""
    heads = ["", "is best with\nprobability", "mean ± sd\nover seeds", "seeds"]
    groups = {}
    for view in views:
        rows = []
        for group, value, share, mean, seeds, failed in view.rows:
            rows.append(
                [f"  {group}  {value}", share, mean, f"{seeds}, {failed} failed" if failed else seeds]
            )
        groups[f"{view.title}, {view.better} is better"] = rows
    return _FoldingTables("Ranking, in groups", heads, groups)


def print_ranking(ranking: pd.DataFrame, console: Console) -> None:
    """Print which value to take, then the rankings that it follows from."""
    views = ranking_views(ranking)
    _print_lines(console, [question(ranking)])
    _print_lines(console, [f"  {view.title}: {view.words}" for view in views])
    _print_lines(console, [f"  {line}" for line in (*joint_words(views), *mean_rank_lines(ranking))])
    console.print()
    if len(views) <= _MAX_RANKINGS:
        console.print(ranking_table(views))
        _print_lines(console, [GROUPS_NOTE, ""])


def print_answer(comparison: pd.DataFrame, ranking: pd.DataFrame, console: Console) -> None:
    """Print a comparison that has rows: the ranking, its table, what must be known of it, its verdicts."""
    if not ranking.empty:
        print_ranking(ranking, console)
    console.print(comparison_table(comparison))
    _print_lines(console, [*footnotes(comparison), *family_notes(comparison)])
    console.print()
    _print_lines(console, sentences(comparison))
    context = [name for name in axes_of(comparison) if name in comparison.columns]
    rows = comparison.to_dict("records")
    _print_lines(console, disagreeing(rows, context, telling(comparison)))
    if console.is_terminal and not ranking.empty:
        # By now the ranking has left a small screen.
        views = ranking_views(ranking)[:_MAX_RANKINGS]
        _print_lines(console, ["", "In short:", *(f"  {view.title}: {view.words}" for view in views)])


def _final_width(final: pd.DataFrame) -> int:
    """Columns that the table of final scores takes with every number in one piece."""
    table = final_text_table(final)
    longest = [
        max((cell_len(word) for text in column for word in text.split()), default=0)
        for column in zip(table.head, *table.rows, strict=True)
    ]
    return sum(1 + min(_MAX_NUMBER_CHARACTERS, width) for width in longest)


def _final_lines(final: pd.DataFrame) -> Iterator[str]:
    """List the table of final scores as one line per row."""
    table = final_text_table(final)
    yield titled("Final scores", table.shared)
    for row in table.rows:
        yield "; ".join(f"{head} {text}" for head, text in zip(table.head, row, strict=True) if text)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], leading: int = 1) -> Table:
    """Make a table without frames, which leaves a narrow terminal the width."""
    table = Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        leading=leading,
    )
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _aligned(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Table:
    """Lay out rows in columns of given widths; only names, in the first, give way on a narrow terminal."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for index, width in enumerate(widths):
        table.add_column(width=width, no_wrap=index > 0, overflow="fold" if index == 0 else "ignore")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _seeds(row: Mapping[str, str], group: str) -> str:
    n, failed = row[f"n_{group}"], row[f"failures_{group}"]
    return n if failed == "0" else f"{n}, {failed} failed"


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    # A terminal gets whole words; a file gets whole lines, made for grep.
    for line in lines:
        console.print(Text(line), soft_wrap=not console.is_terminal)
