"""The comparison on a terminal: one table, then one sentence a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.analysis.context import Row, axes_of, metric_label, shared, telling, where
from ganbench.analysis.metric_conflicts import disagreeing
from ganbench.analysis.verdict import bracketed, mean_and_sd, number, p_value
from ganbench.report.footnotes import footnotes, has_noise
from ganbench.report.results import Results
from ganbench.report.sheets import METRIC_SD, final_sheet, titled

# Wide enough that nothing is cut where the output is a file or a pipe.
_UNBOUNDED = 400
_ARMS = ("baseline", "value")


def comparison_table(comparison: pd.DataFrame) -> Group:
    """The comparison for a terminal of 80 columns: a heading for each score, two lines for each pair of arms.

    Names are shown as they are, never as markup, and are folded only where they alone are too long.
    """
    noisy = has_noise(comparison)
    context = shared(comparison)[1]
    heads = [
        "",
        "mean ± sd\nover seeds",
        *([METRIC_SD.replace(" the ", " the\n")] if noisy else []),
        "seeds",
        "difference\n[95%]",
        "p\n(Holm)",
    ]
    groups: dict[str, list[list[str]]] = {}
    for row in comparison.to_dict("records"):
        score = metric_label(row["metric"], row["extractor"])
        title = f"{where(row, context)}: {score}" if context else score
        better = f", {row['direction']} is better" if row["direction"] else ""
        groups.setdefault(f"{title}{better}", []).append(
            [
                f"  {row['baseline']}\n  {row['value']}",
                "\n".join(_mean(row, arm) for arm in _ARMS),
                *(["\n".join(number(row[f"noise_{arm}"]) for arm in _ARMS)] if noisy else []),
                "\n".join(_seeds(row, arm) for arm in _ARMS),
                bracketed(row["difference"], row["low"], row["high"], "\n"),
                "-" if pd.isna(row["p_adjusted"]) else p_value(row["p_adjusted"], "").lstrip("="),
            ]
        )
    # One width a column, so that the tables under their headings line up.
    rows = [heads, *(row for group in groups.values() for row in group)]
    widths = [
        max(len(line) for text in column for line in text.split("\n")) for column in zip(*rows, strict=True)
    ]
    shown: list[RenderableType] = [Text(titled("Comparison of final scores", shared(comparison)[0]))]
    shown.append(_aligned([heads], widths))
    for title, group in groups.items():
        shown += [Text(title), _aligned(group, widths), Text("")]
    return Group(*shown)


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
        print_answer(comparison, console)
        return
    console.print("Nothing to compare: the compared axis has fewer than two values with scores.")
    if not final.empty:
        console.print(final_table(final))
        _print_lines(console, footnotes(final))


def print_answer(comparison: pd.DataFrame, console: Console) -> None:
    """Print a comparison that has rows: its table, what must be known of it, its verdicts."""
    console.print(comparison_table(comparison))
    _print_lines(console, [*footnotes(comparison), *family_notes(comparison)])
    console.print()
    _print_lines(console, sentences(comparison))
    context = [name for name in axes_of(comparison) if name in comparison.columns]
    rows = comparison.to_dict("records")
    _print_lines(console, disagreeing(rows, context, telling(comparison)))


def family_notes(comparison: pd.DataFrame) -> list[str]:
    """Over which tests p was adjusted; nothing where there was one."""
    sizes = comparison["family_size"].dropna()
    if sizes.empty or sizes.iloc[0] < 2:
        return []
    return [f"p (Holm): adjusted over {sizes.iloc[0]} tests: {comparison['family'].iloc[0]}."]


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


def _aligned(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Table:
    """Rows in columns of given widths; only the names, in the first, give way on a narrow terminal."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for index, width in enumerate(widths):
        table.add_column(width=width, no_wrap=index > 0, overflow="fold" if index == 0 else "ignore")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _mean(row: Row, arm: str) -> str:
    return mean_and_sd(row[f"mean_{arm}"], row[f"sd_{arm}"])


def _seeds(row: Row, arm: str) -> str:
    failed = row[f"failures_{arm}"]
    return f"{row[f'n_{arm}']}, {failed} failed" if failed else str(row[f"n_{arm}"])


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    # A terminal gets whole words; a file gets whole lines, made for grep.
    for line in lines:
        console.print(Text(line), soft_wrap=not console.is_terminal)
