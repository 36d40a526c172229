"""A results folder as tables, as a comparison in words and as one page."""

from ganbench.report.page import write_page
from ganbench.report.results import Results, load, write_tables
from ganbench.report.terminal import comparison_table, print_comparison

__all__ = ["Results", "comparison_table", "load", "print_comparison", "write_page", "write_tables"]
