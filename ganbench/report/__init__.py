"""What a results folder says: tables, a comparison in words, one page."""

from ganbench.report.page import write_page
from ganbench.report.results import Results, load, write_tables
from ganbench.report.terminal import comparison_table, print_comparison

__all__ = ["Results", "comparison_table", "load", "print_comparison", "write_page", "write_tables"]
