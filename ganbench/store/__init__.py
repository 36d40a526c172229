"""A results folder on disk."""

from ganbench.store.folder import Store
from ganbench.store.names import CELLS, COMPARISON, GRID, REPORT, SCORES

__all__ = ["CELLS", "COMPARISON", "GRID", "REPORT", "SCORES", "Store"]
