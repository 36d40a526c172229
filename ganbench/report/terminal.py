"""The comparison on a terminal: one table, then one sentence a row."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.report.context import metric_label, telling, where
from ganbench.report.results import Results
from ganbench.report.verdict import number, p_value

# Wide enough that nothing is cut where the output is a file or a pipe.
_UNBOUNDED = 400


def comparison_table(comparison: pd.DataFrame) -> Table:
    """The comparison as a rich table; names and labels are shown as they are, never as markup."""
    table = Table(title="Comparison of final scores", title_justify="left")
    context = telling(comparison)
    for name in context:
        table.add_column(Text(name), overflow="fold")
    for name in ("metric", "baseline", "value", "pairs", "means", "difference [95%]", "p (Holm)", "failed"):
        table.add_column(name, overflow="fold")
    for row in comparison.to_dict("records"):
        cells = [
            *(str(row[name]) for name in context),
            metric_label(row["metric"], row["extractor"]),
            row["baseline"],
            row["value"],
            str(row["n"]),
            f"{number(row['mean_baseline'])} / {number(row['mean_value'])}",
            f"{number(row['difference'])} [{number(row['low'])}, {number(row['high'])}]",
            "-" if pd.isna(row["p_adjusted"]) else p_value(row["p_adjusted"], "").lstrip("="),
            f"{row['failures_baseline']} / {row['failures_value']}",
        ]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def print_comparison(results: Results, console: Console | None = None) -> None:
    """Print the comparison and its verdicts; to stdout unless another console is given."""
    if console is None:
        console = Console()
        console = console if console.is_terminal else Console(width=_UNBOUNDED)
    if results.comparison.empty:
        console.print("Nothing to compare: the compared axis has fewer than two values with scores.")
        return
    console.print(comparison_table(results.comparison))
    for sentence in sentences(results.comparison):
        console.print(Text(sentence), soft_wrap=True)


def sentences(comparison: pd.DataFrame) -> list[str]:
    """One sentence a row: where, which score, and the verdict."""
    context = telling(comparison)
    return [
        f"{where(row, context)}: {metric_label(row['metric'], row['extractor'])}: {row['verdict']}"
        for row in comparison.to_dict("records")
    ]
