"""The comparison on a terminal: one table, then one sentence a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.report.context import Row, metric_label, shared, telling, where
from ganbench.report.footnotes import footnotes, has_noise
from ganbench.report.results import Results
from ganbench.report.sheets import METRIC_SD, final_sheet, titled
from ganbench.report.verdict import number, p_value

# Wide enough that nothing is cut where the output is a file or a pipe.
_UNBOUNDED = 400


def comparison_table(comparison: pd.DataFrame) -> Table:
    """The comparison as a rich table, a line an arm; names are shown as they are, never as markup."""
    noisy = has_noise(comparison)
    # What is the same in every row stands in the title: a terminal is narrow.
    same, differing = shared(comparison)
    heads = [
        *differing,
        "metric",
        "baseline\nvalue",
        "mean",
        "sd over\nseeds",
        *([METRIC_SD.replace(" the ", " the\n")] if noisy else []),
        "failed",
        "pairs",
        "difference\n[95%]",
        "p\n(Holm)",
    ]
    rows = [
        [
            *(str(row[name]) for name in differing),
            metric_label(row["metric"], row["extractor"]).replace(" (", "\n(", 1),
            f"{row['baseline']}\n{row['value']}",
            _both(row, "mean"),
            _both(row, "sd"),
            *([_both(row, "noise")] if noisy else []),
            f"{row['failures_baseline']}\n{row['failures_value']}",
            str(row["n"]),
            f"{number(row['difference'])}\n[{number(row['low'])}, {number(row['high'])}]",
            "-" if pd.isna(row["p_adjusted"]) else p_value(row["p_adjusted"], "").lstrip("="),
        ]
        for row in comparison.to_dict("records")
    ]
    return _table(titled("Comparison of final scores", same), heads, rows)


def final_table(final: pd.DataFrame) -> Table:
    """Every final value over its seeds as a rich table."""
    sheet = final_sheet(final)
    return _table(titled("Final scores", sheet.shared), sheet.head, sheet.rows, leading=0)


def print_comparison(results: Results, console: Console | None = None) -> None:
    """Print the comparison and its verdicts; to stdout unless another console is given.

    Where there is nothing to compare, the final scores are printed by themselves.
    """
    if console is None:
        console = Console()
        console = console if console.is_terminal else Console(width=_UNBOUNDED)
    comparison, final = results.comparison, results.final
    if not comparison.empty:
        console.print(comparison_table(comparison))
        _print_lines(console, footnotes(comparison))
        _print_lines(console, sentences(comparison))
        return
    console.print("Nothing to compare: the compared axis has fewer than two values with scores.")
    if not final.empty:
        console.print(final_table(final))
        _print_lines(console, footnotes(final))


def sentences(comparison: pd.DataFrame) -> list[str]:
    """One sentence a row: where, which score, and the verdict."""
    context = telling(comparison)
    return [
        f"{where(row, context)}: {metric_label(row['metric'], row['extractor'])}: {row['verdict']}"
        for row in comparison.to_dict("records")
    ]


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], leading: int = 1) -> Table:
    """A table without frames, which leaves a narrow terminal the width."""
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


def _both(row: Row, name: str) -> str:
    return f"{number(row[f'{name}_baseline'])}\n{number(row[f'{name}_value'])}"


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(line), soft_wrap=True)
