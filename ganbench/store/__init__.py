"""A results folder on disk."""

from ganbench.store.cells import SCORES
from ganbench.store.folder import CELLS, COMPARISON, GRID, REPORT, Store

__all__ = ["CELLS", "COMPARISON", "GRID", "REPORT", "SCORES", "Store"]
