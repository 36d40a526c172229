"""`ganbench report DIR`: tables and page, again, from what is stored."""

from __future__ import annotations

from pathlib import Path

from ganbench.cli.console import output, plain
from ganbench.report import print_comparison, write_page, write_tables
from ganbench.store import Store


def report_command(folder: Path) -> int:
    """Write the tables and report.html of a results folder and print the comparison.

    No plugin is needed, nothing is trained, and damaged cells are named rather than fatal.

    Args:
        folder: made by `ganbench run`.

    Raises:
        StoreError: it holds no results, or cannot be written.
    """
    store = Store(folder)
    results = write_tables(store)
    page = write_page(store, results)
    console = output()
    print_comparison(results, console)
    console.print(plain(f"Report: {page}"), soft_wrap=True)
    return 0
