"""A results folder on disk."""

from ganbench.store.folder import CELLS, COMPARISON, GRID, REPORT, SCORES, Store

__all__ = ["CELLS", "COMPARISON", "GRID", "REPORT", "SCORES", "Store"]
